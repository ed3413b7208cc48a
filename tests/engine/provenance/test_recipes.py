"""Recipes in files: written as AUTOMATIC1111 writes them, read from six programs, hostile ones ignored."""

from __future__ import annotations

import io
import json
import zlib
from typing import Any

import pytest
import sd_parsers
from PIL import Image, PngImagePlugin

from engine.prompt.foreign import as_line
from engine.provenance.reading import recipe_of
from engine.provenance.texts import exif, jpeg_with, png_with, texts_of, unreadable, webp_with
from tests.engine.intake.hostile import chunk, zeros

PARAMETERS = (
    "a (red:1.3) fox, naïve 猫 🦊\nNegative prompt: blurry, text\n"
    "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 42, Size: 64x48, "
    'Model hash: 6ce0161689, Model: sd15, Clip skip: 2, Lora hashes: "ink: 1a2b3c", Version: v1.10.1'
)


def saved(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (9, 99, 9)).save(buffer, kind, **options)
    return buffer.getvalue()


def png(**texts: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    return saved("PNG", pnginfo=info)


WRITTEN = {
    "png": png_with(saved("PNG"), {"parameters": PARAMETERS}),
    "jpeg": jpeg_with(saved("JPEG"), PARAMETERS),
    "webp": webp_with(saved("WEBP"), PARAMETERS, (64, 48)),
    "webp-lossless": webp_with(saved("WEBP", lossless=True), PARAMETERS, (64, 48)),
    "webp-film": webp_with(
        saved("WEBP", save_all=True, append_images=[Image.new("RGB", (64, 48))]), PARAMETERS, (64, 48)
    ),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_what_is_written_is_read_by_others_and_by_us(kind: str) -> None:
    data = WRITTEN[kind]
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        assert picture.size == (64, 48)
    independent = sd_parsers.ParserManager().parse(io.BytesIO(data))
    assert independent is not None
    assert independent.full_prompt == "a (red:1.3) fox, naïve 猫 🦊"
    assert independent.full_negative_prompt == "blurry, text"
    assert independent.samplers[0].parameters == {
        "cfg_scale": "7", "seed": "42", "steps": "20", "scheduler": "Karras"
    }  # fmt: skip
    found = recipe_of(data)
    assert found is not None
    assert found.program == "AUTOMATIC1111"
    assert found.facts["Lora hashes"] == "ink: 1a2b3c"
    assert found.as_text().splitlines()[:2] == PARAMETERS.splitlines()[:2]
    assert texts_of(data)["parameters"] == PARAMETERS


def test_comments_in_either_order_of_bytes_are_read() -> None:
    block = exif("a fox")
    swapped = block[:52] + b"".join(block[at + 1 : at + 2] + block[at : at + 1] for at in range(52, 62, 2))
    for one in (block, swapped):
        data = saved("JPEG", exif=b"Exif\0\0" + one)
        assert texts_of(data) == {"parameters": "a fox"}


GRAPH = {
    "3": {"class_type": "KSampler", "inputs": {
        "seed": 5, "steps": 20, "cfg": 8, "sampler_name": "euler", "scheduler": "normal", "denoise": 1,
        "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 640, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
}  # fmt: skip
NOVELAI = {
    "steps": 28,
    "sampler": "k_euler",
    "seed": 7,
    "strength": 0.69,
    "noise": 0.6,
    "scale": 11,
    "uc": "lowres",
}
FOOOCUS = {
    "base_model": "juggernaut", "base_model_hash": "aeb7e9e689", "guidance_scale": 4, "prompt": "a dog",
    "negative_prompt": "ugly", "resolution": "(1024, 960)", "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras", "seed": "12", "sharpness": 2, "steps": 30, "version": "Fooocus v2.2.0",
}  # fmt: skip
INVOKE = {
    "generation_mode": "txt2img", "positive_prompt": "a boat", "negative_prompt": "fog", "width": 512,
    "height": 768, "seed": 3, "cfg_scale": 7.5, "steps": 30, "scheduler": "euler",
    "model": {"model_name": "sd15", "base_model": "sd-1", "model_type": "main"}, "app_version": "3.4",
}  # fmt: skip


@pytest.mark.parametrize(
    ("data", "program", "prompt", "negative", "facts"),
    [
        (png(prompt=json.dumps(GRAPH)), "ComfyUI", "a fox", "blurry",
         {"Seed": "5", "Steps": "20", "CFG scale": "8", "Sampler": "euler", "Size": "512x640"}),
        (png(prompt=json.dumps(GRAPH), workflow='{"links": []}'), "ComfyUI", "a fox",
         "blurry", {"Seed": "5"}),
        (png(Software="NovelAI", Description="1girl", Source="Stable Diffusion F1022D28",
             Comment=json.dumps(NOVELAI)), "NovelAI", "1girl", "lowres",
         {"Seed": "7", "Steps": "28", "CFG scale": "11", "Sampler": "k_euler"}),
        (png(parameters=json.dumps(FOOOCUS), fooocus_scheme="fooocus"), "Fooocus", "a dog", "ugly",
         {"Seed": "12", "Steps": "30", "Size": "1024x960", "Model hash": "aeb7e9e689"}),
        (png(invokeai_metadata=json.dumps(INVOKE)), "InvokeAI", "a boat", "fog",
         {"Seed": "3", "Steps": "30", "Size": "512x768", "Model": "sd15"}),
        (png(parameters=PARAMETERS), "AUTOMATIC1111", "a (red:1.3) fox, naïve 猫 🦊", "blurry, text",
         {"Seed": "42", "Clip skip": "2", "Schedule type": "Karras"}),
        (png(parameters=PARAMETERS.replace("v1.10.1", "limner 0.1.0")), "Limner",
         "a (red:1.3) fox, naïve 猫 🦊", "blurry, text", {"Seed": "42"}),
    ],
)  # fmt: skip
def test_recipes_of_six_programs(
    data: bytes, program: str, prompt: str, negative: str, facts: dict[str, str]
) -> None:
    found = recipe_of(data)
    assert found is not None
    assert (found.program, found.prompt, found.negative_prompt) == (program, prompt, negative)
    assert found.facts.items() >= facts.items()
    assert f" --seed {facts['Seed']}" in as_line(found.as_text(), [])


def test_what_hangs_behind_a_picture_is_no_part_of_it() -> None:
    plain, text = saved("PNG"), chunk(b"tEXt", b"parameters\0" + PARAMETERS.encode())
    assert recipe_of(plain[:-12] + text + plain[-12:]) is not None
    assert recipe_of(plain + text) is None


def test_hostile_texts_are_passed_over() -> None:
    plain, said = saved("PNG"), []
    assert not unreadable(plain)
    deep = "[" * 100_000
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><x:xmpmeta>&b;</x:xmpmeta>'
    for kind, body in (
        (b"zTXt", b"parameters\0\0" + zeros(100 << 20)),
        (b"iTXt", b"parameters\0\1\0\0\0" + zeros(60 << 20)),
        (b"iTXt", b"parameters\0\0\0\0\0\xff\xfe\xfd"),
        (b"iTXt", b"parameters\0\0"),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + laughs.encode()),
        (b"tEXt", b"prompt\0" + deep.encode()),
        (b"tEXt", b"limner\0" + deep.encode()),
        (b"tEXt", b"invokeai_metadata\0{}"),
        (b"zTXt", b"parameters\0\0" + zlib.compress(b"x")[:-3]),
    ):
        hostile = plain[:33] + chunk(kind, body) + plain[33:]
        assert recipe_of(hostile) is None
        said.append(unreadable(hostile))
    assert said == [True, True, True, True, True, False, False, False, True]
    for cut in range(0, len(WRITTEN["jpeg"]), 7):
        recipe_of(WRITTEN["jpeg"][:cut])
    for cut in range(0, len(WRITTEN["webp"]), 7):
        recipe_of(WRITTEN["webp"][:cut])
    assert recipe_of(b"") is None
    assert recipe_of(saved("GIF")) is None
