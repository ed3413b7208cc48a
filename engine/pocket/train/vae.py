"""Train the first autoencoder: 64 x 64 pictures to 16 x 16 x 4 latents and back; it refuses to know captions.

`double` makes it one of 128 x 128 pictures afterwards.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from engine.pocket.train.checkpoint import Average, Log, load, save
from engine.pocket.train.data import SIZES, file
from engine.pocket.train.optim import Muon, descend, half_pays, split

log = logging.getLogger(__name__)


def make_vae(levels: int = 3) -> AutoencoderTiny:
    """The autoencoder, untrained: factor 2 ** (levels - 1), 4 channels (stock inpainting demands them)."""
    return AutoencoderTiny(
        encoder_block_out_channels=(32,) * levels,
        decoder_block_out_channels=(32,) * levels,
        # hardly any blocks at large sizes: they cost most of the time and bring little
        num_encoder_blocks=(0, 0, 2, 3)[-levels:],
        num_decoder_blocks=(3, 3, 1, 0) if levels == 4 else (3, 3, 0),
        latent_channels=4,
        upsampling_scaling_factor=2,
        scaling_factor=1.0,
    )


def to_tensor(
    pictures: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], device: torch.device | str
) -> Tensor:
    """uint8 (n, h, w, 3) to float (n, 3, h, w) in -1..1."""
    return torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def halve(pictures: Tensor) -> Tensor:
    """(n, 3, h, w) in -1..1 to half the sides, each pixel the mean of four."""
    return nn.functional.avg_pool2d(pictures, 2)


def psnr(made: Tensor, true: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pictures in -1..1."""
    return float(-10 * torch.log10((made.clamp(-1, 1) - true).square().mean() / 4))


def _loss(made: Tensor, true: Tensor) -> Tensor:
    # the differences between neighbours weigh edges, which is what blur loses
    across = (made.diff(dim=-1) - true.diff(dim=-1)).abs().mean() + (
        made.diff(dim=-2) - true.diff(dim=-2)
    ).abs().mean()
    error = made - true
    return error.abs().mean() + 4 * error.square().mean() + 0.5 * across


def _batches(
    count: int, size: int, start: int, stop: int, seed: int
) -> Iterator[tuple[int, np.ndarray[tuple[int], np.dtype[np.int64]]]]:
    for step in range(start, stop):
        # drawn from the step's own seed: a resumed run sees the batches the killed one would have seen
        yield step, np.sort(np.random.default_rng((seed, step)).choice(count, size, replace=False))


