"""Tiny flow-matching pipelines of random weights: the real classes, a second to run, not to look at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    ChromaPipeline,
    ChromaTransformer2DModel,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Pipeline,
    Flux2Transformer2DModel,
    FluxFillPipeline,
    FluxKontextPipeline,
    FluxPipeline,
    FluxTransformer2DModel,
    Krea2Pipeline,
    Krea2Transformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from transformers import (
    CLIPTextModel,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    PreTrainedTokenizerBase,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    Qwen3VLConfig,
    Qwen3VLModel,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from tests.engine.render.tiny import WORDS, clip_text, tokenizer

_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The chat format of Qwen's models, without their system line."""


def qwen_tokens(folder: Path) -> PreTrainedTokenizerBase:
    """A byte-level tokenizer over letters and a few words, that knows the marks of a chat."""
    folder.mkdir(parents=True, exist_ok=True)
    # GPT-2's bytes as characters: printable ones are themselves, the others follow from 256 on
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(others))]
    merges: list[tuple[str, str]] = []
    tokens = list(letters)
    for word in WORDS:
        for parts in ([*word], ["Ġ", *word]):
            while len(parts) > 1:
                merge = (parts[0], parts[1])
                if merge not in merges:
                    merges.append(merge)
                    tokens.append(parts[0] + parts[1])
                parts = [parts[0] + parts[1], *parts[2:]]
    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"]
    marks += ["<|image_pad|>", "<|video_pad|>"]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys([*tokens, *marks]))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("\n".join(f"{a} {b}" for a, b in merges) + "\n")
    made = Qwen2Tokenizer(
        vocabulary,
        merges,
        extra_special_tokens=marks[1:],
        model_max_length=4096,
    )
    made.chat_template = _TEMPLATE
    return made


def _qwen3(tokens: Any, layers: int = 2, cls: Any = Qwen3Model) -> Any:
    return randomized(
        cls(
            Qwen3Config(
                vocab_size=len(tokens),
                hidden_size=16,
                intermediate_size=24,
                num_hidden_layers=layers,
                num_attention_heads=2,
                num_key_value_heads=2,
                head_dim=8,
                max_position_embeddings=4096,
            )
        )
    )


def randomized(model: Any, spread: float = 0.2) -> Any:
    """Give a network weights under which every input shows: initial ones hide what should be seen to move."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            one = 1.0 if parameter.ndim == 1 and float(parameter.mean()) == 1.0 else 0.0
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(one + noise * (spread if parameter.ndim > 1 else 0.05))
    return model.eval()


def _vae(**more: Any) -> AutoencoderKL:
    torch.manual_seed(0)
    return AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        latent_channels=4,
        use_quant_conv=False,
        use_post_quant_conv=False,
        force_upcast=False,
        **{"scaling_factor": 0.36, "shift_factor": 0.12, **more},
    ).eval()


def z_image(folder: Path, **transformer: Any) -> ZImagePipeline:
    """A Z-Image: lists of latents and captions, timesteps that count up, guidance one lower than others'."""
    torch.manual_seed(0)
    tokens = qwen_tokens(folder)
    return ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_vae(),
        text_encoder=_qwen3(tokens),
        tokenizer=tokens,
        transformer=randomized(
            ZImageTransformer2DModel(
                **{
                    "all_patch_size": (2,),
                    "all_f_patch_size": (1,),
                    "in_channels": 4,
                    "dim": 32,
                    "n_layers": 1,
                    "n_refiner_layers": 1,
                    "n_heads": 2,
                    "n_kv_heads": 2,
                    "cap_feat_dim": 16,
                    "axes_dims": [4, 6, 6],
                    "axes_lens": [1024, 64, 64],
                    **transformer,
                }
            ),
            spread=0.1,
        ),
    )


def _flux2_transformer(width: int, guidance: bool = False) -> Flux2Transformer2DModel:
    return randomized(  # type: ignore[no-any-return]
        Flux2Transformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=width,
            timestep_guidance_channels=32,
            axes_dims_rope=(4, 4, 4, 4),
            guidance_embeds=guidance,
        )
    )


