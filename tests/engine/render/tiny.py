"""Tiny Stable Diffusion pipelines of random weights: the real classes, a second to run, not to look at."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DDIMScheduler,
    EDMEulerScheduler,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

WORDS = (
    *("a", "the", "red", "blue", "green", "apple", "car", "dog", "cat", "on", "of", "in", "and", "by", "fox"),
    *("tree", "house", "with", "small", "old", "photo", "style", "night"),
)
LENGTH = 16
"""Tokens a text has room for; short, so that long prompts are cheap to test."""


def tokenizer(folder: Path) -> CLIPTokenizer:
    """A CLIP tokenizer over a few dozen words, letters and marks."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(c) for c in range(33, 127)]
    tokens = letters + [letter + "</w>" for letter in letters]
    merges = []
    for word in WORDS:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            merge = f"{parts[0]} {parts[1]}"
            if merge not in merges:
                merges.append(merge)
                tokens.append(parts[0] + parts[1])
            parts = [parts[0] + parts[1], *parts[2:]]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=LENGTH)


def scheduler(clip_sample: bool = False) -> DDIMScheduler:
    """The noise schedule of Stable Diffusion 1.x."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=clip_sample,
        set_alpha_to_one=False,
        steps_offset=1,
    )


def clip_text(tokens: CLIPTokenizer, cls: Any = CLIPTextModel) -> Any:
    return cls(
        CLIPTextConfig(
            vocab_size=len(tokens),
            hidden_size=32,
            intermediate_size=37,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=LENGTH,
            projection_dim=32,
            bos_token_id=tokens.bos_token_id,
            eos_token_id=tokens.eos_token_id,
            pad_token_id=tokens.pad_token_id,
        )
    ).eval()


def _vae(**more: Any) -> AutoencoderKL:
    return AutoencoderKL(
        **more,
        block_out_channels=(16, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=8,
        scaling_factor=0.18215,
        force_upcast=False,
    ).eval()


def sd(folder: Path, in_channels: int = 4, **unet: Any) -> StableDiffusionPipeline:
    """A Stable Diffusion 1.x of some 200,000 parameters; two pixels a latent."""
    torch.manual_seed(0)
    tokens = tokenizer(folder)
    return StableDiffusionPipeline(
        vae=_vae(),
        text_encoder=clip_text(tokens),
        tokenizer=tokens,
        unet=UNet2DConditionModel(
            **{
                "block_out_channels": (16, 32),
                "layers_per_block": 1,
                "sample_size": 16,
                "in_channels": in_channels,
                "out_channels": 4,
                "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
                "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
                "cross_attention_dim": 32,
                "attention_head_dim": 4,
                "norm_num_groups": 8,
                **unet,
            }
        ).eval(),
        scheduler=scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def lora(pipe: StableDiffusionPipeline, folder: Path, text: bool = False) -> Path:
    """Write a random LoRA for a pipeline's UNet, with ``text`` for its text encoder too; return its file."""
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    torch.manual_seed(5)
    pipe.unet.add_adapter(LoraConfig(r=2, init_lora_weights=False, target_modules=["to_q", "to_v", "to_k"]))
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(pipe.unet))
    said = None
    if text:
        pipe.text_encoder.add_adapter(
            LoraConfig(r=2, init_lora_weights=False, target_modules=["q_proj", "v_proj"])
        )
        said = convert_state_dict_to_diffusers(get_peft_model_state_dict(pipe.text_encoder))
    StableDiffusionPipeline.save_lora_weights(folder, unet_lora_layers=layers, text_encoder_lora_layers=said)
    return folder / "pytorch_lora_weights.safetensors"


LAYERS = (
    *("to_q", "to_k", "to_v", "to_out.0", "conv1", "proj_in", "ff.net.2", "add_q_proj", "to_add_out"),
    *("to_qkv_mlp_proj", "proj_mlp", "img_mod.1", "feed_forward.w1", "linear", "x_embedder"),
    *("context_embedder", "all_x_embedder.2-1", "cap_embedder.1", "adaLN_modulation.0"),
    "time_embedding.linear_1",
)
"""Ends of the names of layers that LoRAs change, of all families."""
CLIP_LAYERS = ("self_attn.q_proj", "self_attn.v_proj", "mlp.fc1")
"""The same of CLIP."""


def layers_named(part: nn.Module, ends: Sequence[str]) -> Mapping[str, Any]:
    """Return the layers of a network whose names end so."""
    return {
        name: module
        for name, module in part.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and f".{name}".endswith(tuple(f".{end}" for end in ends))
    }


