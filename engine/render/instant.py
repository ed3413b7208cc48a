"""What is done within one turn of the wheel, undenoised: masks from words, answers in words, enlarging."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from engine.config import SHIPPED, EngineConfig, ModelConfig
from engine.errors import UserError
from engine.images import fitted, opened
from engine.jobs import JobSpec, Kind
from engine.render import decode
from engine.render.models import DeviceSpec, Model
from engine.render.tools import describe, locate, segment, upscale
from engine.render.tools.encoder import Encoder
from engine.words import Sentence
from engine.workers.protocol import Outcome


@dataclass(eq=False)
class Instant:
    """The small models beside the denoisers, each read when it is first asked for.

    ``model`` brings a model into memory.
    """

    configs: Mapping[str, ModelConfig]
    engine: EngineConfig
    machine: DeviceSpec
    upscalers: upscale.Upscalers
    model: Callable[[str], Model]

    def answered(self, spec: JobSpec, inputs: Mapping[str, bytes]) -> Outcome:
        """Find words in a picture, describe one, or shorten a prompt."""
        began = time.perf_counter()
        if spec.kind is Kind.LOCATE:
            mask = self._located(spec, inputs)
            return Outcome((mask,), timings={"locate": time.perf_counter() - began})
        if spec.kind is Kind.DESCRIBE:
            picture = opened(inputs[spec.inputs[0].sha256])
            texts = describe.described(self._describer.describe(picture, spec.seed), *picture.size)
        else:
            texts = describe.shortened(spec.conditions[0].text, self._embedding(spec.model)).texts()
        return Outcome(texts=texts, timings={"words": time.perf_counter() - began})

    def enlarged(self, spec: JobSpec, inputs: Mapping[str, bytes]) -> Callable[[], Outcome]:
        """Enlarge the one input picture; return what is left to do, in any thread: to encode it."""
        began = time.perf_counter()
        if not spec.inputs:
            raise UserError(Sentence("The picture to enlarge is missing."))
        picture = opened(inputs[spec.inputs[0].sha256])
        config = self.configs.get(spec.model)
        enlarged, note = picture, ""
        if spec.scale > 1:
            source = config.upscaler if config else ""
            enlarged, note = self.upscalers.enlarge(picture, spec.scale, source)
        enlarged = fitted(enlarged, spec.fitted)
        timings = {"upscale": time.perf_counter() - began}
        notes = (note,) if note else ()
        return lambda: Outcome((decode.png(enlarged),), notes=notes, timings=timings)

    def _located(self, spec: JobSpec, inputs: Mapping[str, bytes]) -> bytes:
        picture = opened(inputs[spec.inputs[0].sha256])
        asked = spec.conditions[0].text
        if self.engine.segmenter:
            found = self._segmenter.find(picture, asked)
        else:
            found = locate.attention(self.model(spec.model), picture, asked, (spec.width, spec.height))
        return decode.png(locate.mask(found, picture.size))

    @cached_property
    def _segmenter(self) -> segment.ClipSeg:
        """What finds words in pictures, where one is configured."""
        return segment.ClipSeg(self.engine.segmenter, self.machine.device)

    @cached_property
    def _describer(self) -> describe.Describer | describe.Captioner:
        """What describes pictures: the configured model, else the encoder that ships."""
        if self.engine.describer:
            return describe.Captioner(self.engine.describer, self.machine.device)
        return describe.Describer(self._encoder)

    @cached_property
    def _encoder(self) -> Encoder:
        """The text-image encoder that ships."""
        return Encoder()

    def _embedding(self, name: str) -> Callable[[Sequence[str]], Tensor]:
        """Return what reads a model's prompts: its own CLIP; the shipped encoder for all others."""
        config = self.configs.get(name)
        if config is None or config.source not in SHIPPED:
            text = self.model(name).text
            if text is not None:
                return text.summaries
        return self._encoder.texts
