"""`limner models pull` against a small hub on loopback: what is fetched, what is left alone, what is said."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import prod
from pathlib import Path

import pytest

from tests import ROOT


def held(*tensors: str, shape: tuple[int, ...] = (1,)) -> bytes:
    """Return a ``.safetensors`` file with these tensors."""
    entries, size = {}, 4 * prod(shape)
    for number, name in enumerate(tensors):
        place = [number * size, (number + 1) * size]
        entries[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": place}
    header = json.dumps({"__metadata__": {"by": "hand"}, **entries}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(size * len(tensors))


UNET = held("conv_in.weight", "conv_out.weight")
INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
}
SHA = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "model_index.json": json.dumps(INDEX).encode(),
    "README.md": b"words",
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.safetensors": UNET,
    "unet/diffusion_pytorch_model.fp16.safetensors": b"the same again",
    "unet/diffusion_pytorch_model.bin": b"a pickle",
    "tokenizer/vocab.json": b"{}",
    "tokenizer/merges.txt": b"a b",
    "safety_checker/model.safetensors": b"not used",
    "v1-5-pruned.safetensors": b"the same in one file",
    "old.ckpt": b"a pickle",
    "pipeline.py": b"code",
    "pytorch_lora_weights.safetensors": held("unet.down.lora_A.weight"),
}
HALF = {name: data for name, data in FILES.items() if name != "unet/diffusion_pytorch_model.safetensors"}
READER = {
    "models/reader.safetensors": held("image_proj.proj.weight"),
    "models/other.safetensors": b"another",
    "models/eyes/config.json": b"{}",
    "models/eyes/model.safetensors": held("vision_model.x"),
    "models/eyes/pytorch_model.bin": b"a pickle",
}
WANTED = {
    "model_index.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "tokenizer/vocab.json",
    "tokenizer/merges.txt",
}


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does for one repository."""

    asked: set[str]

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def answer(self, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        body, status, kind = b"{}", 404, "application/json"
        files = READER if "owner/reader" in path else HALF if "owner/half" in path else FILES
        name = path.partition(f"/resolve/{SHA}/")[2]
        repository = path.removeprefix("/api/models/").split("/revision/")[0]
        if path.startswith("/api/models/") and "/revision/" in path:
            siblings = [{"rfilename": file, "size": len(data)} for file, data in files.items()]
            body, status = json.dumps({"id": repository, "sha": SHA, "siblings": siblings}).encode(), 200
        elif path.startswith("/api/models/") and "/tree/" in path:
            tree = [
                {"type": "file", "path": file, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                for file, data in files.items()
            ]
            body, status = json.dumps(tree).encode(), 200
        elif name in files:
            type(self).asked.add(f"{path[1:].split('/resolve/')[0]}: {name}")
            body, status, kind = files[name], 200, "application/octet-stream"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if name in files:
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", SHA)
            self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub() -> Iterator[str]:
    Hub.asked = set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


MINE = "[[models]]\nname = 'mine'\nsource = 'owner/name'\n"


def limner(folder: Path, hub: str, *arguments: str, config: str = MINE) -> subprocess.CompletedProcess[str]:
    """Run with a configuration, by default one that names ``owner/name``, against this hub."""
    (folder / "config.toml").write_text(config)
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "HF_ENDPOINT": hub,
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(folder / "hub"),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "NO_PROXY": "127.0.0.1",
    }
    command = [sys.executable, "-m", "bot", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_pull_fetches_safetensors_and_json_and_nothing_else(tmp_path: Path, hub: str) -> None:
    before = json.loads(limner(tmp_path, hub, "models", "list", "--json").stdout)
    assert [row["here"] for row in before] == [False]
    done = limner(tmp_path, hub, "models", "pull", "mine")
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip().removeprefix("mine: "))
    found = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert found == WANTED
    assert Hub.asked == {f"owner/name: {file}" for file in WANTED}
    assert (folder / "unet/diffusion_pytorch_model.safetensors").read_bytes() == UNET
    after = json.loads(limner(tmp_path, hub, "models", "list", "--json").stdout)
    assert [row["here"] for row in after] == [True]


def test_pull_says_that_half_precision_variants_are_not_read(tmp_path: Path, hub: str) -> None:
    config = MINE.replace("owner/name", "owner/half")
    done = limner(tmp_path, hub, "models", "pull", "mine", config=config)
    assert done.returncode == 2, done.stdout
    assert "`owner/half` has its weights in half-precision variants alone" in done.stderr
    assert not json.loads(limner(tmp_path, hub, "models", "list", "--json", config=config).stdout)[0]["here"]


@pytest.mark.parametrize(
    ("channels", "base"),
    [
        (4, "stable-diffusion-v1-5/stable-diffusion-v1-5"),
        (9, "stable-diffusion-v1-5/stable-diffusion-inpainting"),
    ],
)
def test_pull_fetches_loras_few_step_weights_and_the_tokenizer_of_a_single_file(
    tmp_path: Path, hub: str, channels: int, base: str
) -> None:
    (tmp_path / "one.safetensors").write_bytes(
        held(
            "model.diffusion_model.input_blocks.0.0.weight",
            *("cond_stage_model.transformer.x", "first_stage_model.x"),
            shape=(1, channels, 1, 1),
        )
    )
    config = """
        [[models]]
        name = "one"
        source = "./one.safetensors"
        few_steps = 4
        few_steps_source = "owner/fast"
        [[loras]]
        name = "style"
        source = "owner/style"
        """
    done = limner(tmp_path, hub, "models", "pull", config=config)
    assert done.returncode == 0, done.stderr
    small = WANTED - {"unet/diffusion_pytorch_model.safetensors"}
    assert Hub.asked == {
        *(f"{base}: {file}" for file in small),
        "owner/fast: pytorch_lora_weights.safetensors",
        "owner/style: pytorch_lora_weights.safetensors",
    }


@pytest.mark.timeout(600)  # check asks torch, in a process of its own
def test_pull_fetches_an_ip_adapter_and_its_encoder_and_check_misses_them(tmp_path: Path, hub: str) -> None:
    for name in WANTED:
        (tmp_path / "one" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "one" / name).write_bytes(FILES[name])
    config = """
        [[models]]
        name = "one"
        source = "./one"
        [models.ip_adapter]
        source = "owner/reader"
        subfolder = "models"
        weights = "reader.safetensors"
        image_encoder = "eyes"
        """
    missing = limner(tmp_path, hub, "check", config=config).stdout
    assert "limner models pull one" in missing
    done = limner(tmp_path, hub, "models", "pull", "one", config=config)
    assert done.returncode == 0, done.stderr
    wanted = ("models/reader.safetensors", "models/eyes/config.json", "models/eyes/model.safetensors")
    assert Hub.asked == {f"owner/reader: {file}" for file in wanted}
    assert "limner models pull one" not in limner(tmp_path, hub, "check", config=config).stdout


def test_only_pull_asks_the_hub(tmp_path: Path, hub: str) -> None:
    for arguments in (["models", "list"], ["imagine", "a cat"]):
        limner(tmp_path, hub, *arguments)
    assert not Hub.asked


def test_a_hub_that_cannot_be_reached_is_one_clear_line(tmp_path: Path) -> None:
    done = limner(tmp_path, "http://127.0.0.1:9", "models", "pull", "mine")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "`owner/name` could not be fetched" in done.stderr.splitlines()[-1]
