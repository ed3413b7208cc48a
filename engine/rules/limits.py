"""How much one person may ask for; a refusal names its limit, says when it frees, gives the prompt back.

Pure: refuses to know stores and Discord.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from engine.config import LimitsConfig
from engine.errors import LimitError
from engine.jobs import JobSpec, Kind
from engine.words import Sentence

KNOWN = 10_000
"""With more people (or keys, or addresses) than this, those that were long silent are forgotten."""


def span(seconds: float) -> Sentence:
    """Return a length of time as people say it."""
    if seconds < 50:
        return Sentence.counted(max(10, round(seconds / 10) * 10), "{n} second", "{n} seconds")
    if seconds < 5400:
        return Sentence.counted(max(1, round(seconds / 60)), "{n} minute", "{n} minutes")
    if seconds >= 48 * 3600:
        return Sentence.counted(round(seconds / 86400), "{n} day", "{n} days")
    return Sentence.counted(round(seconds / 3600), "{n} hour", "{n} hours")


def check_spec(spec: JobSpec, limits: LimitsConfig, line: str) -> None:
    """Refuse a job that is too large for one person. Raises LimitError."""
    pixels = spec.width * spec.height
    if pixels > limits.max_pixels:
        side = int(limits.max_pixels**0.5)
        raise LimitError(
            Sentence(
                "{width} × {height} pixels is more than this server draws at once (at most "
                "{max_pixels:.1f} million, such as {side} × {side}). Ask for a smaller size; this limit "
                "does not pass with time.",
                width=spec.width,
                height=spec.height,
                max_pixels=limits.max_pixels / 1000000.0,
                side=side,
            ),
            line,
        )
    if spec.steps > limits.max_steps:
        raise LimitError(
            Sentence(
                "{steps} steps is more than this server takes (at most {max_steps}). Ask for fewer; this "
                "limit does not pass with time.",
                steps=spec.steps,
                max_steps=limits.max_steps,
            ),
            line,
        )

    cost = pixels * spec.count * (1 if spec.kind in (Kind.UPSCALE, Kind.DESCRIBE) else spec.steps)
    if cost > limits.max_pixel_steps:
        raise LimitError(
            Sentence(
                "{count} pictures of {width} × {height} pixels in {steps} steps are {cost:.1f} times "
                "what one request may take here. Ask for a smaller size or fewer steps; this limit does "
                "not pass with time.",
                count=spec.count,
                width=spec.width,
                height=spec.height,
                steps=spec.steps,
                cost=cost / limits.max_pixel_steps,
            ),
            line,
        )


class Rate:
    """How fast one may go on asking: so many times at once, and as many again in ``seconds``.

    ``clock`` gives seconds that never run backwards.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds, self._clock = seconds, clock
        self._spent: dict[str, tuple[float, float]] = {}  # times not yet forgiven, and when that was

    def wait(self, who: str, most: float) -> float:
        """Count one more and return 0, or return the seconds until it may come; then it is not counted."""
        now = self._clock()
        spent, at = self._spent.get(who, (0.0, now))
        spent = max(0.0, spent - (now - at) * most / self._seconds)
        if spent + 1 > most:
            return (spent + 1 - most) * self._seconds / most
        if len(self._spent) > KNOWN:
            self._spent = {one: kept for one, kept in self._spent.items() if now - kept[1] < self._seconds}
        self._spent[who] = spent + 1, now
        return 0.0


def check_pace(rate: Rate, owner: str, limits: LimitsConfig) -> None:
    """Count a command of a person. Raises LimitError where it is one too many; such a one is not counted."""
    most = limits.commands_a_minute
    if wait := rate.wait(owner, most):
        raise LimitError(
            Sentence(
                "That is more than {most} commands and buttons within a minute, which is the most for "
                "one person. Try again in {seconds} s.",
                most=most,
                seconds=max(1, math.ceil(wait)),
            ),
            kind="rate",
            retry_after=wait,
        )


def check_count(count: int, limits: LimitsConfig, line: str) -> None:
    """Refuse a request that makes too many jobs at once. Raises LimitError."""
    if count > limits.permutations:
        raise LimitError(
            Sentence(
                "This prompt makes {count} jobs, and one prompt may make at most {permutations}. Take "
                "some choices out of the braces; this limit does not pass with time.",
                count=count,
                permutations=limits.permutations,
            ),
            line,
        )


def check_waiting(
    waiting: int, running: int, more: int, limits: LimitsConfig, line: str, frees: float | None
) -> None:
    """Refuse when too much would wait. ``frees``: seconds until the person's next job ends, if known.

    A job that can start at once does not wait: free running places are taken first.
    """
    places = limits.waiting + limits.running
    if waiting + running + more <= places:
        return
    jobs = Sentence.counted(more, "{n} job", "{n} jobs") if more > 1 else Sentence("one more job")
    if more > places:
        when = Sentence("Ask for fewer at a time.")
    elif frees:
        when = Sentence("A place frees in about {span}, or use /cancel to take one back.", span=span(frees))
    else:
        when = Sentence("A place frees when your next picture is done, or use /cancel to take one back.")
    raise LimitError(
        Sentence(
            "You asked for {jobs} and have {running} running and {waiting} waiting; one person may "
            "have {most_running} running and {most_waiting} waiting. {when}",
            jobs=jobs,
            running=running,
            waiting=waiting,
            most_running=limits.running,
            most_waiting=limits.waiting,
            when=when,
        ),
        line,
        kind="size" if more > places else "waiting",
        retry_after=None if more > places else frees,
    )


def check_length(line: str, limits: LimitsConfig) -> None:
    """Refuse a prompt that is too long. Raises LimitError."""
    if len(line) > limits.prompt_length:
        raise LimitError(
            Sentence(
                "Your prompt has {line} characters, and at most {prompt_length} are read. Shorten it; "
                "this limit does not pass with time.",
                line=len(line),
                prompt_length=limits.prompt_length,
            ),
            line,
        )
