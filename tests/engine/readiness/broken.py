"""Models as they lie on disks when something went wrong, made from whole ones that draw."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from safetensors.torch import load_file, save_file

UNET = "unet/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"
SCHEDULER = "scheduler/scheduler_config.json"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 3438354725\n"


def _replaced(file: str, data: bytes) -> Callable[[Path], object]:
    return lambda at: (at / file).write_bytes(data)


def _gone(file: str) -> Callable[[Path], object]:
    return lambda at: (at / file).unlink()


def _halved(file: str) -> Callable[[Path], object]:
    return lambda at: (at / file).write_bytes((at / file).read_bytes()[: (at / file).stat().st_size // 2])


def _renamed(file: str, name: str) -> Callable[[Path], object]:
    return lambda at: (at / file).rename((at / file).with_name(name))


def _told(file: str, **values: object) -> Callable[[Path], object]:
    return lambda at: (at / file).write_text(json.dumps(json.loads((at / file).read_text()) | values))


def _marked(file: str) -> Callable[[Path], object]:
    return lambda at: (at / file).write_bytes(b"\xef\xbb\xbf" + (at / file).read_bytes())


def _without(*starts: str) -> Callable[[Path], object]:
    def change(file: Path) -> None:
        kept = {name: value for name, value in load_file(file).items() if not name.startswith(starts)}
        save_file(kept, file)

    return change


def _sharded(at: Path) -> None:
    """Leave an index that promises two shards, and the first."""
    whole = load_file(at / UNET)
    names = sorted(whole)
    shards = [f"diffusion_pytorch_model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    save_file({name: whole[name] for name in names[::2]}, at / "unet" / shards[0])
    listed = {name: shards[number % 2] for number, name in enumerate(names)}
    index = {"metadata": {}, "weight_map": listed}
    (at / "unet/diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    (at / UNET).unlink()


def _tokenless(at: Path) -> None:
    shutil.rmtree(at / "tokenizer")
    (at / "tokenizer").mkdir()


def _lettered(at: Path) -> None:
    """Keep the older two files of a tokenizer, and of them only one."""
    _tokenless(at)
    (at / "tokenizer/vocab.json").write_text("{}")


FOLDERS: Mapping[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "fp16 alone": (
        _renamed(UNET, "diffusion_pytorch_model.fp16.safetensors"),
        ("only `diffusion_pytorch_model.fp16.safetensors`", "Rename"),
    ),
    "an LFS pointer": (_replaced(UNET, POINTER), (UNET, "Git LFS pointer", "git lfs pull")),
    "an LFS pointer for a tokenizer": (
        _replaced("tokenizer/tokenizer.json", POINTER),
        ("tokenizer/tokenizer.json", "Git LFS pointer"),
    ),
    "no UNet": (_gone(UNET), (UNET, "is missing")),
    "no text encoder": (_gone(TEXT), (TEXT, "is missing")),
    "half a UNet": (_halved(UNET), (UNET, "is cut short")),
    "half a header": (lambda at: (at / UNET).write_bytes((at / UNET).read_bytes()[:100]), (UNET, "header")),
    "bytes behind the end": (
        lambda at: (at / UNET).write_bytes((at / UNET).read_bytes() + b"12345"),
        (UNET, "5 bytes stand behind"),
    ),
    "a pickle alone": (
        _renamed(UNET, "diffusion_pytorch_model.bin"),
        ("pickle `diffusion_pytorch_model.bin`", ".safetensors"),
    ),
    "a pickle under another name": (_replaced(UNET, b"PK\x03\x04" + bytes(99)), (UNET, "is a pickle")),
    "a web page": (_replaced(UNET, b"<!DOCTYPE html><html>"), (UNET, "web page")),
    "nothing in it": (_replaced(UNET, b""), (UNET, "is empty")),
    "another network's weights": (
        lambda at: shutil.copy(at / TEXT, at / UNET),
        (UNET, "has no tensor `conv_in.weight`"),
    ),
    "a UNet without its last block": (
        lambda at: _without("up_blocks.1.")(at / UNET),
        (UNET, "has no tensor `up_blocks.1`"),
    ),
    "a shard missing": (_sharded, ("diffusion_pytorch_model-00002-of-00002.safetensors", "is missing")),
    "no configuration": (_gone("unet/config.json"), ("unet/config.json", "is missing")),
    "no scheduler": (
        _gone("scheduler/scheduler_config.json"),
        ("scheduler/scheduler_config.json", "missing"),
    ),
    "an unknown scheduler": (
        _told(SCHEDULER, _class_name="MyScheduler"),
        ("does not have: MyScheduler",),
    ),
    "no tokenizer": (_tokenless, ("tokenizer/", "is missing")),
    "half a tokenizer": (_lettered, ("tokenizer/", "is missing")),
    "an index with a mark": (_marked("model_index.json"), ("model_index.json", "byte-order mark")),
    "a configuration with a mark": (_marked("unet/config.json"), ("unet/config.json", "byte-order mark")),
    "an index that is none": (_replaced("model_index.json", b"{,}"), ("model_index.json", "is damaged")),
    "an index of nothing": (_replaced("model_index.json", b"{}"), ("model_index.json",)),
    "an unknown pipeline": (
        _told("model_index.json", _class_name="MyPipeline"),
        ("does not have: MyPipeline",),
    ),
    "code": (
        lambda at: (at / "unet/my_unet.py").write_text("print('hello')"),
        ("unet/my_unet.py", "never run"),
    ),
}
"""Diffusers folders, by what is wrong with them: how to make one of a whole one, and what must be said."""

SINGLES: Mapping[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "a pointer": (lambda file: file.write_bytes(POINTER), ("Git LFS pointer",)),
    "cut": (lambda file: file.write_bytes(file.read_bytes()[:-1]), ("is cut short",)),
    "random bytes": (lambda file: file.write_bytes(bytes(range(1, 251)) + bytes(50)), ("header",)),
    "without CLIP": (_without("cond_stage_model."), ("has no CLIP text encoder",)),
    "without VAE": (_without("first_stage_model."), ("has no VAE",)),
    "a UNet alone": (
        _without("cond_stage_model.", "first_stage_model."),
        ("no CLIP text encoder and no VAE",),
    ),
    "a VAE alone": (_without("cond_stage_model.", "model."), ("is a VAE alone",)),
}
"""Checkpoints in one file, likewise."""
