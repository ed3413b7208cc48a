"""Masks from words by CLIPSeg: read like transformers' own, of the picture's size, through the renderer."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    AutoTokenizer,
    CLIPSegConfig,
    CLIPSegForImageSegmentation,
    CLIPSegProcessor,
    ViTImageProcessor,
)

from engine.config import EngineConfig
from engine.jobs import Condition, Input, JobSpec, Kind, Role
from engine.render import Renderer, decode
from engine.render.tools.segment import SIDE, ClipSeg
from engine.workers.protocol import Done
from tests.engine.render import tiny


def clipseg(folder: Path, side: int) -> Path:
    """Save a CLIPSeg of random weights, its pictures ``side`` wide, as transformers saves one."""
    words = tiny.tokenizer(folder)
    shape = {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 3, "num_attention_heads": 4}
    marks = {name: getattr(words, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    text = {**shape, **marks, "vocab_size": len(words), "max_position_embeddings": tiny.LENGTH}
    config = CLIPSegConfig(
        text_config=text,
        vision_config={**shape, "image_size": side, "patch_size": 16},
        projection_dim=32,
        reduce_dim=32,
        extract_layers=(0, 1, 2),
        decoder_num_attention_heads=4,
        decoder_intermediate_size=37,
    )
    torch.manual_seed(0)
    CLIPSegForImageSegmentation(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def picture(width: int = 96, height: int = 64) -> Image.Image:
    noise = torch.rand(3, 4, 6, generator=torch.Generator().manual_seed(3))
    return decode.to_picture(noise[None] * 2 - 1).resize((width, height), Image.Resampling.BICUBIC)


# CIDAS/clipseg-rd64-refined, the published one, says 224 and is asked at 352
@pytest.mark.parametrize(("side", "asked"), [(32, 32), (224, SIDE)])
def test_it_reads_pictures_and_words_as_transformers_does(tmp_path: Path, side: int, asked: int) -> None:
    folder = clipseg(tmp_path, side)
    mine = ClipSeg(str(folder), torch.device("cpu")).find(picture(), "a red apple")
    # the published preprocessor_config.json: bicubic to 352, ImageNet's mean and deviation
    images = ViTImageProcessor(
        size={"height": asked, "width": asked},
        resample=Image.Resampling.BICUBIC,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    processor = CLIPSegProcessor(images, AutoTokenizer.from_pretrained(folder))
    read = processor(text=["a red apple"], images=[picture()], return_tensors="pt", padding=True)
    with torch.inference_mode():
        model = CLIPSegForImageSegmentation.from_pretrained(folder).eval()
        theirs = model(**read).logits.reshape(asked, asked).sigmoid()
    assert mine.shape == (asked, asked)
    assert float(theirs.std()) > 0, "the reference must say something"
    assert torch.allclose(mine, theirs, atol=1e-5)


def test_a_region_asked_in_words_is_a_mask_of_the_pictures_size(tmp_path: Path) -> None:
    engine = EngineConfig(device="cpu", preview_every=0, threads=1, segmenter=str(clipseg(tmp_path, 32)))
    renderer = Renderer([], engine)
    masks = []
    for size in ((96, 64), (64, 160)):
        spec = JobSpec(
            kind=Kind.LOCATE,
            model="any",
            conditions=(Condition(text="the apple"),),
            width=32,
            height=32,
            steps=1,
            guidance_scale=1.0,
            sampler="euler",
            seed=0,
            count=1,
            inputs=(Input(sha256="p", role=Role.INIT),),
        )
        renderer.start("job", spec, {"p": decode.png(picture(*size))})
        [done] = renderer.tick()
        assert isinstance(done, Done), done
        mask = Image.open(io.BytesIO(done.outcome.pictures[0]))
        assert (mask.mode, mask.size) == ("L", size)
        assert set(np.unique(np.asarray(mask))) == {0, 255}, "one part is marked, another is not"
        masks.append(done.outcome.pictures[0])
    renderer.start("again", spec, {"p": decode.png(picture(*size))})
    [again] = renderer.tick()
    assert isinstance(again, Done)
    assert again.outcome.pictures[0] == masks[-1], "equal words and pictures find the same"
    renderer.close()
