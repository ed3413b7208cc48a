"""The benchmarks themselves, run small: what they count and what they print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, DiffusionPipeline, UNet2DConditionModel

import bench
from bench import gpu, gpu_flow


def test_a_row_is_met_on_its_own_side_of_the_goal() -> None:
    ceiling = bench.Row("ceiling", list, 2.0)
    floor = bench.Row("floor", list, 2.0, at_most=False)
    assert [row.met(value) for row in (ceiling, floor) for value in (1.0, 3.0)] == [True, False, False, True]
    assert bench.line(ceiling, [1.0, 3.0, 5.0]) == "| ceiling | 3 | 3 × | 1 … 5 | ≤ 2 × | **no** |"
    assert bench.line(floor, [3.0]) == "| floor | 1 | 3 × | 3 … 3 | ≥ 2 × | yes |"


def test_pairs_are_timed_in_turn() -> None:
    order: list[str] = []
    ratios = bench.paired(lambda: order.append("a"), lambda: order.append("b"), 3)
    assert "".join(order) == "ab" + "ab" + "ba" + "ab"
    assert len(ratios) == 3


@pytest.fixture(scope="module")
def subject() -> gpu.Subject:
    torch.manual_seed(0)
    unet = {
        **gpu.XL_UNET,
        "block_out_channels": (16, 32, 32),
        "transformer_layers_per_block": (1, 1, 1),
        "attention_head_dim": (2, 4, 4),
        "cross_attention_dim": 32,
        "norm_num_groups": 8,
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 6 * 8 + 16,
    }
    vae = {**gpu.VAE, "block_out_channels": (8, 8, 8, 8), "norm_num_groups": 8}
    return gpu.Subject(
        "small",
        UNet2DConditionModel(**unet).eval(),
        AutoencoderKL(**vae, force_upcast=False).eval(),
        side=64,
        width=32,
        pooled=16,
        length=8,
    )


def test_the_work_counted_is_the_work_done(subject: gpu.Subject) -> None:
    one, two = subject.work(1, guided=False), subject.work(2, guided=False)
    assert subject.work(1, guided=True) == pytest.approx(two), "guidance doubles the UNet and nothing else"
    assert 0 < two - one < two


@pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")  # inside diffusers' pipeline
def test_the_device_benchmark_runs_whatever_the_device(
    subject: gpu.Subject, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = gpu.throughput(subject, 2, True, (1, 2), peak=1.0, repeats=1)
    gpu.throughput(subject, 2, False, (1,), peak=1.0, repeats=1)
    latencies = gpu.latency(subject, capacity=4.0, seconds=1.0, rows=8, joined=True)
    printed = capsys.readouterr().out
    assert [name for name, _ in measured] == ["1", "2"]
    assert "our loop, 2 together" in printed
    assert all(value > 0 for value in latencies)


@pytest.mark.parametrize(
    ("build", "billions"), [(gpu_flow.z_image, 6.15), (gpu_flow.klein, 3.88), (gpu_flow.qwen_image, 20.4)]
)
def test_transformers_of_today_have_their_published_size(
    build: Callable[[str], gpu_flow.FlowSubject], billions: float
) -> None:
    network = build("meta").pipe.transformer
    assert sum(one.numel() for one in network.parameters()) / 1e9 == pytest.approx(billions, rel=0.01)


@pytest.mark.parametrize("name", ["z_image", "klein", "qwen_image"])
def test_transformers_are_measured_whatever_the_device(
    name: str, folders: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = DiffusionPipeline.from_pretrained(folders(name), text_encoder=None, tokenizer=None)
    width = {"z_image": 16, "klein": 48, "qwen_image": 16}[name]
    subject = gpu_flow.FlowSubject(name, pipe, 8, width, 2, 4.0)
    subject.bring_loras(tmp_path)
    plain = gpu_flow.measured(subject, 32, (1, 2), 1, adorned=False)
    gpu_flow.measured(subject, 32, (2,), 1, adorned=True)
    assert len(plain) == 2
    assert min(plain) > 0
    assert f"| {name} 32², a LoRA of its own each | 2 | 1 |" in capsys.readouterr().out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a device")
def test_without_a_device_it_says_so_and_stops(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main() == 0
    assert "no CUDA device" in capsys.readouterr().out