def _pair(layer: Any, rank: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Make the two tensors of a layer's LoRA: down and up."""
    weight = layer.weight
    down = torch.randn(rank, *weight.shape[1:], generator=generator) / weight[0].numel() ** 0.5
    up = torch.randn(weight.shape[0], rank, *[1] * (weight.ndim - 2), generator=generator) / 4
    return down, up


def random_lora(pipe: Any, file: Path, seed: int, rank: int, text: bool = False) -> str:
    """Write a random LoRA of a pipeline as peft names tensors; return where it lies."""
    generator = torch.Generator().manual_seed(seed)
    network = "unet" if hasattr(pipe, "unet") else "transformer"
    parts = {network: LAYERS} | ({"text_encoder": CLIP_LAYERS} if text else {})
    tensors = {}
    for part, ends in parts.items():
        for name, layer in layers_named(getattr(pipe, part), ends).items():
            down, up = _pair(layer, rank, generator)
            tensors[f"{part}.{name}.lora_A.weight"] = down
            tensors[f"{part}.{name}.lora_B.weight"] = up
    assert len(tensors) >= 10
    save_file(tensors, file)
    return str(file)


def ip_adapter(pipe: Any, folder: Path, plus: bool = False) -> Path:
    """Write an IP-Adapter of random weights for a pipeline, and its image encoder; return the folder.

    The files are laid out as the authors publish theirs. ``plus``: the kind that reads the encoder's patches.
    """
    torch.manual_seed(7)
    cross, seen, hidden = pipe.unet.config.cross_attention_dim, 16, 32
    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=hidden,
            intermediate_size=37,
            num_hidden_layers=3,
            num_attention_heads=4,
            image_size=32,
            patch_size=8,
            projection_dim=seen,
        )
    )
    encoder.save_pretrained(folder / "models" / "image_encoder")
    if plus:
        projection = IPAdapterPlusImageProjection(
            embed_dims=hidden, output_dims=cross, hidden_dims=64, heads=1, num_queries=3
        )
        published = _published(projection.state_dict())
    else:
        published = {
            "proj.weight": torch.randn(4 * cross, seen),
            "proj.bias": torch.randn(4 * cross),
            "norm.weight": 1 + 0.1 * torch.randn(cross),
            "norm.bias": 0.1 * torch.randn(cross),
        }
    tensors = {f"image_proj.{name}": value for name, value in published.items()}
    for number, name in enumerate(pipe.unet.attn_processors):
        if name.endswith("attn2.processor"):
            width = pipe.unet.get_submodule(name.removesuffix(".processor")).to_q.out_features
            for part in ("k", "v"):
                tensors[f"ip_adapter.{number}.to_{part}_ip.weight"] = torch.randn(width, cross) / 4
    save_file(tensors, folder / "models" / "adapter.safetensors")
    return folder


def _published(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Name a resampler's tensors as the authors' own files do."""
    names = {
        "ln0": "0.norm1",
        "ln1": "0.norm2",
        "attn.to_q": "0.to_q",
        "attn.to_out.0": "0.to_out",
        "ff.0": "1.0",
        "ff.1.net.0.proj": "1.1",
        "ff.1.net.2": "1.3",
    }
    found = {}
    for name, value in state.items():
        for here, there in names.items():
            name = re.sub(rf"^(layers\.\d)\.{re.escape(here)}\.", rf"\1.{there}.", name)
        found[name] = value
    for layer in range(4):
        parts = [found.pop(f"layers.{layer}.attn.to_{part}.weight") for part in "kv"]
        found[f"layers.{layer}.0.to_kv.weight"] = torch.cat(parts)
    return found


def pocket_like(folder: Path) -> StableDiffusionPipeline:
    """The shape of the model that ships: a tiny autoencoder, pooled text inside the UNet, v-prediction."""
    pipe = sd(
        folder,
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
        encoder_hid_dim=32,
        encoder_hid_dim_type="text_proj",
    )
    torch.manual_seed(1)
    vae = AutoencoderTiny(
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
        latent_channels=4,
    ).eval()
    config = {**pipe.scheduler.config, "prediction_type": "v_prediction", "timestep_spacing": "trailing"}
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=pipe.text_encoder,
        tokenizer=pipe.tokenizer,
        unet=pipe.unet,
        scheduler=DDIMScheduler.from_config(config),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def sdxl(folder: Path) -> StableDiffusionXLPipeline:
    """An SDXL of some 300,000 parameters: two text encoders, pooled text, time ids."""
    torch.manual_seed(0)
    tokens = tokenizer(folder)
    return StableDiffusionXLPipeline(
        vae=_vae(),
        text_encoder=clip_text(tokens),
        tokenizer=tokens,
        text_encoder_2=clip_text(tokens, CLIPTextModelWithProjection),
        tokenizer_2=tokens,
        unet=UNet2DConditionModel(
            block_out_channels=(16, 32),
            layers_per_block=1,
            sample_size=16,
            in_channels=4,
            out_channels=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 1),
            cross_attention_dim=64,
            attention_head_dim=(2, 4),
            norm_num_groups=8,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + 32,
        ).eval(),
        scheduler=scheduler(),
    )


def edm(folder: Path) -> StableDiffusionPipeline:
    """An SD whose noise is EDM's: samplers of ours do not fit, so its loop is not ours."""
    pipe = sd(folder)
    pipe.register_modules(scheduler=EDMEulerScheduler())
    return pipe


def clipping(folder: Path) -> StableDiffusionXLPipeline:
    """An SDXL whose samplers are asked to clip (diffusers forbids it to SD 1.x)."""
    pipe = sdxl(folder)
    pipe.register_modules(scheduler=scheduler(clip_sample=True))
    return pipe


def sd3(folder: Path) -> StableDiffusion3Pipeline:
    """A Stable Diffusion 3 without its T5: a family whose loop is not ours."""
    torch.manual_seed(0)
    tokens = tokenizer(folder)
    return StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=16,
            patch_size=1,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=4,
            caption_projection_dim=32,
            joint_attention_dim=64,
            pooled_projection_dim=64,
        ).eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=_vae(shift_factor=0.06),
        text_encoder=clip_text(tokens, CLIPTextModelWithProjection),
        tokenizer=tokens,
        text_encoder_2=clip_text(tokens, CLIPTextModelWithProjection),
        tokenizer_2=tokens,
        text_encoder_3=None,
        tokenizer_3=None,
    )


def clip(folder: Path) -> Path:
    """A text-image encoder of random weights, saved as transformers saves one."""
    torch.manual_seed(0)
    words = tokenizer(folder)
    text = {
        "vocab_size": len(words), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": LENGTH, "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id,
    }  # fmt: skip
    vision = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
        "image_size": 32, "patch_size": 8,
    }  # fmt: skip
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder
