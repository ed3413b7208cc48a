"""The models people may choose from: those configured, less what turned out not to load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

from engine.config import ModelConfig
from engine.jobs import JobSpec, Kind
from engine.words import Sentence


def needs_model(spec: JobSpec) -> bool:
    """Say whether a job is drawn by its model: enlarging and describing pictures are not."""
    return not spec.faithful and spec.kind is not Kind.DESCRIBE


class Offered(Sequence[ModelConfig]):
    """A live sequence: who holds it sees at once what is taken out. The last one is never taken out."""

    def __init__(self, models: Iterable[ModelConfig]) -> None:
        self.configured = tuple(models)
        self._models = self.configured
        self.failed: dict[str, str] = {}
        """Why models could not be loaded, by name."""

    def fail(self, name: str, why: str) -> bool:
        """Note that a model could not be loaded; return whether that is news."""
        news = name not in self.failed
        self.failed[name] = why
        self._choose()
        return news

    def try_again(self, name: str) -> None:
        """Offer a model again: somebody has seen to it."""
        self.failed.pop(name, None)
        self._choose()

    def sentence(self, name: str) -> str:
        """Return what a person is told who wanted that model, with the others there are."""
        others = [f"`--model {model.name}`" for model in self if model.name not in self.failed]
        if not others:
            return Sentence(
                "The model `{name}` cannot be used at the moment, and the bot's host was told. "
                "Try again later.",
                name=name,
            )
        return Sentence(
            "The model `{name}` cannot be used at the moment, and the bot's host was told. "
            "Draw with another: {others}.",
            name=name,
            others=", ".join(others[:5]),
        )

    def _choose(self) -> None:
        left = tuple(model for model in self.configured if model.name not in self.failed)
        self._models = left or self._models[:1]

    def __len__(self) -> int:
        return len(self._models)

    @overload
    def __getitem__(self, index: int) -> ModelConfig: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[ModelConfig]: ...

    def __getitem__(self, index: int | slice) -> ModelConfig | Sequence[ModelConfig]:
        return self._models[index]
