"""A real transformers image classifier, its weights set by hand: red pictures are adult content."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import ResNetConfig, ResNetForImageClassification, ViTImageProcessor

LABELS = {0: "fine", 1: "nsfw"}


def save(folder: Path, labels: dict[int, str] = LABELS) -> Path:
    """Write the classifier as a folder, and return it."""
    config = ResNetConfig(
        num_channels=3,
        embedding_size=3,
        hidden_sizes=[3],
        depths=[1],
        layer_type="basic",
        downsample_in_first_stage=False,
        id2label=labels,
        label2id={label: n for n, label in labels.items()},
    )
    model = ResNetForImageClassification(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "normalization" not in name:
                weight.zero_()
        # the first convolution hands each colour on; the layer after it adds nothing; the mean colour is left
        embedder = model.resnet.embedder.embedder.convolution.weight
        for channel in range(3):
            embedder[channel, channel, 3, 3] = 1.0
        linear = model.classifier[-1]
        linear.weight[1] = torch.tensor([20.0, -20.0, -20.0])
        linear.bias[1] = -10.0
    model.save_pretrained(folder)
    ViTImageProcessor(size={"height": 32, "width": 32}, do_normalize=False).save_pretrained(folder)
    return folder


if __name__ == "__main__":
    import sys

    save(Path(sys.argv[1]))
