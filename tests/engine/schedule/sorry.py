"""A renderer that fails every job with an apology of its own."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import EngineError
from engine.jobs import JobSpec
from engine.workers import fake

APOLOGY = "This model gave no picture, only noise. Nothing was charged; draw with another sampler."
FOR_HOST = "The disk of `/pictures` is full. Free some space."


class Renderer(fake.Renderer):
    """Refuses at once."""

    def start(self, job: str, spec: JobSpec, inputs: Mapping[str, bytes]) -> None:
        raise EngineError("the reason, for the log", APOLOGY).telling_host(FOR_HOST)
