"""LoRAs by row: against diffusers' own pipelines with theirs, alone and in any mix."""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from engine.config import LoraConfig, ModelConfig
from engine.errors import UserError
from engine.jobs import Condition, Input, JobSpec, Kind, Lora, Role
from engine.render import Renderer, decode
from engine.render.denoise import choose
from engine.render.drawing import begin
from engine.render.models import DeviceSpec, Model, load
from engine.workers.protocol import Done
from tests.engine.render import test_families, test_oracle
from tests.engine.render.conftest import ENGINE
from tests.engine.render.loop import advance
from tests.engine.render.test_families import flowing
from tests.engine.render.test_oracle import TOGETHER, assert_same, oracle, ours, photo, spec
from tests.engine.render.test_renderer import drain, failed
from tests.engine.render.tiny import WORDS, layers_named, random_lora

UNETS = {"sd": "StableDiffusionPipeline", "sdxl": "StableDiffusionXLPipeline"}
FAMILIES = (*UNETS, "sd3", "z_image", "klein", "flux", "qwen_image")


@pytest.fixture(scope="module")
def files(
    folders: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, str]]:
    """Give two LoRAs of a tiny model, by name; the first changes its text encoder too where that is CLIP."""
    made: dict[str, dict[str, str]] = {}

    def files_of(name: str) -> dict[str, str]:
        if name not in made:
            root = tmp_path_factory.mktemp("loras")
            absent = {"text_encoder_3": None, "tokenizer_3": None} if name == "sd3" else {}
            pipe = diffusers.DiffusionPipeline.from_pretrained(folders(name), **absent)
            clip = name in (*UNETS, "sd3", "flux")
            made[name] = {
                "a": random_lora(pipe, root / "a.safetensors", 1, 2, clip),
                "b": random_lora(pipe, root / "b.safetensors", 2, 3),
            }
        return made[name]

    return files_of


@pytest.fixture(scope="module")
def wearing(
    configs: Callable[[str], ModelConfig], files: Callable[[str], dict[str, str]]
) -> Callable[[str], Model]:
    """Give a tiny model that has the two."""
    loaded: dict[str, Model] = {}

    def model(name: str) -> Model:
        if name not in loaded:
            loras = [LoraConfig(name=one, source=source) for one, source in files(name).items()]
            loaded[name] = load(name, configs(name), DeviceSpec.find(ENGINE), ENGINE, loras)
        return loaded[name]

    return model


def asking(name: str, **changes: Any) -> JobSpec:
    return spec(name, **changes) if name in UNETS else flowing(name, **changes)


