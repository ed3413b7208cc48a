"""``limner admin``: what ``/admin`` does, for the host and all servers, from the command line.

Long: one command group.

Works on the database, whether the bot runs or not: what changes there a running bot takes up within two
seconds, one that starts later at its start.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli import defaults, rules
from bot.cli.offline import ACTOR, LATER, Office, ServerOption, model_name, order, owner_id, server_id, work
from bot.cli.options import ConfigOption, JsonOption
from engine.errors import NotFound
from engine.images.chart import chart
from engine.rules import changes
from engine.rules import stats as counted
from engine.rules.rules import EVERYWHERE, Allowance, Ban, Open, Period, Rules
from engine.service import SETTINGS, SUFFIX
from engine.service import server as place
from engine.store import jobs as store_jobs
from engine.store import preferences as store_preferences

app = typer.Typer(no_args_is_help=True, help="What /admin does, for all servers; the bot may run meanwhile.")
app.add_typer(rules.channels, name="channels")
app.add_typer(rules.roles, name="roles")
app.add_typer(defaults.defaults, name="defaults")
app.add_typer(defaults.styles, name="styles")
app.command("log")(rules.log)


def defaults_of(config: Path | None, server: str) -> dict[str, Any]:
    """Return a server's defaults and styles, as ``engine.planning.explain.as_json`` takes them."""

    async def do(office: Office) -> dict[str, Any]:
        guild = server_id(server) or ""
        kept = await office.store.read(store_preferences.of, place(guild))
        layers = [("server", kept[key]) for key in (SUFFIX, SETTINGS) if kept.get(key)]
        return {"layers": layers, "styles": office.admin.rules(guild).styles}

    return work(config, do)


PersonArgument = Annotated[str, typer.Argument(help="Their Discord id, or key:N for a key of the HTTP API.")]


def _state(config: Path | None, server: str | None, state: Open, until: float | None = None) -> None:
    change = changes.set_state(state, until)
    changed = work(config, lambda office: office.admin.change(ACTOR, server_id(server), change))
    typer.echo(LATER if changed else "It was already like that.")


@app.command()
def pause(
    length: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Such as 30m, 2h; else until `resume`.")
    ] = None,
    server: ServerOption = None,
    config: ConfigOption = None,
) -> None:
    """Start nothing new; what is asked for waits."""
    from bot.commands.admin.people import seconds

    until = None if length is None else time.time() + seconds(length)
    _state(config, server, "paused", until)


@app.command()
def drain(server: ServerOption = None, config: ConfigOption = None) -> None:
    """Take nothing new; what waits is still drawn."""
    _state(config, server, "draining")


@app.command()
def resume(server: ServerOption = None, config: ConfigOption = None) -> None:
    """End a pause or a drain."""
    _state(config, server, "open")


@app.command()
def ban(
    person: PersonArgument,
    reason: Annotated[str, typer.Option(help="They read it.")] = "",
    length: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Such as 30m, 2h, 7d; else for good.")
    ] = None,
    server: ServerOption = None,
    config: ConfigOption = None,
) -> None:
    """Keep somebody from drawing."""
    from bot.commands.admin.people import seconds

    span = None if length is None else seconds(length)
    order(config, lambda office: office.admin.ban(ACTOR, server_id(server), owner_id(person), reason, span))


@app.command()
def unban(person: PersonArgument, server: ServerOption = None, config: ConfigOption = None) -> None:
    """Let somebody draw again."""
    if not work(config, lambda office: office.admin.unban(ACTOR, server_id(server), owner_id(person))):
        where = "that server" if server else "all servers (name one with --server)"
        raise NotFound(f"They are not banned in {where}.")
    typer.echo(LATER)


def _when(at: float | None) -> str:
    return "-" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


