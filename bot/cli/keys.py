"""``limner keys``: keys of the HTTP API, made, listed and revoked, also beside a running bot."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from bot.cli.offline import ACTOR, ConfigOption, JsonOption, Office, person_id, work
from engine.errors import NotFound, PromptError
from engine.jobs import Speed
from engine.rules import keys
from engine.rules.keys import SCOPES, Key, Scope
from engine.store import keys as store_keys

app = typer.Typer(no_args_is_help=True, help="Keys of the HTTP API; the bot may run meanwhile.")

DAY = 86400.0


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
        models = None if not model else tuple(office.model(one) for one in model)
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
    return {
        "id": key.id,
        "name": key.name,
        "owner": key.owner,
        "start": key.start,
        "state": key.state(now),
        "scopes": sorted(key.scopes),
        "models": key.models,
        "allowance": key.allowance,
        "speed": key.speed,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "used_at": key.used_at,
    }


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Its number, its name, or how it begins.")],
    config: ConfigOption = None,
) -> None:
    """End a key for good; what it does ends within a second."""

    async def do(office: Office) -> Key:
        every = [one for one in await office.store.read(store_keys.every) if one.revoked_at is None]
        named = [one for one in every if key in (str(one.id), one.name) or key.startswith(one.start)]
        if not named:
            start = key[: keys.START]
            raise NotFound(f"There is no key `{start}` that still holds. `limner keys list` shows all.")
        if len(named) > 1:
            numbers = ", ".join(str(one.id) for one in named)
            raise PromptError(f"Several keys are called `{key}`. Name one by its number: {numbers}.")
        ended = await office.store.write(store_keys.revoke, office.store.now(), ACTOR, named[0].id)
        return ended or named[0]

    ended = work(config, do, make=True)
    typer.echo(f"Key {ended.id} ({ended.name}) opens nothing any more.")
