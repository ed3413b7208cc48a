"""The few ways a request can end badly, and who is told what.

LimnerError
├── UserError          a person can fix it; ``str(error)`` is shown to them as it is
│   ├── PromptError    the prompt or a flag cannot be read; may carry the repaired line
│   ├── LimitError     too much, too many, too soon
│   ├── NotFound       no such job, picture or model
│   └── ConfigError    the host's configuration; the command line exits with 2
├── EngineError        ours to fix; people read ``apology``, the log gets the rest
│   └── ModelError     a model cannot be loaded; it is taken out of the choices, the host is told
└── Cancelled          a third outcome, not a failure
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self

from engine.words import Sentence

OUT_OF_MEMORY = Sentence(
    "This picture needs more memory than the engine has, even in pieces. Nothing was "
    "charged. Ask for a smaller size, or for fewer pictures."
)
"""Why a job failed for which there was not enough memory: it may do in a smaller size."""


class LimnerError(Exception):
    """The root: anything this project raises on purpose."""

    for_host = ""
    """What only the bot's host can do about it: goes to the host's log channel, beside what people read."""

    def telling_host(self, text: str) -> Self:
        """Return the error, to be told to the host with this text too."""
        self.for_host = text
        return self


class UserError(LimnerError):
    """A person can fix it: the message says what is wrong, then what to do.

    ``repaired`` is the line that would do, where one can be guessed.
    """

    repaired: str | None = None


class PromptError(UserError):
    """The prompt cannot be read."""

    def __init__(self, message: str, repaired: str | None = None) -> None:
        super().__init__(message)
        self.repaired = repaired


class LimitError(UserError):
    """A limit was met; the message names it and says when it frees. ``prompt`` is what was typed, whole.

    ``kind``: ``size`` does not pass with time; ``rate``, ``waiting`` and ``allowance`` do, in ``retry_after``
    seconds where that is known.
    """

    def __init__(
        self,
        message: str,
        prompt: str | None = None,
        *,
        kind: Literal["size", "rate", "waiting", "allowance"] = "size",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.prompt = prompt
        self.kind = kind
        self.retry_after = retry_after


class NotFound(UserError):
    """There is no such job, picture or model."""


class ConfigError(UserError):
    """The host's configuration is wrong; the command line prints it and exits with 2."""


class EngineError(LimnerError):
    """Ours to fix. People see ``apology``; the log gets the traceback, the job id and the spec."""

    apology: str = Sentence(
        "Something broke on our side while drawing this. Nothing was charged; please try again."
    )

    def __init__(self, message: str, apology: str | None = None) -> None:
        super().__init__(message)
        if apology is not None:
            self.apology = apology


class ModelError(EngineError):
    """A model cannot be brought into memory; the message is the reason, for the host, who can see to it."""

    def __init__(self, model: str, why: str) -> None:
        super().__init__(why)
        self.model = model


class Cancelled(LimnerError):
    """The owner took the job back: a third outcome, not a failure."""


def reason(error: BaseException) -> str:
    """Return the first line of an error for whoever can mend it, with the kind of a library's own errors."""
    first = (str(error).strip().splitlines() or [""])[0][:500]
    return first if isinstance(error, LimnerError) else f"{type(error).__name__}: {first}"


def no_model(name: str, known: Iterable[str]) -> Sentence:
    """Return the sentence that refuses a model nobody set up."""
    listed = [f"`{model}`" for model in known]
    return Sentence.counted(
        len(listed),
        "There is no model `{name}`. There is {models}.",
        "There is no model `{name}`. There are {models}.",
        name=name[:64].replace("`", ""),
        models=", ".join(listed) or Sentence("none"),
    )
