"""What a family cannot do, said beside a picture that asked for it."""

from __future__ import annotations

from engine.jobs import JobSpec, Kind, Role
from engine.prompt.attention import parse_attention
from engine.render.families.base import Family
from engine.words import Sentence


def no_effect(flag: str, name: str) -> Sentence:
    """Say that a flag does nothing with the model ``name``."""
    return Sentence("{flag} has no effect with {model}.", flag=flag, model=name)


def notes(spec: JobSpec, family: Family, name: str) -> list[str]:
    """Return a sentence for each thing a spec asks for that the family of model ``name`` cannot do."""
    can = family.can
    words = any(weight != 1.0 for c in spec.conditions for _, weight in parse_attention(c.text))
    looked_at = {one.role for one in spec.inputs} - {Role.INIT, Role.MASK, Role.TASTE}
    idle = {
        "`(word:1.3)`": words and not can.emphasis,
        "`--negative`": bool(spec.negative_prompt) and not family.guided(spec.guidance_scale),
        "`--cfg`": spec.guidance_scale > 1 and not family.reads_guidance,
        "`--tile`": spec.tile and not can.tile,
    }
    said: list[str] = [no_effect(flag, name) for flag, without in idle.items() if without]
    if not can.references and looked_at & {Role.STYLE, Role.SUBJECT}:
        said.append(Sentence("{model} takes the colours of a reference, and no more.", model=name))
    if not can.references and Role.PROMPT in looked_at and spec.kind not in (Kind.IMAGINE, Kind.BLEND):
        told = Sentence("A picture in the prompt has no effect beside another one with {model}.")
        said.append(Sentence(told, model=name))
    return said
