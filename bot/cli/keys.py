"""``limner keys``: keys of the HTTP API, made, listed and revoked, also beside a running bot."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.offline import ACTOR, Office, model_name, order, person_id, work
from bot.cli.options import ConfigOption, JsonOption
from engine.config import pocket
from engine.errors import NotFound, PromptError
from engine.jobs import Speed
from engine.library.gallery import Gallery
from engine.library.retention import Retention
from engine.rules import keys
from engine.rules.keys import SCOPES, Key, Scope
from engine.service.origin import Origin
from engine.service.pictures import Pictures
from engine.service.settings import HostConfig
from engine.store import keys as store_keys

app = typer.Typer(no_args_is_help=True, help="Keys of the HTTP API; the bot may run meanwhile.")

DAY = 86400.0
PART = 256 * 2**20
"""Bytes of one file of an export."""
KeyArgument = Annotated[str, typer.Argument(help="Its number, its name, or how it begins.")]
SHARED = "This key acts for {}, who has `/privacy export` and `/privacy delete` for that."


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for, such as the program that uses it.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="What it may do: draw, read, metrics. Default: draw and read.")
    ] = None,
    person: Annotated[
        str | None, typer.Option(metavar="ID", help="A Discord user id whose jobs and limits it shares.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only this model; repeat for more.")] = None,
    days: Annotated[float | None, typer.Option(min=0.001, help="Days until it expires; else never.")] = None,
    allowance: Annotated[
        float | None, typer.Option(min=0, help="Seconds of the device it may use in a period.")
    ] = None,
    speed: Annotated[Speed | None, typer.Option(help="How urgently its jobs are drawn.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a key and show it, once."""
    scopes = _scopes(scope)
    who = None if person is None else person_id(person)
    secret = keys.make()

    async def do(office: Office) -> Key:
        models = None if not model else tuple(model_name(office.config, one) for one in model)
        now = office.store.now()
        new = store_keys.NewKey(
            name=name,
            start=secret[: keys.START],
            sha256=keys.digest(secret),
            scopes=scopes,
            actor=ACTOR,
            person=who,
            models=models,
            allowance=allowance,
            speed=speed,
            expires_at=None if days is None else now + days * DAY,
        )
        return await office.store.write(store_keys.create, now, new)

    key = work(config, do, make=True)
    if as_json:
        typer.echo(json.dumps({"id": key.id, "name": key.name, "owner": key.owner, "key": secret}))
        return
    typer.echo(secret)
    typer.echo(f"This is key {key.id}. Keep it now: it is not shown again.", err=True)


def _scopes(named: list[str] | None) -> tuple[Scope, ...]:
    if not named:
        return ("draw", "read")
    known: list[Scope] = [one for one in SCOPES if one in named]
    for name in named:
        if name not in SCOPES:
            raise PromptError(f"`{name}` is not a scope. There are {', '.join(SCOPES)}.")
    return tuple(known)


@app.command("list")
def list_keys(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show all keys: their beginnings, what they may do, when they were used."""

    async def do(office: Office) -> tuple[float, list[Key]]:
        return office.store.now(), await office.store.read(store_keys.every)

    now, every = work(config, do, make=True)
    if as_json:
        typer.echo(json.dumps([_as_json(key, now) for key in every]))
        return
    if not every:
        typer.echo("There are no keys. `limner keys create NAME` makes one.")
    for key in every:
        used = "never used" if key.used_at is None else f"used {_day(key.used_at)}"
        ends = "" if key.expires_at is None else f", expires {_day(key.expires_at)}"
        about = "; ".join([", ".join(sorted(key.scopes)), key.owner, used + ends])
        typer.echo(f"{key.id:>4}  {key.start}…  {key.state(now):<7}  {key.name}  ({about})")


def _as_json(key: Key, now: float) -> dict[str, Any]:
    shown = asdict(key) | {"state": key.state(now), "scopes": sorted(key.scopes)}
    del shown["revoked_at"]  # its state says so
    return shown


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


@app.command()
def revoke(key: KeyArgument, config: ConfigOption = None) -> None:
    """End a key for good; what it does ends within a second."""

    async def do(office: Office) -> Key:
        named = await _named(office, key, still=True)
        ended = await office.store.write(store_keys.revoke, office.store.now(), ACTOR, named.id)
        return ended or named

    ended = work(config, do, make=True)
    typer.echo(f"Key {ended.id} ({ended.name}) opens nothing any more.")


@app.command()
def export(
    key: KeyArgument,
    folder: Annotated[Path, typer.Argument(help="Where the ZIP files go.")],
    config: ConfigOption = None,
) -> None:
    """Write everything that is kept about a key as ZIP files, its pictures too."""

    async def do(office: Office) -> int:
        owner = _alone(await _named(office, key))
        gallery = Gallery(office.config.data_dir / "pictures")
        origin = Origin(HostConfig(office.config), gallery, office.config.models or (pocket(),))
        files, number = Pictures(office.store, gallery, origin), 0
        retention = await Retention.of(office.store, gallery)
        async for part in retention.export(owner, PART, files.shown, files.film):
            number += 1
            path = folder / f"{owner.replace(':', '-')}-{number}.zip"
            path.touch(mode=0o600)
            path.write_bytes(part)
        return number

    folder.mkdir(parents=True, exist_ok=True)
    parts = work(config, do)
    typer.echo(f"{parts} file{'' if parts == 1 else 's'} in {folder}")


@app.command()
def forget(key: KeyArgument, config: ConfigOption = None) -> None:
    """Delete a key and everything that was drawn with it; there is no way back."""

    async def do(office: Office) -> None:
        found = await _named(office, key)
        owner = _alone(found)
        await office.store.write(store_keys.revoke, office.store.now(), ACTOR, found.id)
        await office.errand("forget", owner)

    order(config, do)


async def _named(office: Office, key: str, *, still: bool = False) -> Key:
    """Return the one key that is called so; ``still``: not revoked. Raises NotFound, PromptError."""
    every = await office.store.read(store_keys.every)
    named = [one for one in every if key in (str(one.id), one.name) or key.startswith(one.start)]
    named = [one for one in named if not still or one.revoked_at is None]
    if not named:
        holds = " that still holds" if still else ""
        raise NotFound(f"There is no key `{key[: keys.START]}`{holds}. `limner keys list` shows all.")
    if len(named) > 1:
        numbers = ", ".join(str(one.id) for one in named)
        raise PromptError(f"Several keys are called `{key}`. Name one by its number: {numbers}.")
    return named[0]


def _alone(key: Key) -> str:
    """Return as whom a key draws that acts for nobody. Raises PromptError."""
    if key.owner != f"key:{key.id}":
        raise PromptError(SHARED.format(key.owner))
    return key.owner
