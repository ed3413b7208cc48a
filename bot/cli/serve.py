"""`limner run`, `serve`, `demo` and `reload`: the bot as a process that stays."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import threading
import time
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.options import EXIT_USER, ConfigOption, ready, set_up_logs
from bot.cli.places import require_space
from engine import config as configuration
from engine import log
from engine.config import Config, ModelConfig
from engine.errors import ConfigError, NotFound
from engine.readiness import Choice

logger = logging.getLogger(__name__)

RELOADED_WITHIN = 10.0
"""Seconds the running bot may take to say what became of a reload."""


def run(
    config: ConfigOption = None,
    ray: Annotated[
        str | None,
        typer.Option("--ray", metavar="HOST:PORT", help="Draw on the machines that `limner worker` joined."),
    ] = None,
    attached: Annotated[bool, typer.Option("--attached", hidden=True)] = False,
) -> None:
    """Run the bot until Ctrl-C or SIGTERM."""
    if ray is not None:
        os.environ["LIMNER_ENGINE_RAY"] = ray  # and so it stays through a reload
    loaded = configuration.load(config)
    if loaded.engine.ray:
        from bot.cli.worker import needs_ray

        needs_ray()
    set_up_logs(loaded.log_level, loaded.log_format)
    token = configuration.token(loaded)
    log.hide(token)
    chosen = _prepared(loaded)
    from bot import client

    if attached:
        threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    asyncio.run(
        client.run(
            chosen.config,
            token.get_secret_value(),
            lambda: ready(configuration.load(config)).config,
            chosen.left_out,
        )
    )


def api(config: ConfigOption = None) -> None:
    """Serve the HTTP API alone, without Discord, until Ctrl-C or SIGTERM. Keys: `limner keys create NAME`."""
    loaded = configuration.load(config)
    set_up_logs(loaded.log_level, loaded.log_format)
    chosen = _prepared(loaded)
    from bot.cli import serving

    asyncio.run(serving.serve(chosen.config, lambda: ready(configuration.load(config)).config))


def _prepared(loaded: Config) -> Choice:
    """Return what can be served; say in the log what cannot. Raises ConfigError."""
    chosen = ready(loaded)
    require_space(loaded.data_dir, loaded.min_free_mb, "set another `data_dir`")
    for name, why in chosen.left_out.items():
        logger.warning("not offered: %s. %s", name, why)
    return chosen


def _stop_at_end_of_input() -> None:
    """Ask this process to stop once whoever holds the other end of its input is gone."""
    # not sys.stdin: its lock, held by this thread, would break the interpreter's own end
    while os.read(0, 4096):
        pass
    # two: nobody is left to wait for what is being drawn
    for signum in (signal.SIGTERM, signal.SIGINT):
        os.kill(os.getpid(), signum)


def _entry(model: ModelConfig) -> str:
    """Return a model that ships as an entry of the demo's configuration."""
    return f"""
[[models]]
name = "{model.name}"
source = "{model.source}"
aliases = {json.dumps(model.aliases)}
default = {json.dumps(model.default)}
"""


def demo(
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open the page in a browser.")] = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Where to answer; 0 = any free one.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what earlier demos left.")] = False,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the talk as one page (.html), or all traffic (.jsonl)."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The bot's configuration; else the built-in one.")
    ] = None,
    devices: Annotated[
        int, typer.Option(min=0, max=16, metavar="N", help="Draw with so many workers on the CPU.")
    ] = 0,
) -> None:
    """Show the whole bot on this machine: no Discord, no token, no GPU, no download."""
    loaded = configuration.load(config) if config else Config(models=configuration.shipped())
    ready(loaded)
    from bot.demo.launch import LaunchError, launch

    folder = Path(os.environ.get("LIMNER_DATA_DIR") or "data") / "demo"
    demo = launch(
        folder,
        typer.echo,
        port=port,
        open_page=not no_open,
        fresh=fresh,
        record=record,
        config=config,
        devices=devices,
        models="".join(map(_entry, configuration.shipped())),
    )
    try:
        status = asyncio.run(demo)
    except LaunchError as error:
        raise ConfigError(str(error)) from None
    raise typer.Exit(status)


def reload(config: ConfigOption = None) -> None:
    """Have the running bot read its configuration anew; says what changed and what needs a restart."""
    from engine.library.lock import holder
    from engine.service.reload import OUTCOME
    from engine.store import meta as store_meta
    from engine.store.database import peek

    loaded = configuration.load(config)  # a mistake is said here, and the bot is left alone
    bot = holder(loaded.data_dir / "limner.lock")
    if bot is None:
        raise NotFound(f"No bot is running on `{loaded.data_dir}`. `limner run` starts one.")
    database, began = loaded.data_dir / "limner.db", time.time()
    os.kill(bot, signal.SIGHUP)
    while time.time() < began + RELOADED_WITHIN:
        outcome = json.loads(peek(database, store_meta.get, OUTCOME) or "{}")
        if outcome.get("at", 0) >= began:
            for sentence in outcome["said"]:
                typer.echo(sentence)
            raise typer.Exit(EXIT_USER if outcome.get("wrong") else 0)
        time.sleep(0.1)
    typer.echo("limner: the bot has not answered; its log may say why", err=True)
    raise typer.Exit(1)
