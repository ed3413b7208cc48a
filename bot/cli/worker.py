"""`limner worker`: joins this machine to others, so that its devices draw for the bot; lets it leave."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated

import typer

from bot.cli.options import set_up_logs
from engine.errors import ConfigError, NotFound
from engine.library.lock import holder, locked
from engine.workers.fleet import knock, unreachable

log = logging.getLogger("limner.worker")

NO_RAY = (
    "Other machines are reached with Ray, which is not installed: "
    ".venv/bin/pip install -c constraints.txt -e '.[ray]'"
)
PORT = 6379
JOINED = "Ray runtime started"
"""What ``ray start`` prints once a machine has joined."""
CHATTER = re.compile(r"\t(INFO|SUCC)\s")
"""Lines of Ray about itself and its own commands, which are none of ours."""
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
"""Seconds until a machine whose head was lost joins again; twice as many each time that fails."""


def worker(
    address: Annotated[
        str | None, typer.Argument(metavar="HOST:PORT", help="The head to join; none with --head.")
    ] = None,
    head: Annotated[bool, typer.Option("--head", help="Be the head, which others join.")] = False,
    ip: Annotated[
        str | None, typer.Option("--ip", metavar="IP", help="This machine's address in your private network.")
    ] = None,
    devices: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="So many devices on the CPU; else every card.")
    ] = None,
    drain: Annotated[
        bool, typer.Option("--drain", help="Let the worker here end what it draws, and leave.")
    ] = False,
) -> None:
    """Draw for a bot on another machine (`limner run --ray`), until Ctrl-C or `limner worker --drain`."""
    lock = Path(gettempdir()) / f"limner-worker-{os.getuid()}.lock"
    if drain:
        _ask_to_leave(lock)
        return
    if head == (address is not None):
        raise ConfigError("Name the head to join (`limner worker HOST:6379`), or be it (`--head`).")
    if ip is None:
        raise ConfigError("Say which address the others reach this machine at: `--ip 10.0.0.6`.")
    needs_ray()
    set_up_logs("INFO", "text")
    if address is None:
        _token(head)
    else:
        reach(address)
    with locked(lock):
        raise typer.Exit(_joined(_command(address, ip, devices), address or f"{ip}:{PORT}", ip, head))


def needs_ray() -> None:
    """Look for Ray, and ask for its token wherever it is spoken to. Raises ConfigError."""
    if importlib.util.find_spec("ray") is None:
        raise ConfigError(NO_RAY)
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    # Ray's 15 and a worker's own 5 would draw only while nothing else runs there
    os.environ.setdefault("RAY_worker_niceness", "0")
    os.environ["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"] = "0"  # we have waited for what is drawn


def reach(address: str) -> None:
    """Look for what it takes to reach a head, and for the head. Raises ConfigError with what is missing."""
    needs_ray()
    _token(head=False)
    if not _answers(address):
        raise ConfigError(unreachable(address, OSError()))


def _answers(address: str) -> bool:
    """Say whether anybody accepts connections at ``host:port``. Raises ConfigError."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigError(f"`{address}` is no address of a head: write it as `10.0.0.5:{PORT}`.")
    try:
        knock(address)
    except OSError:
        return False
    return True


def _command(address: str | None, ip: str, devices: int | None) -> list[str]:
    """Return how Ray is started: no dashboard, no report to its makers, on one address alone."""
    cards = _cards() if devices is None else 0
    count = cards or (1 if devices is None else devices)
    where = [f"--address={address}"] if address else ["--head", f"--port={PORT}", "--include-dashboard=false"]
    return [
        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *where),
        *(f"--node-ip-address={ip}", f"--num-gpus={cards}", "--disable-usage-stats"),
        f"--resources={json.dumps({'limner': count} if count else {})}",
    ]


def _cards() -> int:
    """Return how many NVIDIA cards this machine shows us."""
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if seen is not None:
        return len([card for card in seen.split(",") if card.strip()])
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return 0
    done = subprocess.run([tool, "-L"], capture_output=True, text=True, check=False)
    return sum(line.startswith("GPU ") for line in done.stdout.splitlines())


