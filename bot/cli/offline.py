"""What every ``limner admin`` command needs: the database beside a running bot, and ids as people copy."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from engine import config as configuration
from engine.config import Config, pocket
from engine.errors import ConfigError, NotFound, PromptError, no_model
from engine.jobs import Job, State
from engine.rules.rules import EVERYWHERE
from engine.service.admin import Administration
from engine.store import jobs as store_jobs
from engine.store.audit import AdminAction
from engine.store.connection import Store

T = TypeVar("T")

ACTOR = "cli"
LATER = "A running bot takes this up within two seconds, else the next one at its start."

ServerOption = Annotated[
    str | None, typer.Option("--server", metavar="ID", help="In this server only; else everywhere.")
]


@dataclass(frozen=True, slots=True)
class Office:
    """The store and its rules, while a command works with them."""

    config: Config
    store: Store
    admin: Administration

    async def errand(self, verb: str, target: str, owner: str | None = None) -> None:
        """Ask the bot to do something, on the record."""
        detail = {"job": target} if owner else {}
        await self.admin.decide(
            AdminAction(ACTOR, verb, EVERYWHERE, owner or target, detail, errand=(verb, target))
        )

    async def job(self, name: str) -> Job:
        """Return a job that waits or runs. Raises NotFound."""
        job = await self.store.read(store_jobs.get, name.strip().lower())
        if job is None:
            raise NotFound(f"There is no job `{name}`.")
        if job.state not in (State.QUEUED, State.RUNNING):
            raise NotFound(f"Job `{job.id}` has ended: {job.state.value}.")
        return job


def work(config: Path | None, do: Callable[[Office], Awaitable[T]], *, make: bool = False) -> T:
    """Open the data folder's database beside a running bot, and do something with it.

    ``make``: the folder and its database, where there are none yet.
    """
    loaded = configuration.load(config)
    path = loaded.data_dir / "limner.db"
    if make:
        loaded.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    elif not path.exists():
        raise ConfigError(f"There is no `{path}` yet. Start the bot once, or name another `data_dir`.")

    async def run() -> T:
        async with Store.open(path) as store:
            return await do(Office(loaded, store, await Administration.of(store)))

    return asyncio.run(run())


def order(config: Path | None, do: Callable[[Office], Awaitable[object]]) -> None:
    """As ``work``, of what a running bot takes up; say when."""
    work(config, do)
    typer.echo(LATER)


def model_name(config: Config, name: str) -> str:
    """Return the name of a model that there is. Raises NotFound."""
    known = [one.name for one in config.models or (pocket(),)]
    if name not in known:
        raise NotFound(no_model(name, known))
    return name


def server_id(named: str | None) -> str | None:
    """Return a server's id as it was named. Raises PromptError."""
    if named is not None and not re.fullmatch(r"\d{15,20}", named):
        raise PromptError(f"`{named}` is not a server's id: it is 17 to 20 digits (Copy Server ID).")
    return named


_KEY = re.compile(r"key:\d{1,9}")
"""As whom a key of the HTTP API draws that acts for nobody."""


def owner_id(named: str) -> str:
    """Return a person's id, or ``key:N`` for a key of the HTTP API. Raises PromptError."""
    return named.strip() if _KEY.fullmatch(named.strip()) else person_id(named)


def person_id(named: str) -> str:
    """Return a person's id, from a mention too. Raises PromptError."""
    match = re.fullmatch(r"<?@?!?(\d{15,20})>?", named.strip())
    if match is None:
        raise PromptError(f"`{named}` is not a person's id: it is 17 to 20 digits (Copy User ID).")
    return match[1]
