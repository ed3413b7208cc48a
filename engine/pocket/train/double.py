"""Double the autoencoder's pictures (64 to 128 px) and keep its latents; it refuses to know captions.

The latents' meaning stays, so a denoiser trained on them goes on without noticing: the new encoder learns to
say of a picture what the old one says of it at half size, and the new decoder to draw it at full size.
"""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from engine.pocket.train.checkpoint import Average, Log, load, save
from engine.pocket.train.data import file
from engine.pocket.train.optim import Muon, descend, half_pays, split
from engine.pocket.train.vae import make_vae, psnr, to_tensor

log = logging.getLogger(__name__)


def grow(half: AutoencoderTiny) -> AutoencoderTiny:
    """An autoencoder of factor 8 that holds the weights of `half`, of factor 4, wherever they fit."""
    vae = make_vae(levels=4)
    theirs, mine = half.encoder.layers, vae.encoder.layers
    # two fresh layers stand before the old ones, whose first read pixels and is taught anew
    for index in range(1, len(theirs)):
        mine[index + 1].load_state_dict(theirs[index].state_dict())
    theirs, mine = half.decoder.layers, vae.decoder.layers
    for index in range(len(theirs) - 1):
        mine[index].load_state_dict(theirs[index].state_dict())
    with torch.no_grad():
        # the fresh block adds nothing yet, the fresh kernel copies, so drawing starts as enlarging
        fresh = mine[len(theirs) - 1].conv[-1]
        nn.init.zeros_(fresh.weight)
        nn.init.zeros_(fresh.bias)
        nn.init.dirac_(mine[-2].weight)
    mine[-1].load_state_dict(theirs[-1].state_dict())
    vae.register_to_config(scaling_factor=half.config["scaling_factor"])
    return vae


def sharpness_loss(made: Tensor, true: Tensor) -> Tensor:
    """Absolute and squared error, and the error of the differences between pixels one and two apart."""
    error = made - true
    loss = error.abs().mean() + 2 * error.square().mean()
    for apart, weight in ((1, 0.6), (2, 0.3)):
        for axis in (-1, -2):
            count = error.shape[axis] - apart
            loss = (
                loss + weight * (error.narrow(axis, apart, count) - error.narrow(axis, 0, count)).abs().mean()
            )
    return loss


def train(
    data: Path,
    folder: Path,
    minutes: float = 15.0,
    batch: int = 16,
    learning_rate: float = 0.006,
    device: str = "cpu",
    seed: int = 0,
) -> AutoencoderTiny:
    """Train or resume; the old autoencoder moves to `folder`/vae-half, the new takes its place.

    Needs the latents `encode` wrote. One row in 401 is held out and measures.
    """
    torch.manual_seed(seed)
    if not (folder / "vae-half").exists():
        shutil.copytree(folder / "vae", folder / "vae-half")
    half = AutoencoderTiny.from_pretrained(folder / "vae-half", torch_dtype=torch.float32)
    vae = grow(half).to(device)
    pictures = np.load(file(data, "pictures", 0), mmap_mode="r")
    latents = np.load(file(folder, "latents", 0), mmap_mode="r")
    every = np.arange(len(pictures))
    seen = every[every % 401 != 7]
    judged = to_tensor(np.array(pictures[7::401]), device)
    matrices, others = split(vae)
    optimizers = [
        Muon(matrices, lr=learning_rate),
        torch.optim.AdamW(others, lr=learning_rate / 6, weight_decay=0.0),
    ]
    average = Average({"vae": vae}, 0.995)
    path = folder / "double.safetensors"
    step = load(path, {"vae": vae}, average, optimizers)
    table = Log(folder / "double.csv", ("loss", "match", "psnr", "through"), step)
    saved, bar = time.monotonic(), tqdm(initial=step, desc="double")
    while table.seconds() < minutes * 60:
        done = table.seconds() / (minutes * 60)
        rate = min(1.0, (step + 1) / 50) * min(1.0, max(0.02, (1 - done) / 0.6))
        for optimizer, base in zip(optimizers, (learning_rate, learning_rate / 6), strict=True):
            optimizer.param_groups[0]["lr"] = base * rate
        draw = np.random.default_rng((seed, step))
        rows = np.sort(draw.choice(seen, batch, replace=False))
        true = to_tensor(np.array(pictures[rows]), device)
        wanted = torch.from_numpy(np.array(latents[rows])).to(device).float()
        # the decoder must forgive what a denoiser gets slightly wrong
        spread = torch.from_numpy(draw.uniform(0, 0.12, (batch, 1, 1, 1)).astype(np.float32)).to(device)
        noise = torch.from_numpy(draw.standard_normal(wanted.shape, dtype=np.float32)).to(device)
        with torch.autocast(true.device.type, dtype=torch.bfloat16, enabled=half_pays(true.device)):
            made = vae.decoder(wanted + spread * noise)
            # the encoder learns faster than the decoder, and from every second batch
            match = (vae.encoder(true) - wanted).square().mean() if step % 2 == 0 else torch.zeros(())
        loss = sharpness_loss(made.float(), true) + match.float()
        descend(loss, vae.parameters(), optimizers)
        average.update(step)
        step += 1
        bar.update()
        if step % 100 == 0:
            trial = make_vae(levels=4).to(device)
            trial.load_state_dict(average.state("vae"))
            with torch.no_grad():
                told = torch.from_numpy(np.array(latents[7::401])).to(device).float()
                guess = trial.encoder(judged)
                found = {
                    "match": float((guess - told).square().mean()),
                    "psnr": psnr(trial.decoder(told), judged),
                    "through": psnr(trial.decoder(guess), judged),
                }
            table.write(step, loss=float(loss.detach()), **found)
            bar.set_postfix(found)
        if time.monotonic() - saved > 120:
            save(path, step, {"vae": vae}, average, optimizers)
            saved = time.monotonic()
    save(path, step, {"vae": vae}, average, optimizers)
    vae.load_state_dict(average.state("vae"))
    vae.save_pretrained(folder / "vae")
    return vae