def klein(folder: Path, distilled: bool = True) -> Flux2KleinPipeline:
    """A FLUX.2 klein: 28 layers of a small Qwen3, three of them read; patches normalised by running means."""
    torch.manual_seed(0)
    tokens = qwen_tokens(folder)
    vae = AutoencoderKLFlux2(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        latent_channels=4,
    ).eval()
    with torch.no_grad():
        vae.bn.running_mean.copy_(torch.randn(16) / 4)
        vae.bn.running_var.copy_(torch.rand(16) + 0.5)
    return Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=vae,
        text_encoder=_qwen3(tokens, 28, Qwen3ForCausalLM),
        tokenizer=tokens,
        transformer=_flux2_transformer(48),
        is_distilled=distilled,
    )


def t5_tokens(words: Sequence[str] = WORDS) -> T5Tokenizer:
    """A unigram tokenizer over a few words and letters."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(f"▁{word}", -3.0) for word in words] + [(chr(c), -6.0) for c in range(97, 123)]
    return T5Tokenizer(list(dict(pieces).items()), extra_ids=0, model_max_length=512)


def t5(tokens: T5Tokenizer) -> T5EncoderModel:
    """A T5 encoder of two small layers."""
    torch.manual_seed(0)
    return T5EncoderModel(
        T5Config(vocab_size=len(tokens) + 8, d_model=32, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
    ).eval()


def flux(folder: Path, guidance: bool = True, cls: Any = FluxPipeline, channels: int = 16) -> Any:
    """A FLUX.1: with ``guidance`` dev, which takes it as a number; without schnell."""
    torch.manual_seed(0)
    words, more = tokenizer(folder), t5_tokens()
    return cls(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=guidance),
        vae=_vae(),
        text_encoder=clip_text(words, CLIPTextModel),
        tokenizer=words,
        text_encoder_2=t5(more),
        tokenizer_2=more,
        transformer=randomized(
            FluxTransformer2DModel(
                patch_size=1,
                in_channels=channels,
                out_channels=16,
                num_layers=1,
                num_single_layers=1,
                attention_head_dim=16,
                num_attention_heads=2,
                joint_attention_dim=32,
                pooled_projection_dim=32,
                guidance_embeds=guidance,
                axes_dims_rope=(4, 4, 8),
            )
        ),
    )


def flux_kontext(folder: Path) -> FluxKontextPipeline:
    """A FLUX.1 Kontext: FLUX.1 dev by another name, which sees a picture beside."""
    return flux(folder, cls=FluxKontextPipeline)  # type: ignore[no-any-return]


def flux_fill(folder: Path) -> FluxFillPipeline:
    """A FLUX.1 Fill: four channels of latents, four of what stays, four of mask; all packed."""
    return flux(folder, cls=FluxFillPipeline, channels=48)  # type: ignore[no-any-return]


_PARTS = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}{{ part['text'] }}{% endfor %}<|im_end|>\n{% endfor %}"
)
"""A chat format whose messages are lists of parts, as Mistral's are."""


def flux2_dev(folder: Path) -> Flux2Pipeline:
    """A FLUX.2 dev: thirty layers of a small Mistral, three of them read; guidance as a number."""
    torch.manual_seed(0)
    parts = klein(folder).components
    tokens = parts["tokenizer"]
    tokens.chat_template = _PARTS
    config = Mistral3Config(
        text_config={
            "model_type": "mistral", "vocab_size": len(tokens), "hidden_size": 16, "intermediate_size": 24,
            "num_hidden_layers": 30, "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8,
        },
        vision_config={
            "model_type": "pixtral", "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "image_size": 28, "patch_size": 14, "head_dim": 8,
        },
    )  # fmt: skip
    return Flux2Pipeline(
        scheduler=parts["scheduler"],
        vae=parts["vae"],
        text_encoder=randomized(Mistral3ForConditionalGeneration(config)),
        tokenizer=tokens,
        transformer=_flux2_transformer(48, guidance=True),
    )