def _token(head: bool) -> None:
    """Have a token, without which whoever reaches the port could run programs here. Raises ConfigError."""
    if os.environ["RAY_AUTH_MODE"] != "token" or os.environ.get("RAY_AUTH_TOKEN"):
        return
    file = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    if file.exists():
        return
    if not head:
        raise ConfigError(f"There is no token in `{file}`. Copy that file from the head (chmod 600).")
    command = [sys.executable, "-m", "ray.scripts.scripts", "get-auth-token", "--generate"]
    subprocess.run(command, check=True, capture_output=True)
    file.chmod(0o600)
    typer.echo(f"Made a token: {file}. Copy it to each machine that joins; who has it can run programs here.")


def _joined(command: list[str], address: str, ip: str, head: bool) -> int:
    """Keep this machine joined, again and again where the head goes away; return the exit status."""
    asked: list[int] = []
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda number, _: asked.append(number))
    been, pause = False, FIRST_PAUSE
    while True:
        node = subprocess.Popen(
            command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        joined, said = threading.Event(), list[str]()
        reader = threading.Thread(target=_listen, args=(node, joined, said, address, head), daemon=True)
        reader.start()
        while not asked and node.poll() is None:
            time.sleep(0.2)
        if node.poll() is None:
            return _left(node, (address, ip) if joined.is_set() else None, asked)
        reader.join(10)  # what it said last
        if not joined.is_set():
            typer.echo(_why("".join(said), address), err=True)
        been = been or joined.is_set()
        pause = FIRST_PAUSE if joined.is_set() else min(2 * pause, LONGEST_PAUSE)
        if head or not been:
            return node.returncode
        log.warning("lost the head at %s; joining it again in %g s", address, pause)
        until = time.monotonic() + pause
        while not asked and time.monotonic() < until:
            time.sleep(0.2)
        if asked:
            return 0


def _listen(
    node: subprocess.Popen[str], joined: threading.Event, said: list[str], address: str, head: bool
) -> None:
    """Keep what Ray says until this machine has joined, and print what it says later."""
    assert node.stdout is not None
    for line in node.stdout:
        if JOINED in line:
            joined.set()
            typer.echo(
                f"This machine is the head. Others join it with: limner worker {address} --ip ADDRESS"
                if head
                else f"This machine has joined the head at {address}. Ctrl-C lets it leave."
            )
        elif not CHATTER.search(line):
            if joined.is_set():
                typer.echo(line, nl=False)
            else:
                said.append(line)


def _why(said: str, address: str) -> str:
    """Return why a machine could not join: a sentence, or Ray's own words."""
    if "InvalidAuthToken" in said:
        return f"limner: {unreachable(address, said)}"
    return f"{said}limner: Ray did not start here; above is what it said."


def _left(node: subprocess.Popen[str], place: tuple[str, str] | None, asked: Sequence[int]) -> int:
    """End what is drawn here, then leave; return the exit status.

    ``place``: the addresses of the head and of this machine; None where it never joined.
    """
    if place is not None and _answers(place[0]):
        _drained(*place, asked)
    node.terminate()
    node.wait()
    log.info("left")
    return 0


def _drained(address: str, ip: str, asked: Sequence[int]) -> None:
    """Wait until what is drawn here has ended, or until asked a second time."""
    log.info("leaving once what is drawn here has ended; a second signal leaves at once")
    # a process of its own: the library may end the one it is in
    command = [sys.executable, "-m", "engine.workers.ray", "leave", address, ip]
    leave = subprocess.Popen(command, start_new_session=True)
    while len(asked) < 2 and leave.poll() is None:
        time.sleep(0.2)
    leave.kill()
    leave.wait()


def _ask_to_leave(lock: Path) -> None:
    process = holder(lock)
    if process is None:
        raise NotFound("No `limner worker` runs on this machine.")
    os.kill(process, signal.SIGTERM)
    while holder(lock) == process:
        time.sleep(0.2)
    typer.echo("This machine has left.")
