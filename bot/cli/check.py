"""`limner check`: looks at everything the bot needs, and says of each what to do; changes nothing."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import discord

from bot.cli import devices
from bot.cli.findings import Finding, note, ok, wrong
from bot.cli.places import free_bytes, require_space
from bot.client import point_to_loopback
from bot.messages import help as messages_help
from engine import config as configuration
from engine import readiness, weights
from engine.config import Config, load, token
from engine.config.secret import formed
from engine.errors import ConfigError
from engine.library.lock import holder
from engine.store.database import examine

NO_FORM = (
    "This is no bot token: one has three parts with dots between them. Copy it from the application's Bot "
    "page (not the public key, the application's id or the client secret)."
)
DATA_DIR = "set another `data_dir`"
"""What helps beside freeing space."""

# what the bot does in a channel; the administrator's rights are never asked for
PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
    use_external_emojis=True,
)


async def check(path: Path | None, *, deep: bool = False) -> AsyncIterator[Finding]:
    """Yield a finding for config, token, intents, invite, device, memory, models, database and disk."""
    try:
        config = load(path)
    except ConfigError as error:
        yield wrong("config", str(error))
        return
    file = configuration.find(path)
    if file is None:
        yield note(
            "config",
            f"There is no config.toml in {Path.cwd()}: the defaults hold, with the model that ships. "
            "To change them, copy config.example.toml there.",
        )
    for said in () if file is None else configuration.retired(file):
        yield note("config", said)
    models = "1 model" if len(config.models) == 1 else f"{len(config.models)} models"
    yield ok("config", f"{file or 'defaults'}: {models}, data in {config.data_dir}")
    async for finding in _discord(config):
        yield finding
    for finding in await asyncio.to_thread(lambda: [*devices.look(config)]):
        yield finding
    for finding in [*_models(config), *_tools(config), *_classifier(config)]:
        yield finding
    if deep:
        async for finding in _trials(config):
            yield finding
    for finding in [*_disk(config), *_web(config)]:
        yield finding
    yield await _database(config)


async def _discord(config: Config) -> AsyncIterator[Finding]:
    """Log in over HTTP alone: no gateway session is spent, a running bot is not disturbed."""
    try:
        secret = token(config)
        point_to_loopback(os.environ)
    except ConfigError as error:
        yield wrong("token", str(error))
        return
    try:
        async with asyncio.timeout(30), discord.Client(intents=discord.Intents.none()) as client:
            await client.login(secret.get_secret_value())
            application = await client.application_info()
            user = client.user
    except discord.LoginFailure:
        said = "Discord refuses this token. Reset it on the application's Bot page and use the new one."
        yield wrong("token", said if formed(secret.get_secret_value()) else NO_FORM)
        return
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        if not formed(secret.get_secret_value()):
            yield wrong("token", NO_FORM)
        yield note("token", f"There is a token, but Discord cannot be reached ({type(error).__name__}).")
        return
    yield ok("token", f"Discord knows this bot as {user}")
    yield ok("intents", "only `guilds`, which needs no permission from Discord")
    if not application.bot_public:
        yield note("invite", "The bot is private: only the application's owner can invite it.")
    link = discord.utils.oauth_url(
        application.id, permissions=PERMISSIONS, scopes=("bot", "applications.commands")
    )
    yield ok("invite", link)


def _models(config: Config) -> Iterator[Finding]:
    config = readiness.described(config)
    for model in config.models:
        if trouble := readiness.model_trouble(model):
            yield wrong("model", trouble)
        else:
            star = " (default)" if model.default else ""
            told = [f"{model.width}x{model.height}"]
            told += [f"clip skip {model.clip_skip}"] if model.clip_skip else []
            told += [f"licence {model.licence or 'not stated'}"]
            words = messages_help.called("", model.trigger_words or ())
            yield ok("model", f"{model.name}{star}: {weights.find(model)}, {', '.join(told)}{words}")
        if not model.licence:
            yield note(
                "model", f"Write the licence of `{model.name}` into the configuration: people may ask."
            )
        for beside in (readiness.few_steps_trouble, readiness.adapter_trouble, readiness.upscaler_trouble):
            if trouble := beside(model):
                yield wrong("model", trouble)
    for lora in config.loras:
        if trouble := readiness.lora_trouble(lora):
            yield wrong("lora", trouble)
        else:
            words = messages_help.called("", lora.trigger_words or ())
            yield ok("lora", f"{lora.name}: {weights.find_lora(lora)}{words}")


def _tools(config: Config) -> Iterator[Finding]:
    """Look at what reads pictures beside the models."""
    for key, source in config.engine.tools.items():
        if trouble := readiness.tool_trouble(key, source):
            yield wrong(key, trouble)
        else:
            yield ok(key, source)


async def _trials(config: Config) -> AsyncIterator[Finding]:
    """Draw one step with each model and LoRA that is ready, in a process of its own."""
    try:
        chosen = readiness.choose(config).config
    except ConfigError:
        return  # said above: there is nothing to draw with
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "engine.render.trial"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(chosen.model_dump_json(include={"models", "loras", "engine"}).encode())
    child.stdin.close()
    async for line in child.stdout:
        trial = json.loads(line)
        name = f"{trial['model']} with the LoRA {trial['lora']}" if trial["lora"] else trial["model"]
        if trial["error"]:
            yield wrong("drawing", f"{name}: {trial['error']}")
        else:
            yield ok("drawing", f"{name}: one step in {trial['seconds']:.1f} s")
    if await child.wait():
        yield wrong("drawing", f"The trial ended early (exit code {child.returncode}): too little memory?")


def _classifier(config: Config) -> Iterator[Finding]:
    """Look for the picture classifier, without loading it: the worker does that."""
    chosen = config.moderation.classifier
    if not chosen:
        yield note(
            "pictures",
            "Nothing looks at pictures before they are posted: only the word list and user reports filter "
            "content. docs/moderation.md shows how to have a classifier.",
        )
    elif chosen == "nudenet" and importlib.util.find_spec("nudenet") is None:
        yield wrong("pictures", "The package nudenet is not installed: pip install 'limner[nsfw]'")
    elif chosen != "nudenet" and (trouble := readiness.tool_trouble("classifier", chosen)):
        yield wrong("pictures", trouble)
    else:
        yield ok("pictures", f"looked at by {chosen} before they are posted")


def _disk(config: Config) -> Iterator[Finding]:
    try:
        require_space(config.data_dir, config.min_free_mb, DATA_DIR)
    except ConfigError as error:
        yield wrong("disk", str(error))
        return
    yield ok("disk", f"{free_bytes(config.data_dir) / 2**30:.1f} GiB free for pictures")


def _web(config: Config) -> Iterator[Finding]:
    """Try the listener's address, unless the running bot has it."""
    web = config.web
    if not (web.enabled or config.api.enabled):
        return
    lock = config.data_dir / "limner.lock"
    if lock.exists() and holder(lock) is not None:
        yield ok("web", f"{web.host}:{web.port}: the bot that runs has it")
        return
    try:
        family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
        socket.create_server((web.host, web.port), family=family).close()
    except (OSError, OverflowError) as error:
        told = error.strerror if isinstance(error, socket.gaierror) else None  # its numbers are its own
        number = getattr(error, "errno", None)
        reason = told or (os.strerror(number) if number else str(error))
        yield wrong(
            "web",
            f"The HTTP listener cannot use {web.host}:{web.port}: {reason}. Choose another `web.port` or "
            "`web.host`.",
        )
    else:
        yield ok("web", f"{web.host}:{web.port} is free")


async def _database(config: Config) -> Finding:
    if not (config.data_dir / "limner.db").exists():
        return ok("database", "none yet; it is made at the first start")
    try:
        jobs = await asyncio.to_thread(examine, config.data_dir / "limner.db")
    except ConfigError as error:
        return wrong("database", str(error))
    return ok("database", f"sound, {jobs:,} {'job' if jobs == 1 else 'jobs'}")
