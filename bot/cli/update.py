"""`limner update`: backs up, upgrades, checks, restarts; stops at the first thing that goes wrong."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.options import ConfigOption
from engine import config as configuration
from engine.errors import ConfigError
from engine.library.backup import backup as copy
from engine.library.lock import holder

SOURCE = Path(__file__).parents[2]
"""The folder that this Limner runs from: a git clone, as docs/hosting.md has it."""


def update(
    backup: Annotated[
        Path | None, typer.Option("--backup", metavar="DIR", help="Where to; else `backup` beside the data.")
    ] = None,
    service: Annotated[str, typer.Option(metavar="NAME", help="The systemd unit to restart.")] = "limner",
    config: ConfigOption = None,
) -> None:
    """Back up, fetch the newest version, check it, restart the bot."""
    loaded = configuration.load(config)
    if not (SOURCE / ".git").exists() or shutil.which("git") is None:
        raise ConfigError(
            f"`{SOURCE}` is no git clone, so there is nothing to update it from. Get the new version as you "
            "got this one (with Docker: build the image anew)."
        )
    data = loaded.data_dir
    if (data / "limner.db").exists():
        place = backup or data.with_name("backup")
        report = copy(data, place)
        typer.echo(f"Backed up to {place}: {report.jobs} jobs, {report.files} files.")
    before = _done("git", "rev-parse", "HEAD")
    _done("git", "pull", "--ff-only", "--quiet", remedy="Nothing was changed.")
    after = _done("git", "rev-parse", "HEAD")
    if after == before:
        typer.echo("This is the newest version already.")
        return
    back = f"To go back: git -C {SOURCE} reset --keep {before[:12]} && make -C {SOURCE} setup"
    _done("make", "--silent", "setup", remedy=back)
    typer.echo(f"Upgraded from {before[:12]} to {after[:12]}. CHANGELOG.md says what changes for you.")
    # the new version, in a process of its own: this one is the old
    chosen = [] if config is None else ["--config", str(config.absolute())]
    python = SOURCE / ".venv" / "bin" / "python"
    command = [str(python if python.exists() else sys.executable), "-m", "bot", "check", *chosen]
    folder = Path.cwd() if configuration.find(config) else SOURCE
    if subprocess.run(command, cwd=folder).returncode:
        raise ConfigError(
            "The new version is in place, and `limner check` finds something wrong with it, so the bot was "
            f"not restarted. Correct that, then restart it. {back}"
        )
    _restart(service, data)


def _restart(service: str, data: Path) -> None:
    lock = data / "limner.lock"
    systemctl = shutil.which("systemctl")
    if systemctl and subprocess.run([systemctl, "is-active", "--quiet", service]).returncode == 0:
        if subprocess.run([systemctl, "restart", service]).returncode:
            raise ConfigError(f"It could not be restarted. Do it with: sudo systemctl restart {service}")
        typer.echo(f"Restarted: {service}.")
    elif lock.exists() and holder(lock) is not None:
        typer.echo("A bot is running that systemd does not know: stop it, and start it again.")
    else:
        typer.echo("No bot is running. Start it with: limner run")


def _done(*command: str, remedy: str = "") -> str:
    """Run a program in the source folder and return what it says. Raises ConfigError with its last line."""
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise ConfigError(f"`{' '.join(command)}` failed: {said}. {remedy}".rstrip())
    return done.stdout.strip()
