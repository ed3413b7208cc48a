"""Two hundred files of three formats: an independent reader finds in each what its spec says."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
import sd_parsers
from PIL import Image

from engine.config import ProvenanceConfig
from engine.jobs import Condition, Job, JobSpec, Lora, State
from engine.library.gallery import recipe
from engine.provenance.keys import Identity, load_or_make
from engine.provenance.publishing import ProvenanceWriter
from engine.provenance.recipe import as_written_elsewhere
from engine.provenance.values import Disclosure

FILES = 200
WORDS = [
    "fox", "house", "猫", "naïve", "café", "moon,", "river;", '"quoted"', "(round)", "[square]", "a:b",
    "🦊", "blue",
    "sky", "—", "night",
]  # fmt: skip
SAMPLERS = {  # ours: as the web UI's menus say it (sampler, schedule type)
    "euler": ("Euler", None),
    "euler_ancestral": ("Euler a", None),
    "dpmpp_2m": ("DPM++ 2M", None),
    "dpmpp_2m_karras": ("DPM++ 2M", "Karras"),
    "ddim": ("DDIM", None),
    "unipc": ("UniPC", None),
}
CLIP_SKIP = 2
MODEL_HASH = "6ce0161689" + "0" * 54


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return load_or_make(tmp_path_factory.mktemp("keys"))


def spec(chance: random.Random) -> JobSpec:
    some = [" ".join(chance.choices(WORDS, k=chance.randint(1, 9))) for _ in range(2)]
    return JobSpec(
        model="sd15",
        conditions=(Condition(text=some[0]),),
        negative_prompt=chance.choice(["", some[1]]),
        width=8 * chance.randint(8, 20),
        height=8 * chance.randint(8, 20),
        steps=chance.randint(1, 150),
        guidance_scale=chance.choice([1, 4.5, 7, 12.25]),
        sampler=chance.choice(list(SAMPLERS)),
        seed=chance.getrandbits(32),
        loras=chance.choice([(), (Lora(name="ink", weight=0.8),)]),
    )


def leaving(job: Job, cell: int) -> Disclosure:
    said = recipe(job, cell)
    hashes = {"sd15": MODEL_HASH, "ink": "1a2b3c4d5e6f" + "0" * 52}
    text = as_written_elsewhere(said["parameters"], job.spec, hashes, "1.2", CLIP_SKIP)
    return Disclosure(job.id, {"limner": said["limner"], "parameters": text}, cell)


def plain(text: str) -> str:
    """Return a prompt as people typed it: the web UI's brackets mean weights unless escaped."""
    return text.replace("\\(", "(").replace("\\)", ")").replace("\\[", "[").replace("\\]", "]")


def test_an_independent_reader_finds_every_field_of_the_spec(identity: Identity, tmp_path: Path) -> None:
    chance, writer = random.Random(1), ProvenanceWriter(ProvenanceConfig(mark=False), identity, "1.2")
    read: list[Image.Image] = []  # kept, since sd_parsers tells pictures by their id() and remembers the last
    for number in range(FILES):
        made, cell = spec(chance), chance.randrange(4)
        job = Job(
            id="h4x7p0q2rs", owner="1", origin="cli:", state=State.RENDERED, spec=made, prompt="",
            created_at=0,
        )  # fmt: skip
        kind = ("PNG", "JPEG", "WEBP")[number % 3]
        buffer = io.BytesIO()
        Image.new("RGB", (made.width, made.height), (number, 90, 30)).save(buffer, kind)
        data = writer.finished(buffer.getvalue(), leaving(job, cell))
        # whole files on disk, as people have them
        file = tmp_path / f"{number}.{kind.lower()}"
        file.write_bytes(data)
        with Image.open(file) as picture:
            found = sd_parsers.ParserManager().parse(picture)
        read.append(picture)
        assert found is not None, (number, made)
        loras = "".join(f" <lora:{one.name}:{one.weight:g}>" for one in made.loras)
        assert plain(found.full_prompt) == made.conditions[0].text + loras
        assert plain(found.full_negative_prompt) == made.negative_prompt
        [sampler] = found.samplers
        name, schedule = SAMPLERS[made.sampler]
        assert (sampler.name, sampler.parameters.get("scheduler")) == (name, schedule)
        assert sampler.parameters["steps"] == str(made.steps)
        assert float(sampler.parameters["cfg_scale"]) == made.guidance_scale
        assert sampler.parameters["seed"] == str((made.seed + cell) % 2**32)
        [model] = found.models
        assert (model.name, model.hash) == ("sd15", MODEL_HASH[:10])
        assert found.metadata["Size"] == f"{made.width}x{made.height}"
        assert found.metadata["Clip skip"] == str(CLIP_SKIP)
        hashes = 'Lora hashes: "ink: 1a2b3c4d5e6f"'
        assert (hashes in str(found.raw_parameters)) == bool(made.loras)