A, B = Lora(name="a", weight=0.8), Lora(name="b", weight=-0.5)


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`")  # in diffusers' own, which has both
@pytest.mark.parametrize("name", FAMILIES)
def test_loras_equal_diffusers(
    folders: Callable[[str], Path],
    files: Callable[[str], dict[str, str]],
    wearing: Callable[[str], Model],
    name: str,
) -> None:
    if name in UNETS:
        pipe = oracle(folders(name), UNETS[name], "EulerDiscreteScheduler", {})
    else:
        pipe = test_families.pipeline(folders(name), name)
    for lora, source in files(name).items():
        pipe.load_lora_weights(source, adapter_name=lora)
    seen = [ours(wearing(name), asking(name, steps=2))[0]]
    for loras in ((A,), (B,), (A, B)):
        wanted = asking(name, steps=2, loras=loras)
        pipe.set_adapters([lora.name for lora in loras], [lora.weight for lora in loras])
        if name in UNETS:
            theirs = test_oracle.theirs(pipe, wanted)
        else:
            theirs = test_families.theirs(pipe, name, wanted)
        mine = ours(wearing(name), wanted)
        assert_same(mine, theirs)
        assert all(float((mine[0] - other).abs().max()) > 0.01 for other in seen)
        seen.append(mine[0])


def anyones(rng: random.Random, name: str, model: Model) -> JobSpec:
    """Make up a request that wears a, b, both or nothing, at any weight."""
    loras = rng.choice(((), ("a",), ("b",), ("a", "b"), ("b", "a")))
    more: dict[str, Any] = {"loras": tuple(Lora(name=one, weight=rng.uniform(-1, 1.5)) for one in loras)}
    if name not in UNETS:
        return test_families.anyones(rng, name, model).model_copy(update=more)
    return asking(
        name,
        conditions=(Condition(text=" ".join(rng.choices(WORDS, k=rng.choice((1, 4, 30))))),),
        guidance_scale=rng.choice((1.0, 4.0)),
        sampler=rng.choice(("euler", "dpmpp_2m", "euler_ancestral")),
        steps=rng.randint(2, 4),
        seed=rng.randrange(2**32),
        count=rng.choice((1, 2)),
        **more,
    )


def mix(name: str, model: Model, seed: int) -> int:
    """Draw some of them together, and compare each with itself alone; count the calls of unlike LoRAs."""
    rng = random.Random(seed)
    wanted = [anyones(rng, name, model) for _ in range(rng.randint(3, 5))]
    return test_families.together(
        model, wanted, rng, 0.7, (6, 8, 16), lambda chosen: len({tuple(one.loras) for one in chosen}) > 1
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_in_a_mix_of_loras_it_equals_itself_alone(wearing: Callable[[str], Model], name: str) -> None:
    assert sum(mix(name, wearing(name), seed) for seed in range(2)) > 0


@pytest.mark.full
@pytest.mark.parametrize("seed", range(2, 102))
@pytest.mark.parametrize("name", FAMILIES)
def test_in_a_hundred_mixes_of_loras_it_equals_itself_alone(
    wearing: Callable[[str], Model], name: str, seed: int
) -> None:
    mix(name, wearing(name), seed)


@pytest.mark.parametrize("name", ["sd", "z_image", "klein"])
def test_eight_of_unlike_loras_share_calls(
    folders: Callable[[str], Path], configs: Callable[[str], ModelConfig], name: str, tmp_path: Path
) -> None:
    pipe = diffusers.DiffusionPipeline.from_pretrained(folders(name))
    names = [f"l{number}" for number in range(8)]
    loras = [
        LoraConfig(name=one, source=random_lora(pipe, tmp_path / f"{one}.safetensors", seed, 2))
        for seed, one in enumerate(names)
    ]
    model = load(name, configs(name), DeviceSpec.find(ENGINE), ENGINE, loras)
    wanted = [
        asking(name, steps=4 + index % 4, guidance_scale=2.0 + index, count=1, loras=(Lora(name=one),))
        for index, one in enumerate(names)
    ]

    def calls(*together: JobSpec) -> int:
        pictures = [begin("job", each, model, {}).pictures[0] for each in together]
        turns = 0
        while chosen := choose([picture for picture in pictures if not picture.finished], 16):
            advance(chosen)
            turns += 1
            for picture in chosen:
                picture.turn = turns
        return turns

    assert calls(*wanted) <= 0.35 * sum(calls(each) for each in wanted)


def test_pictures_looked_at_keep_their_loras_in_a_mix(wearing: Callable[[str], Model]) -> None:
    model, inputs = wearing("sd"), {"r": decode.png(photo(64, 48))}
    looked = (Input(sha256="r", role=Role.SUBJECT),)
    wanted = [
        asking("sd", inputs=looked, loras=(A,)),
        asking("sd", inputs=looked, loras=(B,), seed=3),
        asking("sd", inputs=looked, seed=5),
    ]
    alone = [ours(model, each, inputs) for each in wanted]
    flying = [begin("job", each, model, inputs).pictures for each in wanted]
    assert len({picture.group for pictures in flying for picture in pictures}) == 1
    test_oracle.run([picture for pictures in flying for picture in pictures], model, max_rows=24)
    for before, together in zip(alone, flying, strict=True):
        for latents, picture in zip(before, together, strict=True):
            assert float((picture.latents - latents).norm() / latents.norm()) < TOGETHER


def test_edits_and_drawings_of_unlike_loras_share_calls(wearing: Callable[[str], Model]) -> None:
    model, inputs = wearing("klein"), {"p": decode.png(photo(32, 32))}
    edit = asking("klein", kind=Kind.EDIT, inputs=(Input(sha256="p", role=Role.INIT),), loras=(A,))
    wanted = [edit, asking("klein", loras=(B,)), asking("klein", seed=9)]
    alone = [ours(model, each, inputs) for each in wanted]
    flying = [picture for each in wanted for picture in begin("job", each, model, inputs).pictures]
    assert len(choose(flying, 16)) == len(flying)
    test_oracle.run(flying, model)
    for latents, picture in zip([one for each in alone for one in each], flying, strict=True):
        assert float((picture.latents - latents).norm() / latents.norm()) < TOGETHER


def kohya(name: str) -> str:
    """Name a layer of a UNet as kohya's trainer does."""
    return "lora_unet_" + name.replace(".", "_")


def test_a_lora_of_kohyas_form_is_the_same(
    configs: Callable[[str], ModelConfig],
    files: Callable[[str], dict[str, str]],
    wearing: Callable[[str], Model],
    tmp_path: Path,
) -> None:
    ends = {"lora_A": "lora_down", "lora_B": "lora_up"}
    tensors, ranks = {}, {}
    for name, tensor in load_file(files("sd")["b"]).items():
        layer, end, _ = name.removeprefix("unet.").rsplit(".", 2)
        if ".attn" in layer or ".ff." in layer or layer.endswith("proj_in"):
            tensors[f"{kohya(layer)}.{ends[end]}.weight"] = tensor
            ranks[f"{kohya(layer)}.alpha"] = torch.tensor(6.0)  # of rank 3: twice as strong
    save_file(tensors | ranks, tmp_path / "kohya.safetensors")
    same = {
        name: tensor
        for name, tensor in load_file(files("sd")["b"]).items()
        if kohya(name.removeprefix("unet.").rsplit(".", 2)[0]) + ".alpha" in ranks
    }
    save_file(same, tmp_path / "peft.safetensors")
    loras = [LoraConfig(name=n, source=str(tmp_path / f"{n}.safetensors")) for n in ("kohya", "peft")]
    model = load("sd", configs("sd"), DeviceSpec.find(ENGINE), ENGINE, loras)
    twice = ours(model, asking("sd", loras=(Lora(name="peft", weight=2.0),)))
    assert_same(ours(model, asking("sd", loras=(Lora(name="kohya"),))), twice)


@pytest.mark.parametrize("name", ["z_image", "klein"])
def test_a_lokr_equals_diffusers_and_joins_loras(
    folders: Callable[[str], Path],
    configs: Callable[[str], ModelConfig],
    files: Callable[[str], dict[str, str]],
    tmp_path: Path,
    name: str,
) -> None:
    pipe = test_families.pipeline(folders(name), name)
    generator = torch.Generator().manual_seed(3)
    tensors = {}
    for layer, module in layers_named(pipe.transformer, ("to_q", "to_out.0")).items():
        high, wide = module.weight.shape
        tensors[f"transformer.{layer}.lokr_w1"] = torch.randn(4, 4, generator=generator) / 4
        tensors[f"transformer.{layer}.lokr_w2"] = torch.randn(high // 4, wide // 4, generator=generator) / 4
    save_file(tensors, tmp_path / "kron.safetensors")
    sources = files(name) | {"kron": str(tmp_path / "kron.safetensors")}
    loras = [LoraConfig(name=one, source=source) for one, source in sources.items()]
    model = load(name, configs(name), DeviceSpec.find(ENGINE), ENGINE, loras)
    kron = asking(name, steps=2, loras=(Lora(name="kron"),))
    others = [asking(name, steps=2, seed=8, loras=(A,)), asking(name, steps=2)]
    alone = [ours(model, each) for each in (kron, *others)]
    assert not any("layers" in note for note in begin("job", kron, model, {}).notes)
    flying = [picture for each in (kron, *others) for picture in begin("job", each, model, {}).pictures]
    test_oracle.run(flying, model)
    for latents, picture in zip([one for each in alone for one in each], flying, strict=True):
        assert float((picture.latents - latents).norm() / latents.norm()) < TOGETHER
    pipe.load_lora_weights(sources["kron"], adapter_name="kron")
    assert_same(alone[0], test_families.theirs(pipe, name, kron))


def test_a_lokr_over_joined_projections_is_refused_and_leaves_the_network_alone(
    configs: Callable[[str], ModelConfig], files: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    tensors = {
        "diffusion_model.double_blocks.0.img_attn.qkv.lokr_w1": torch.ones(4, 4),
        "diffusion_model.double_blocks.0.img_attn.qkv.lokr_w2": torch.ones(24, 8),
    }
    save_file(tensors, tmp_path / "fused.safetensors")
    sources = files("klein") | {"fused": str(tmp_path / "fused.safetensors")}
    loras = [LoraConfig(name=one, source=source) for one, source in sources.items()]
    model = load("klein", configs("klein"), DeviceSpec.find(ENGINE), ENGINE, loras)
    plain, worn = asking("klein"), asking("klein", loras=(A,))
    before = [*ours(model, plain), *ours(model, worn)]
    with pytest.raises(UserError, match="is a LoKr"):
        begin("job", asking("klein", loras=(Lora(name="fused"),)), model, {})
    assert all(map(torch.equal, before, [*ours(model, plain), *ours(model, worn)]))


def test_the_networks_stay_as_they_were_loaded(
    configs: Callable[[str], ModelConfig], files: Callable[[str], dict[str, str]]
) -> None:
    loras = [LoraConfig(name=one, source=source) for one, source in files("sd").items()]
    model = load("sd", configs("sd"), DeviceSpec.find(ENGINE), ENGINE, loras)

    def parts() -> list[tuple[str, nn.Module]]:
        return [
            (f"{part}.{name}", module)
            for part in ("unet", "text_encoder")
            for name, module in getattr(model.pipe, part).named_modules()
        ]

    before = parts()
    ours(model, asking("sd", loras=(A, B)))
    assert parts() == before


def test_loras_not_used_lately_leave_memory(
    configs: Callable[[str], ModelConfig], folders: Callable[[str], Path], tmp_path: Path
) -> None:
    pipe = diffusers.DiffusionPipeline.from_pretrained(folders("sd"))
    loras = [
        LoraConfig(name=f"l{seed}", source=random_lora(pipe, tmp_path / f"l{seed}.safetensors", seed, 2))
        for seed in range(4)
    ]
    engine = ENGINE.model_copy(update={"loras_kept": 2})
    model = load("sd", configs("sd"), DeviceSpec.find(ENGINE), engine, loras)
    first = begin("job", asking("sd", loras=(Lora(name="l0"),)), model, {}).pictures
    alone = ours(model, asking("sd", loras=(Lora(name="l0"),)))
    memory = [weakref.ref(first[0].loras[0][0])]
    for name in ("l1", "l2", "l3"):
        pictures = begin("job", asking("sd", loras=(Lora(name=name),)), model, {}).pictures
        memory.append(weakref.ref(pictures[0].loras[0][0]))
        del pictures
    gc.collect()
    assert [one() is not None for one in memory] == [True, False, True, True], "one is worn, two are kept"
    assert all(map(torch.equal, test_oracle.run(first, model), alone)), "what is worn stays as it was"
    del first
    gc.collect()
    assert [one() is not None for one in memory] == [False, False, True, True]
    assert all(map(torch.equal, ours(model, asking("sd", loras=(Lora(name="l0"),))), alone)), "read again"


def test_a_file_that_is_another_by_now_is_read_again(
    configs: Callable[[str], ModelConfig], files: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    file, wanted = tmp_path / "one.safetensors", asking("sd", loras=(Lora(name="one"),))
    sources = {**files("sd"), "one": str(file)}
    file.write_bytes(Path(sources["a"]).read_bytes())
    loras = [LoraConfig(name=one, source=source) for one, source in sources.items()]
    model = load("sd", configs("sd"), DeviceSpec.find(ENGINE), ENGINE, loras)
    a, b = (ours(model, wanted.model_copy(update={"loras": (Lora(name=n),)})) for n in "ab")
    assert all(map(torch.equal, ours(model, wanted), a))
    file.write_bytes(Path(sources["b"]).read_bytes())
    assert all(map(torch.equal, ours(model, wanted), b))


def test_a_lora_offered_later_is_drawn_with_and_one_withdrawn_is_not(
    configs: Callable[[str], ModelConfig], files: Callable[[str], dict[str, str]]
) -> None:
    offers = {one: LoraConfig(name=one, source=source) for one, source in files("sd").items()}
    renderer = Renderer([configs("sd")], ENGINE, [offers["a"]])
    flying = asking("sd", seed=1, steps=4, count=1, loras=(Lora(name="a"),))
    renderer.start("flying", flying)
    renderer.tick()
    renderer.offer_loras([offers["b"]])
    renderer.start("later", asking("sd", seed=1, steps=4, count=1, loras=(Lora(name="b"),)))
    renderer.start("gone", flying)
    told = drain(renderer)
    assert "no LoRA `a`" in failed(told["gone"]).message
    pictures = {}
    for job in ("flying", "later"):
        last = told[job][-1]
        assert isinstance(last, Done), last
        [pictures[job]] = last.outcome.pictures
    assert pictures["flying"] != pictures["later"]
    renderer.offer_loras(list(offers.values()))
    renderer.start("again", flying)
    last = drain(renderer)["again"][-1]
    assert isinstance(last, Done)
    assert last.outcome.pictures == (pictures["flying"],), "what was in flight kept its own"
    renderer.close()