def _vl_config() -> dict[str, Any]:
    return {
        "text_config": {
            "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
            "num_key_value_heads": 2, "rope_theta": 1e6,
            "rope_scaling": {"mrope_section": [1, 1, 2], "rope_type": "default", "type": "default"},
        },
        "vision_config": {
            "depth": 2, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16,
        },
    }  # fmt: skip


def qwen_image(folder: Path) -> QwenImagePipeline:
    """A Qwen-Image: a language model that sees, five-dimensional latents, guidance that keeps its length."""
    torch.manual_seed(0)
    tokens = qwen_tokens(folder)
    config = _vl_config()
    config["text_config"]["vocab_size"] = len(tokens)
    for mark in ("vision_start", "vision_end", "image_pad", "video_pad"):
        name = {"image_pad": "image_token_id", "video_pad": "video_token_id"}.get(mark, f"{mark}_token_id")
        config[name] = tokens.convert_tokens_to_ids(f"<|{mark}|>")
    return QwenImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=AutoencoderKLQwenImage(
            base_dim=8,
            z_dim=4,
            dim_mult=[1, 2],
            num_res_blocks=1,
            temperal_downsample=[False],
            latents_mean=[0.1, -0.2, 0.3, 0.0],
            latents_std=[1.1, 0.9, 1.3, 1.0],
        ).eval(),
        text_encoder=randomized(Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**config))),
        tokenizer=tokens,
        transformer=randomized(
            QwenImageTransformer2DModel(
                patch_size=2,
                in_channels=16,
                out_channels=4,
                num_layers=1,
                attention_head_dim=16,
                num_attention_heads=2,
                joint_attention_dim=16,
                axes_dims_rope=(4, 6, 6),
            )
        ),
    )


def chroma(folder: Path) -> ChromaPipeline:
    """A Chroma: a family whose loop is not ours; diffusers has pipelines that draw over pictures with it."""
    torch.manual_seed(0)
    tokens = t5_tokens()
    return ChromaPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=_vae(),
        text_encoder=t5(tokens),
        tokenizer=tokens,
        transformer=randomized(
            ChromaTransformer2DModel(
                patch_size=1,
                in_channels=16,
                num_layers=1,
                num_single_layers=1,
                attention_head_dim=16,
                num_attention_heads=2,
                joint_attention_dim=32,
                axes_dims_rope=(4, 4, 8),
                approximator_num_channels=64,
                approximator_hidden_dim=32,
                approximator_layers=1,
            )
        ),
    )


def krea2(folder: Path) -> Krea2Pipeline:
    """A Krea 2: a family whose loop is not ours."""
    torch.manual_seed(0)
    tokens = qwen_tokens(folder)
    config: dict[str, Any] = {
        "text_config": {
            "vocab_size": len(tokens), "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 3,
            "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8,
            "rope_parameters": {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6},
        },
        "vision_config": {
            "depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16,
            "deepstack_visual_indexes": [],
        },
    }  # fmt: skip
    return Krea2Pipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=qwen_image(folder).vae,
        text_encoder=randomized(Qwen3VLModel(Qwen3VLConfig(**config))),
        tokenizer=tokens,
        transformer=randomized(
            Krea2Transformer2DModel(
                in_channels=16,
                num_layers=1,
                attention_head_dim=16,
                num_attention_heads=2,
                num_key_value_heads=2,
                intermediate_size=32,
                timestep_embed_dim=32,
                text_hidden_dim=16,
                num_text_layers=2,
                text_num_attention_heads=2,
                text_num_key_value_heads=2,
                text_intermediate_size=32,
                num_layerwise_text_blocks=1,
                num_refiner_text_blocks=1,
                axes_dims_rope=(4, 6, 6),
            )
        ),
        text_encoder_select_layers=[1, 2],
    )