@app.command()
def bans(server: ServerOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show who may not draw, in all servers or in one."""

    async def do(office: Office) -> list[Ban]:
        return office.admin.bans(server_id(server))

    held = work(config, do)
    if as_json:
        rows = [
            {
                "person": one.owner,
                "reason": one.reason,
                "by": one.actor,
                "since": one.since,
                "until": one.until,
            }
            for one in held
        ]
        typer.echo(json.dumps(rows, indent=2))
    for one in () if as_json else held:
        until = "for good" if one.until is None else f"until {_when(one.until)}"
        typer.echo(f"{one.owner or '(deleted)':<20} {until:<24} since {_when(one.since)}  {one.reason}")


@app.command()
def words(
    block: Annotated[list[str] | None, typer.Option(help="A word or phrase not to draw.")] = None,
    allow: Annotated[list[str] | None, typer.Option(help="One to let through after all.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="One to take off both lists.")] = None,
    attempt: Annotated[
        str | None, typer.Option("--try", metavar="PROMPT", help="Say whether this would be let through.")
    ] = None,
    server: ServerOption = None,
    config: ConfigOption = None,
) -> None:
    """Show and change the lists of words that are not drawn, or try a prompt against them."""
    if attempt is not None:
        rules.try_words(config, server, attempt)
        return
    guild = server_id(server)

    async def do(office: Office) -> tuple[tuple[str, ...], tuple[str, ...]]:
        def held() -> Rules:
            return office.admin.rules(guild or EVERYWHERE)

        if block:
            await office.admin.change(ACTOR, guild, changes.list_words(held(), "block", block))
        if allow:
            await office.admin.change(ACTOR, guild, changes.list_words(held(), "allow", allow))
        if remove:
            await office.admin.change(ACTOR, guild, changes.remove_words(held(), remove))
        return held().blocked, held().allowed

    blocked, allowed = work(config, do)
    typer.echo(f"blocked  {', '.join(blocked) or '-'}\nallowed  {', '.join(allowed) or '-'}")


@app.command()
def weight(
    share: Annotated[float, typer.Argument(min=0.1, max=10, help="2 is served twice as much as 1.")],
    server: Annotated[str, typer.Option("--server", metavar="ID", help="Which.")],
    config: ConfigOption = None,
) -> None:
    """Set a server's share of the engine."""
    change = changes.weigh_server(share)
    order(config, lambda office: office.admin.change(ACTOR, server_id(server), change))


@app.command()
def allowance(
    seconds: Annotated[
        float | None, typer.Argument(min=0, help="Engine seconds for the whole server; else no limit.")
    ] = None,
    per: Period = "day",
    server: Annotated[str, typer.Option("--server", metavar="ID", help="Which.")] = "",
    config: ConfigOption = None,
) -> None:
    """Set what all people of a server may use together."""
    change = changes.allow_server(None if seconds is None else Allowance(seconds, per))
    order(config, lambda office: office.admin.change(ACTOR, server_id(server), change))


@app.command()
def jobs(server: ServerOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what is being drawn and what waits, oldest first."""
    guild = server_id(server)
    for job in work(config, lambda office: office.store.read(store_jobs.unended)):
        if guild not in (None, job.guild):
            continue
        if as_json:
            typer.echo(job.model_dump_json())
        else:
            words = " ".join(job.prompt.split())[:60]
            typer.echo(f"{job.id}  {job.state.value:<8} {job.owner:<20} {_when(job.created_at)}  {words}")


@app.command()
def cancel(
    job: Annotated[list[str], typer.Argument(help="Which, by id.")], config: ConfigOption = None
) -> None:
    """Take jobs back, whoever asked for them."""

    async def do(office: Office) -> None:
        for one in [await office.job(name) for name in job]:
            await office.errand("cancel", one.id, one.owner)

    order(config, do)


@app.command()
def move(
    job: Annotated[str, typer.Argument(help="Which, by id.")],
    back: Annotated[bool, typer.Option("--back", help="After all others, not before them.")] = False,
    config: ConfigOption = None,
) -> None:
    """Let a waiting job go before all others of a running bot, or after them."""

    async def do(office: Office) -> None:
        one = await office.job(job)
        await office.errand("back" if back else "front", one.id, one.owner)

    order(config, do)


def _about_a_model(verb: str, told: str) -> None:
    """Add the command that does something with a model."""

    @app.command(verb, help=told)
    def command(name: str, config: ConfigOption = None) -> None:
        async def do(office: Office) -> None:
            model_name(office.config, name)
            if verb in ("load", "unload"):
                await office.errand(verb, name)
            else:
                await office.admin.change(ACTOR, None, changes.switch_model(name, on=verb == "enable"))

        order(config, do)


_about_a_model("load", "Have a running bot bring a model into memory.")
_about_a_model("unload", "Have a running bot drop a model from memory.")
_about_a_model("disable", "Switch a model off in all servers.")
_about_a_model("enable", "Switch a model on again.")


DaysOption = Annotated[int, typer.Option(min=1, max=3660, help="How many days back, today among them.")]


@app.command()
def stats(
    days: DaysOption = 30,
    picture: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw them as a PNG too.")] = None,
    server: ServerOption = None,
    config: ConfigOption = None,
) -> None:
    """Count jobs, people, seconds, failures and waits."""
    from bot.messages import admin as messages_admin

    async def do(office: Office) -> counted.Stats:
        found = await office.admin.jobs(server_id(server), days)
        return counted.count(found, days, office.store.now())

    figures = work(config, do)
    typer.echo(messages_admin.stats(figures).replace("**", ""))
    if picture is not None:
        picture.write_bytes(chart(figures, server or messages_admin.EVERYWHERE))
        typer.echo(str(picture))


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="The CSV file to write.")],
    days: DaysOption = 30,
    server: ServerOption = None,
    config: ConfigOption = None,
) -> None:
    """Write every job as a CSV file, without prompts."""
    found = work(config, lambda office: office.admin.jobs(server_id(server), days))
    data, held = counted.table(found, 2**40)
    file.write_bytes(data)
    os.chmod(file, 0o600)  # it says who drew when
    typer.echo(f"{held} job{'' if held == 1 else 's'}: {file}")


@app.command()
def audit(
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    server: ServerOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what those in charge did, newest first."""
    for one in work(config, lambda office: office.admin.audits(server_id(server), limit=limit)):
        detail = json.dumps(dict(one.detail), ensure_ascii=False)
        if as_json:
            typer.echo(
                json.dumps(
                    {"at": one.at, "server": one.guild, "actor": one.actor, "action": one.action,
                     "target": one.target, "detail": dict(one.detail)}, ensure_ascii=False,
                )
            )  # fmt: skip
        else:
            where = one.guild or "everywhere"
            typer.echo(
                f"{_when(one.at)}  {one.actor:<20} {where:<20} {one.action} {one.target or ''} {detail}"
            )