def train(
    data: Path,
    folder: Path,
    steps: int = 3000,
    batch: int = 16,
    learning_rate: float = 0.01,
    device: str = "cpu",
    minutes: float | None = None,
    decoder_only: bool = False,
    seed: int = 0,
) -> AutoencoderTiny:
    """Train or resume; `decoder_only` keeps the latents as they are. Writes averages to `folder`/vae."""
    torch.manual_seed(seed)
    pictures = np.load(file(data, "pictures", 0), mmap_mode="r")
    held_out = halve(to_tensor(np.array(pictures[7::401]), device))
    # the averaged autoencoder made the latents, so it is what a sharper decoder has to start from
    vae = (AutoencoderTiny.from_pretrained(folder / "vae") if decoder_only else make_vae()).to(device)
    vae.to(memory_format=torch.channels_last)
    if decoder_only:
        vae.encoder.requires_grad_(False)
    trained: nn.Module = vae.decoder if decoder_only else vae
    matrices, others = split(trained)
    optimizers = [
        Muon(matrices, lr=learning_rate),
        torch.optim.AdamW(others, lr=learning_rate / 8, weight_decay=0.0),
    ]
    bases = [learning_rate, learning_rate / 8]
    average = Average({"vae": vae}, 0.998)
    name = "decoder" if decoder_only else "vae"
    path = folder / f"{name}.safetensors"
    start = load(path, {"vae": vae}, average, optimizers)
    table = Log(folder / f"{name}.csv", ("loss", "psnr"), start)
    budget = minutes * 60 if minutes else float("inf")
    saved = time.monotonic()
    bar = tqdm(_batches(len(pictures), batch, start, steps, seed), initial=start, total=steps, desc=name)
    step, loss = start, torch.zeros(())
    for step, rows in bar:
        done = min(max(step / steps, table.seconds() / budget), 1.0)
        rate = min(1.0, (step + 1) / 50) * min(1.0, max(0.02, (1 - done) / 0.5))
        for optimizer, base in zip(optimizers, bases, strict=True):
            optimizer.param_groups[0]["lr"] = base * rate
        true = halve(to_tensor(np.array(pictures[rows]), device)).to(memory_format=torch.channels_last)
        latents = vae.encoder(true)
        # a little noise: the decoder must forgive what the diffusion model gets slightly wrong
        made = vae.decoder(latents + 0.03 * torch.randn_like(latents))
        # latents of mean 0 and deviation 1 are what the diffusion schedule expects
        mean, deviation = latents.mean(dim=(0, 2, 3)), latents.std(dim=(0, 2, 3))
        tidy = mean.square().mean() + (deviation - 1).square().mean()
        loss = _loss(made, true) + 0.05 * tidy
        descend(loss, trained.parameters(), optimizers)
        average.update(step)
        if step % 100 == 99:
            keep = {n: t.clone() for n, t in vae.state_dict().items()}
            vae.load_state_dict(average.state("vae"))
            with torch.no_grad():
                decibels = psnr(vae.decoder(vae.encoder(held_out)), held_out)
            vae.load_state_dict(keep)
            table.write(step + 1, loss=float(loss.detach()), psnr=decibels)
            bar.set_postfix(loss=float(loss.detach()), psnr=decibels)
        if time.monotonic() - saved > 120:
            save(path, step + 1, {"vae": vae}, average, optimizers)
            saved = time.monotonic()
        if table.seconds() > budget:
            break
    save(path, step + 1, {"vae": vae}, average, optimizers)
    vae.load_state_dict(average.state("vae"))
    vae.save_pretrained(
        folder / "vae"
    )  # keeps the scaling factor of the latents, if they were encoded already
    return vae


@torch.no_grad()
def encode(data: Path, folder: Path, device: str = "cpu") -> None:
    """Encode every picture once to `latents-WxH.npy` (n, 4, H / 8, W / 8) float16; note their spread.

    An autoencoder of factor 4 is given the pictures at half size.
    """
    vae = AutoencoderTiny.from_pretrained(folder / "vae", torch_dtype=torch.float32).to(device)
    small = len(vae.config["encoder_block_out_channels"]) == 3
    # channels last, with units for bfloat16: six times as fast, latents off by .002 of their deviation
    vae.to(memory_format=torch.channels_last)
    units = device == "cpu" and half_pays(torch.device(device))
    deviation = 0.0
    for size in range(len(SIZES)):
        pictures = np.load(file(data, "pictures", size), mmap_mode="r")
        parts = []
        for i in tqdm(range(0, len(pictures), 128), desc="encoding"):
            whole = to_tensor(np.array(pictures[i : i + 128]), device)
            whole = (halve(whole) if small else whole).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=units):
                parts.append(vae.encoder(whole).float().cpu())
        latents = torch.cat(parts)
        deviation = deviation or float(latents.std())
        path = file(folder, "latents", size)
        np.save(path.with_suffix(".tmp.npy"), latents.half().numpy())
        path.with_suffix(".tmp.npy").replace(path)
    log.info("latent deviation %.3f", deviation)
    # a denoiser that goes on from another's weights keeps the scale it knows
    if vae.config["scaling_factor"] == 1.0:
        vae.register_to_config(scaling_factor=1 / deviation)
        vae.save_pretrained(folder / "vae")
