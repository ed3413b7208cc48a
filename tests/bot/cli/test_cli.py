"""The command line as a host meets it: a process of its own, its words, files and exit status."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import sys
import time
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen, run
from typing import Any

import httpx
import pytest
from PIL import Image

from bot.demo.server import Standin
from bot.demo.world import World
from engine.config import load, pocket
from tests import ROOT

FAKE = {"LIMNER_RENDERER": "engine.workers.fake:Renderer"}
JSON_KEYS = ["prompt", "flags", "notes", "jobs", "error"]


def limner(
    *arguments: str, cwd: Path, stdin: bytes = b"", timeout: float | None = None, **environment: str
) -> CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return run(
        [sys.executable, "-m", "bot", *arguments],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=environment,
        timeout=timeout,
    )


def refused(done: CompletedProcess[bytes], *said: str) -> None:
    """Check one clear line, exit code 2, no traceback."""
    error = done.stderr.decode()
    assert done.returncode == 2, error
    assert error.count("\n") == 1, error
    assert error.startswith("limner: ")
    assert "Traceback" not in error
    for words in said:
        assert words in error


def opened(file: Path) -> Image.Image:
    with Image.open(file) as picture:
        picture.load()
        return picture


# ---- parse ---------------------------------------------------------------------------------------------


def test_parse_shows_one_prompt(tmp_path: Path) -> None:
    done = limner("parse", "a", "red", "apple", "--ar", "3:2", cwd=tmp_path)
    assert done.returncode == 0
    assert b"a red apple" in done.stdout
    assert b"--ar 3:2" in done.stdout


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_parse_fails_where_the_prompt_is_refused(tmp_path: Path, more: tuple[str, ...]) -> None:
    done = limner("parse", *more, "a cat --ars 3:2", cwd=tmp_path)
    assert done.returncode == 2
    assert b"--ars" in done.stdout
    assert done.stderr == b""


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8", "cp1252"])
def test_parse_shows_any_character_on_any_terminal(tmp_path: Path, encoding: str) -> None:
    for word in ("猫", "\udce9", "👩\u200d🎨"):
        raw = word.encode("utf-8", "surrogateescape")
        done = limner("parse", os.fsdecode(raw), cwd=tmp_path, PYTHONIOENCODING=encoding)
        assert done.returncode == 0, done.stderr
        assert done.stderr == b""
    done = limner("parse", "猫", cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert ("猫".encode() if encoding in ("utf-8", "ascii") else rb"\u732b") in done.stdout


def test_a_misspelt_option_is_said_before_anything_is_drawn(tmp_path: Path) -> None:
    refused(limner("imagine", "a cat", "--outt", "x", cwd=tmp_path, **FAKE), "`--outt`", "`--out`")
    refused(limner("parse", "a cat", "--confg", "x", cwd=tmp_path), "`--confg`", "`--config`")


def test_half_a_character_is_drawn_and_stored_whole(tmp_path: Path) -> None:
    done = limner("imagine", os.fsdecode(b"a red caf\xe9 apple"), "--json", cwd=tmp_path, **FAKE)
    assert done.returncode == 0, done.stderr.decode()
    assert "caf\ufffd" in json.dumps(json.loads(done.stdout), ensure_ascii=False)


def test_parse_answers_every_line_with_one_object(tmp_path: Path) -> None:
    lines = b"a cat --ar 16:9\n\n  \n\xff\xfe broken --seed 7\nlast line without end --c 10"
    done = limner("parse", "--json", "-", cwd=tmp_path, stdin=lines)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [list(answer) for answer in answers] == [JSON_KEYS] * 5
    assert answers[0]["flags"]["ar"] == {"value": "16:9", "from": "prompt"}
    assert answers[1]["error"]
    assert answers[3]["flags"]["seed"]["value"] == 7
    assert answers[4]["flags"]["chaos"]["value"] == 10
    assert done.returncode == 0
    assert done.stderr == b""


def test_parse_answers_while_the_next_line_is_still_being_typed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot", "parse", "--json", "-"]
    with Popen(
        command, stdin=PIPE, stdout=PIPE, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for number in range(3):
            child.stdin.write(f"a cat --seed {number}\n".encode())
            child.stdin.flush()
            assert json.loads(child.stdout.readline())["flags"]["seed"]["value"] == number
        child.stdin.close()
        assert child.wait(20) == 0


def hostile(count: int, seed: int) -> bytes:
    """Return lines of control characters, broken UTF-8, nested braces, half flags and long runs."""
    dice = random.Random(seed)
    pieces = [
        *(bytes([number]) for number in range(256) if number != 10),
        *("\u202e", "\u2028", "\x85", "\u200b", "\U0001f9a6", "—", "–", "\ufeff", "e\u0301" * 20),
        *("{", "}", "{{{a,b}", ",", "::", "::-1", "::1e308", "::nan", "(", ")", "<lora:x:1>", "((((a:1.5"),
        *(
            "--",
            "---",
            "-- ",
            "--ar",
            "--ar 3:2",
            "--ar 0:0",
            "--ar 1:99999999999999",
            "--seed -1",
            "--no",
            "--x",
        ),
        *(
            "--repeat 40",
            "--chaos 101",
            "--s 1e9",
            "--iw ∞",
            "--stop ten",
            "--v",
            "--niji 99",
            "http://x/y.png",
        ),
        *(
            " ",
            " ",
            "cat",
            "\r",
            "\x0b",
            "\x1b[31m",
            "@everyone",
            "`" * 3,
            "\\",
            '"',
            "'",
            "%s",
            "{0}",
            "$(x)",
        ),
    ]
    raw = [piece if isinstance(piece, bytes) else piece.encode() for piece in pieces]
    lines = [b"".join(dice.choices(raw, k=dice.randrange(40))) for _ in range(count)]
    return b"\n".join(lines) + b"\n"


def test_parse_survives_ten_thousand_hostile_lines(tmp_path: Path) -> None:
    done = limner("parse", "--json", "-", cwd=tmp_path, stdin=hostile(10_000, seed=1))
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    answers = done.stdout.splitlines()
    assert len(answers) == 10_000
    for line in answers:
        answer = json.loads(line, parse_constant=pytest.fail)  # NaN and Infinity are no JSON
        assert list(answer) == JSON_KEYS
        assert answer["error"] or answer["jobs"] > 0, answer


def test_parse_answers_megabyte_lines_in_seconds(tmp_path: Path) -> None:
    """Quadratic time would take hours: 10^12 steps a line. (tests/engine/prompt has the growth itself.)"""
    units = [b"a", b"{", b"{a,", b"--", b"--ar ", b"::", b"(", b"\xf0", b"\x00", b" ", b"<lora:", b"a--b "]
    lines = b"".join(unit * (1_000_000 // len(unit)) + b"\n" for unit in units)
    done = limner("parse", "--json", "-", cwd=tmp_path, stdin=lines)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert [list(json.loads(line)) for line in done.stdout.splitlines()] == [JSON_KEYS] * len(units)


# ---- the host's mistakes -------------------------------------------------------------------------------


def test_a_missing_token_is_one_clear_line(tmp_path: Path) -> None:
    refused(limner("run", cwd=tmp_path, **FAKE), "no bot token", "LIMNER_TOKEN")


async def test_a_wrong_token_is_one_clear_line(tmp_path: Path) -> None:
    async with Standin() as standin:
        environment = {
            **standin.environment,
            **FAKE,
            "LIMNER_TOKEN": "not-the-token",
            "LIMNER_LOG_LEVEL": "ERROR",
        }
        done = await asyncio.to_thread(limner, "run", cwd=tmp_path, **environment)
    refused(done, "token")
    assert b"not-the-token" not in done.stderr


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("./nowhere", "nothing is there"),
        ("./loose", "model_index.json"),
        ("some-owner/some-model", "limner models pull mine"),
    ],
)
def test_a_missing_model_is_one_clear_line(tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "checkpoint.safetensors").touch()
    (tmp_path / "config.toml").write_text(f"[[models]]\nname = 'mine'\nsource = '{source}'\n")
    environment = {"LIMNER_TOKEN": "x", "HF_HOME": str(tmp_path / "hub")}
    for arguments in (["run"], ["imagine", "a cat"], ["demo", "--no-open", "--config", "config.toml"]):
        refused(limner(*arguments, cwd=tmp_path, **environment), "`mine`", said)


def test_no_disk_space_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("min_free_mb = 1_000_000_000\n")  # a petabyte
    refused(limner("run", cwd=tmp_path, LIMNER_TOKEN="x", **FAKE), "MB left", "data_dir")


def test_a_broken_config_key_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[engine]\ndevise = 'cpu'\n")
    for arguments in (["run"], ["imagine", "a cat"], ["models", "list"]):
        refused(limner(*arguments, cwd=tmp_path, LIMNER_TOKEN="x"), "`engine.devise`", "`engine.device`")


def test_a_data_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file stands where the folder should")
    refused(limner("run", cwd=tmp_path, LIMNER_TOKEN="x", LIMNER_LOG_LEVEL="ERROR", **FAKE), "data_dir")


# ---- imagine -------------------------------------------------------------------------------------------


def test_imagine_writes_the_pictures_and_says_what_it_did(tmp_path: Path) -> None:
    done = limner("imagine", "a red apple --seed 5", "-o", "here", "--json", cwd=tmp_path, **FAKE)
    assert done.returncode == 0, done.stderr.decode()
    answer = json.loads(done.stdout)
    names = ["1.png", "2.png", "3.png", "4.png", "grid.png"]
    assert answer["files"] == [f"here/{name}" for name in names]
    assert answer["recipe"]["seed"] == 5
    assert answer["timings"]["total"] > answer["timings"]["rendering"] >= 0
    side = pocket().width
    assert [opened(tmp_path / "here" / name).size for name in names[:4]] == [(side, side)] * 4
    assert opened(tmp_path / "here/grid.png").size[0] >= 2 * side
    # the recipe travels in the file
    assert json.loads(opened(tmp_path / "here/1.png").info["limner"])["spec"]["seed"] == 5


def test_imagine_takes_a_prompt_as_typed_and_chooses_a_folder(tmp_path: Path) -> None:
    done = limner("imagine", "a", "cat", "--seed", "3", cwd=tmp_path, **FAKE)
    assert done.returncode == 0, done.stderr.decode()
    (folder,) = (tmp_path / "output").iterdir()
    assert sorted(file.name for file in folder.iterdir()) == ["1.png", "2.png", "3.png", "4.png", "grid.png"]


def test_imagine_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    done = limner("imagine", "a cat --seed x", cwd=tmp_path, **FAKE)
    assert done.returncode == 2
    sentence, copy = done.stderr.decode().splitlines()
    assert sentence.startswith("limner: `--seed`")
    assert copy == "to copy: a cat --seed 7"
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize("place", ["a-file", "a-file/below", "/proc/nobody/here"])
def test_imagine_tries_the_place_before_it_draws(tmp_path: Path, place: str) -> None:
    (tmp_path / "a-file").touch()
    refused(limner("imagine", "a cat", "-o", place, cwd=tmp_path, **FAKE), f"`{place}`", "Name another")


def test_imagine_wants_the_room_that_the_bot_wants(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("min_free_mb = 1_000_000_000\n")
    refused(limner("imagine", "a cat", cwd=tmp_path, **FAKE), "MB left", "min_free_mb")
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_a_terminal_that_is_not_utf8_is_no_traceback(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "config.toml").write_text("[[models]]\nname = 'm'\nsource = './\u732b'\n", encoding="utf-8")
    environment = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = limner("parse", "\u732b", cwd=tmp_path, **environment)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert b"prompt  \\u732b" in done.stdout
    assert b"\\u732b" in limner("models", "list", cwd=tmp_path, **environment).stdout
    refused(limner("run", cwd=tmp_path, LIMNER_TOKEN="x", **environment), "\\u732b")


# ---- models, check, demo -------------------------------------------------------------------------------


def test_models_list_and_pull_of_an_unknown_name(tmp_path: Path) -> None:
    rows = json.loads(limner("models", "list", "--json", cwd=tmp_path).stdout)
    assert [(row["name"], row["default"]) for row in rows] == [("pocket", True)]
    refused(limner("models", "pull", "nope", cwd=tmp_path), "There is no model `nope`", "pocket")


def findings(done: CompletedProcess[bytes]) -> dict[str, dict[str, Any]]:
    return {line["topic"]: line for line in map(json.loads, done.stdout.splitlines())}


def test_check_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/limner.db").write_bytes(b"not a database, and longer than a header would be" * 50)
    done = limner("check", "--json", cwd=tmp_path)
    assert done.returncode == 2
    found = findings(done)
    assert found["config"]["state"] == "ok"
    assert found["token"]["state"] == "wrong"
    assert "LIMNER_TOKEN" in found["token"]["text"]
    assert found["device"]["state"] == "ok"
    assert found["disk"]["state"] == "ok"
    assert found["database"]["state"] == "wrong"
    assert "damaged" in found["database"]["text"]


def test_check_says_that_there_is_no_file_and_that_a_port_is_taken(tmp_path: Path) -> None:
    first = [json.loads(line) for line in limner("check", "--json", cwd=tmp_path).stdout.splitlines()]
    assert (first[0]["topic"], first[0]["state"]) == ("config", "note")
    assert "no config.toml" in first[0]["text"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        # the API listens as well, also where [web] alone is off
        (tmp_path / "config.toml").write_text(f"[api]\nenabled = true\n[web]\nport = {port}\n")
        done = limner("check", "--json", cwd=tmp_path, LIMNER_TOKEN="hello-world")
    found = findings(done)
    assert found["config"]["state"] == "ok"
    assert found["web"]["state"] == "wrong"
    assert "Choose another `web.port`" in found["web"]["text"]
    told = [json.loads(line) for line in done.stdout.splitlines()]
    [form] = [line for line in told if line["topic"] == "token" and line["state"] == "wrong"]
    assert "three parts with dots" in form["text"]
    assert "hello-world" not in done.stdout.decode()


def test_check_ends_with_the_one_next_step(tmp_path: Path) -> None:
    last = limner("check", cwd=tmp_path).stdout.decode().splitlines()[-1]
    assert last.startswith("Next step: There is no bot token.")


def test_the_list_names_each_path_and_keeps_its_columns(tmp_path: Path) -> None:
    licence = "A Licence Whose Name Is Longer Than Any Column Could Be, Version 1.0"
    (tmp_path / "config.toml").write_text(
        f"[[models]]\nname = 'pocket'\nsource = 'pocket'\n"
        f"[[models]]\nname = 'a-model-with-a-long-name'\nsource = './nowhere'\nlicence = '{licence}'\n"
    )
    first, second, why = limner("models", "list", cwd=tmp_path).stdout.decode().splitlines()
    assert first.index(" ready ") == second.index(" not ready ")
    assert first.index("Apache-2.0") == second.index(licence)
    assert str(tmp_path / "nowhere") in why


async def test_check_asks_discord_and_gives_the_invite_link(tmp_path: Path) -> None:
    async with Standin() as standin:
        done = await asyncio.to_thread(limner, "check", "--json", cwd=tmp_path, **standin.environment)
        assert standin.gateway.identifies == 0  # a running bot is not disturbed
        assert standin.checker.violations == []
    found = findings(done)
    assert found["token"]["state"] == "ok"
    assert "scope=bot+applications.commands" in found["invite"]["text"]
    assert standin.world.token not in done.stdout.decode()


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_starts_shows_its_page_and_stops(tmp_path: Path, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    record = tmp_path / "traffic.jsonl"
    command = [sys.executable, "-m", "bot", "demo", "--no-open", "--port", str(port), "--record", str(record)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **FAKE}
    with Popen(command, stdout=PIPE, stderr=PIPE, cwd=tmp_path, env=environment) as demo:
        try:
            while b"READY" not in (record.read_bytes() if record.exists() else b""):
                assert demo.poll() is None, demo.stderr and demo.stderr.read()
                time.sleep(0.1)
            page = httpx.get(
                f"http://127.0.0.1:{port}/", follow_redirects=True, trust_env=False, timeout=None
            )
            assert page.status_code == 200
            assert "text/html" in page.headers["content-type"]
        finally:
            demo.send_signal(number)
            output, errors = demo.communicate()
    assert demo.returncode == 0
    assert f"http://127.0.0.1:{port}/demo/".encode() in output
    assert "Traceback" not in errors.decode(), errors.decode()
    assert World().token not in record.read_text()
    assert (tmp_path / "data/demo/bot/limner.db").exists()
    models = load(tmp_path / "data/demo/config.toml", {}).models
    assert [(model.source, model.default) for model in models] == [("pocket", True), ("pocket-flow", False)]
    assert models[0].aliases == pocket().aliases


def test_the_bot_and_its_worker_log_in_the_same_form(tmp_path: Path) -> None:
    """With ``log_format = "json"`` every line of both processes is an object."""
    environment = {**FAKE, "LIMNER_LOG_FORMAT": "json", "LIMNER_LOG_LEVEL": "DEBUG"}
    # the worker cannot start with this, and says so
    environment["LIMNER_RENDERER_ARGUMENTS"] = '{"no_such_argument": 1}'
    command = [sys.executable, "-m", "bot", "imagine", "a cat", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    with Popen(command, stderr=PIPE, stdout=PIPE, cwd=tmp_path, env=environment) as child:
        assert child.stderr is not None
        lines: list[dict[str, Any]] = []
        for line in child.stderr:
            if line.startswith(b"{"):
                lines.append(json.loads(line))
            else:
                assert b"drawing" in line or b"waiting" in line or not line.strip(), line
            if any("worker" in line["logger"] and "traceback" in line for line in lines):
                break
        child.terminate()
        child.communicate()
    assert {line["level"] for line in lines} >= {"ERROR"}
