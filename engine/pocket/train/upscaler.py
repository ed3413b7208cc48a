"""Train the x4 super-resolution network on icon art, and on what the autoencoder makes of it."""

from __future__ import annotations

import io
import json
import logging
import random
import shutil
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from engine.pocket.srvgg import SRVGGNetCompact
from engine.pocket.train.checkpoint import Average, Log, load, save
from engine.pocket.train.concepts import COLOURS, CONCEPTS
from engine.pocket.train.data import compose
from engine.pocket.train.icons import fetch, load_icons, recolour, render
from engine.pocket.train.optim import Muon, descend, split
from engine.pocket.train.vae import psnr, to_tensor

log = logging.getLogger(__name__)

LARGE, SMALL = 512, 128
HELD_OUT = frozenset(concept.noun for concept in CONCEPTS[5::11])
"""Things whose icons the network never sees, in any set: one in eleven."""


def build(data: Path, count: int = 1500, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Draw `count` pictures at 512 px; returns them and which are held out. Kept in `large.npy`."""
    path = data / "large.npy"
    rng = random.Random(seed)
    icons = load_icons(fetch(data))
    things = [(style, noun) for style, nouns in icons.items() for noun in nouns]
    order = [things[i % len(things)] for i in range(count)]
    held_out = np.array([noun in HELD_OUT for _, noun in order])
    if path.exists():
        return np.load(path, mmap_mode="r"), held_out
    rendered = {thing: render(icons[thing[0]][thing[1]], LARGE) for thing in tqdm(things, desc="rendering")}
    pictures = np.empty((count, LARGE, LARGE, 3), np.uint8)
    shades = list(COLOURS)
    for row, thing in enumerate(tqdm(order, desc="drawing")):
        icon = rendered[thing]
        if rng.random() < 0.5:
            icon = recolour(icon, rng.choice(shades))
        ground = rng.choice(shades) if rng.random() < 0.4 else None
        pictures[row] = np.asarray(compose(icon, ground, rng, (LARGE, LARGE)))
    np.save(path, pictures)
    return pictures, held_out


def _shrink(large: Image.Image, rng: random.Random) -> Image.Image:
    filters = (Image.Resampling.BOX, Image.Resampling.LANCZOS, Image.Resampling.BICUBIC, Image.Resampling.BOX)
    small = large.resize((SMALL, SMALL), rng.choice(filters))
    if rng.random() < 0.1:
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=rng.randint(60, 95))
        small = Image.open(buffer).convert("RGB")
    return small


@torch.no_grad()
def degrade(large: NDArray[np.uint8], vae: AutoencoderTiny, rng: random.Random, coded: float = 0.7) -> Tensor:
    """Make the 128 px pictures the network will meet: shrunk, and mostly passed through the autoencoder.

    The latents get a little noise, because the diffusion model's are never exact. Returns (n, 3, 128, 128)
    in -1..1.
    """
    small = to_tensor(
        np.stack([np.asarray(_shrink(Image.fromarray(picture), rng)) for picture in large]), "cpu"
    )
    chosen = torch.tensor([rng.random() < coded for _ in range(len(small))])
    if bool(chosen.any()):
        latents = vae.encoder(small[chosen])
        spread = torch.tensor([rng.choice((0.0, 0.05, 0.1, 0.2)) for _ in range(len(latents))]).view(
            -1, 1, 1, 1
        )
        noise = torch.from_numpy(
            np.random.default_rng(rng.getrandbits(32)).standard_normal(latents.shape, dtype=np.float32)
        )
        small[chosen] = vae.decoder(latents + spread * noise).clamp(-1, 1)
    return small


def lanczos(small: Tensor) -> Tensor:
    """Enlarge four times with Pillow's Lanczos filter: what has to be beaten. (n, 3, h, w) in -1..1."""
    arrays = ((small.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    side = small.shape[-1] * 4
    large = [np.asarray(Image.fromarray(a).resize((side, side), Image.Resampling.LANCZOS)) for a in arrays]
    return to_tensor(np.stack(large), "cpu")


@torch.no_grad()
def measure(network: nn.Module, large: NDArray[np.uint8], vae: AutoencoderTiny) -> dict[str, float]:
    """Decibels on held-out pictures for shrunk and for autoencoded input, beside Lanczos."""
    true = to_tensor(large, "cpu")
    found: dict[str, float] = {}
    for name, coded in (("clean", 0.0), ("coded", 1.0)):
        small = degrade(large, vae, random.Random(1), coded)
        made = torch.cat([network((part + 1) / 2) * 2 - 1 for part in small.split(16)])
        found[name], found[f"{name}_lanczos"] = psnr(made, true), psnr(lanczos(small), true)
    return found


def train(
    data: Path,
    folder: Path,
    out: Path,
    steps: int = 100_000,
    minutes: float = 10,
    batch: int = 16,
    rate: float = 0.01,
) -> dict[str, float]:
    """Train or resume, then write weights and config to `out`; returns the held-out decibels."""
    torch.manual_seed(0)
    pictures, held_out = build(data)
    seen = np.flatnonzero(~held_out)
    judged = np.array(pictures[np.flatnonzero(held_out)[:48]])
    vae = AutoencoderTiny.from_pretrained(folder / "vae")
    network = SRVGGNetCompact()
    matrices, others = split(network)
    optimizers = [Muon(matrices, lr=rate), torch.optim.AdamW(others, lr=rate / 10, weight_decay=0.0)]
    average = Average({"network": network}, 0.998)
    path = folder / "upscaler.safetensors"
    step = load(path, {"network": network}, average, optimizers)
    table = Log(folder / "upscaler.csv", ("loss", "clean", "clean_lanczos", "coded", "coded_lanczos"), step)
    saved, bar = time.monotonic(), tqdm(initial=step, desc="upscaler")
    while step < steps and table.seconds() < minutes * 60:
        done = max(step / steps, table.seconds() / (minutes * 60))
        factor = min(1.0, (step + 1) / 50) * min(1.0, max(0.02, (1 - done) / 0.6))
        for optimizer, base in zip(optimizers, (rate, rate / 10), strict=True):
            optimizer.param_groups[0]["lr"] = base * factor
        rng = random.Random(f"upscaler-{step}")
        large = np.array(pictures[sorted(rng.sample(list(seen), batch))])
        small, true = degrade(large, vae, rng), to_tensor(large, "cpu")
        # a window of each picture: four times as many pictures for the same cost
        left, top = rng.randint(0, 96), rng.randint(0, 96)
        small = small[..., top : top + 32, left : left + 32]
        true = true[..., top * 4 : top * 4 + 128, left * 4 : left * 4 + 128]
        made = network((small + 1) / 2) * 2 - 1
        error = made - true
        edges = (made.diff(dim=-1) - true.diff(dim=-1)).abs().mean() + (
            made.diff(dim=-2) - true.diff(dim=-2)
        ).abs().mean()
        loss = error.abs().mean() + 2 * error.square().mean() + 0.5 * edges
        descend(loss, network.parameters(), optimizers)
        average.update(step)
        step += 1
        bar.update()
        if step % 500 == 0:
            judge = SRVGGNetCompact()
            judge.load_state_dict(average.state("network"))
            found = measure(judge, judged, vae)
            table.write(step, loss=float(loss.detach()), **found)
            bar.set_postfix(found)
        if time.monotonic() - saved > 120:
            save(path, step, {"network": network}, average, optimizers)
            saved = time.monotonic()
    save(path, step, {"network": network}, average, optimizers)
    network.load_state_dict(average.state("network"))
    fresh = out.with_name(out.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    save_file(
        {n: t.half().contiguous() for n, t in network.state_dict().items()}, fresh / "model.safetensors"
    )
    config = {
        "class": "SRVGGNetCompact",
        "num_in_ch": 3,
        "num_out_ch": 3,
        "num_feat": 32,
        "num_conv": 8,
        "upscale": 4,
    }
    (fresh / "config.json").write_text(
        json.dumps(config | {"act_type": "prelu"}, indent=2) + "\n", encoding="utf-8"
    )
    shutil.rmtree(out, ignore_errors=True)
    fresh.rename(out)
    return measure(network, judged, vae)
