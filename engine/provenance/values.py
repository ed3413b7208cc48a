"""What is known of a picture's origin, as values that travel between processes. Pure, quick to import."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

VERSION = 1
"""Of the mark."""
HOST_BITS, JOB_BITS = 20, 24


def job_number(job: str) -> int:
    """Return 24 bits made from a job's id."""
    return int.from_bytes(hashlib.sha256(job.encode()).digest()[:3])


@dataclass(frozen=True, slots=True)
class Mark:
    """What a mark says: a host (20 bits) and a job (24 bits), both short numbers of longer names."""

    host: int
    job: int

    @property
    def bits(self) -> int:
        """The 48 bits: version, host, job."""
        return VERSION << HOST_BITS + JOB_BITS | self.host << JOB_BITS | self.job


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What is said of a picture that leaves: its job, its texts by PNG keyword, what it was made from."""

    job: str
    texts: Mapping[str, str] = field(default_factory=dict)
    cell: int | None = None
    """Which of the job's pictures, from 0; None for all in one."""
    parents: Sequence[bytes] = ()
    """Files; those whose kind is not known are passed over."""
    prompt: str | None = None
    """Signed with the rest; None: it is not told."""


@dataclass(frozen=True, slots=True)
class Found:
    """A mark that was read; of its 192 signs so many agree with what it says."""

    mark: Mark
    agreeing: int
    of: int = 192


@dataclass(frozen=True, slots=True)
class Signature:
    """What a file's manifest says. ``state``: valid, ``tampered`` (the file was changed since), or broken."""

    state: str
    by: str
    """The signer's name, as its certificate has it."""
    ours: bool
    """Whether the certificate is this host's."""
    software: str
    made: bool
    """Whether it says that a model made the picture, or parts of it."""
    job: str | None
    cell: int | None
    """Which picture of the job, from 0; None for all in one."""
    signed_at: str | None


@dataclass(frozen=True, slots=True)
class FoundRecipe:
    """A recipe as its program wrote it.

    ``program``: Limner, AUTOMATIC1111, ComfyUI, InvokeAI, NovelAI or Fooocus.

    ``facts``: settings by the names AUTOMATIC1111 gave them (Steps, Sampler, CFG scale, Seed, Size, Model …).
    """

    program: str
    prompt: str
    negative_prompt: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    record: str | None = None
    """Our own JSON, where the picture is one of ours; anybody can write that."""

    def as_text(self) -> str:
        """Return the recipe in AUTOMATIC1111's form, which ``engine.prompt`` reads as flags."""
        lines = [self.prompt]
        if self.negative_prompt:
            lines.append(f"Negative prompt: {self.negative_prompt}")
        if self.facts:
            # the steps stand first: by them its readers know the line
            facts = {name: self.facts[name] for name in ("Steps",) if name in self.facts} | self.facts
            shown = {
                name: json.dumps(value, ensure_ascii=False) if "," in value or ":" in value else value
                for name, value in facts.items()
            }
            lines.append(", ".join(f"{name}: {value}" for name, value in shown.items()))
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Return plain values; ``FoundRecipe(**values)`` is the way back."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in a file. ``host``: this host's short number, None where it signs and marks nothing."""

    host: int | None
    signature: Signature | None = None
    mark: Found | None = None
    recipe: FoundRecipe | None = None
    unreadable: bool = False
    """Whether there were texts that were passed over, such as too long ones."""

    @property
    def ours(self) -> bool:
        """Whether this host made it, by its signature or its mark; a recipe alone anybody can write."""
        signed = self.signature is not None and self.signature.ours
        return signed or (self.mark is not None and self.mark.mark.host == self.host)

    @property
    def limner(self) -> bool:
        """Whether some Limner made it, by a mark or a signature that holds."""
        if self.mark is not None:
            return True
        signed = self.signature
        return signed is not None and signed.state == "valid" and signed.software.startswith("Limner")

    @property
    def job(self) -> str | None:
        """The job's id, as far as the file itself says it. Believe it only where ``ours``."""
        if self.signature is not None and self.signature.job:
            return self.signature.job
        if self.recipe is None or self.recipe.record is None:
            return None
        job = json.loads(self.recipe.record).get("job")
        return job if isinstance(job, str) else None

    def is_of(self, job: str) -> bool:
        """Tell whether the mark says this job: 24 bits of its id."""
        return self.mark is not None and self.mark.mark.job == job_number(job)

    def as_json(self) -> dict[str, Any]:
        """Return plain values; ``from_json`` is the way back."""
        return asdict(self)


def from_json(values: dict[str, Any]) -> Verdict:
    """Return the verdict that was written as plain values."""
    signature, mark, recipe = values["signature"], values["mark"], values["recipe"]
    return Verdict(
        values["host"],
        Signature(**signature) if signature else None,
        Found(Mark(**mark["mark"]), mark["agreeing"], mark["of"]) if mark else None,
        FoundRecipe(**recipe) if recipe else None,
        values["unreadable"],
    )
