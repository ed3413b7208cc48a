"""Everything that shows a prompt to people, copied and sent again, asks for the same pictures."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from bot.messages import asking, jobs
from bot.messages.text import to_copy
from engine.errors import PromptError
from engine.jobs import Delivery, Job, JobSpec, State
from engine.prompt import Prompt, parse

ROOT = Path(__file__).parents[3]
PERSON = "1100000000000000011"


def job(prompt: str) -> Job:
    spec = JobSpec(model="pocket", width=64, height=64, steps=4, guidance_scale=5, sampler="ddim", seed=0)
    where = {"owner": PERSON, "origin": "discord:@me/1", "created_at": 0.0}
    return Job.model_validate(
        {"id": "abcdefghjk", "state": "rendered", "spec": spec, "prompt": prompt, **where}
    )


def shown_of(line: str) -> list[str]:
    """Return every text in which a person sees this line again."""
    made = job(line)
    told = "`--hd` was left out. Pictures have the model's own size."
    where = {"owner": PERSON, "origin": made.origin, "created_at": 0.0, "state": "sent"}
    delivery = Delivery.model_validate({"id": 1, "job": made.id, "kind": "grid", **where})
    grid = jobs.result(made, delivery, [told])
    texts = [grid, grid.splitlines()[0], " ".join(grid.split("\n")), jobs.title(made, 2)]
    texts.append(jobs.progress(made, jobs.Standing(State.QUEUED, place=3, seconds=100)))
    texts.append(jobs.progress(made, jobs.Standing(State.QUEUED, held=True, until=1764429000)))
    texts.append(asking.question(line, 2, 8))
    texts.append(jobs.alt(made))
    if len(line) < 80:
        texts += [jobs.job_line(made), jobs.job_line(made, jobs.Standing(State.QUEUED, 3, seconds=7))]
    if to_copy(line) is not None:
        texts += [
            str(to_copy(line)),
            jobs.failure(made)[0],
            asking.refusal("No, that is not so.", line),
        ]
    return texts


def suite() -> list[str]:
    """Return every text of the prompt tests and of the documents that can be read as one prompt."""
    found: dict[str, None] = {}
    for file in sorted((ROOT / "tests/engine/prompt").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found[node.value] = None
    for file in ("docs/prompting.md", "README.md", "engine/pocket/evaluate_prompts.txt"):
        text = (ROOT / file).read_text(encoding="utf-8")
        found |= dict.fromkeys([*text.splitlines(), *re.findall(r"`([^`\n]+)`", text)])
    return [line for line in found if line.strip() and len(line) < 500]


def same(text: str, prompts: tuple[Prompt, ...]) -> bool:
    try:
        read = parse(text, limit=100).prompts
    except PromptError:
        return False
    return [(one.words, one.given) for one in read] == [(one.words, one.given) for one in prompts]


def test_everything_shown_reads_back_as_the_same_request() -> None:
    tried = 0
    for line in suite():
        try:
            parsed = parse(line, limit=100)
        except PromptError as error:
            # a line with three backticks in it is not shown to copy: no block can hold it
            if error.repaired is not None and to_copy(error.repaired) is not None:
                again = parse(error.repaired, limit=100).prompts
                assert same(asking.refusal(str(error), error.repaired), again), ascii(line)  # noqa: PT017
            continue
        for text in () if parsed.random else (parsed.line, *shown_of(parsed.line)):
            assert same(text, parsed.prompts), ascii((line, text))
        for prompt in parsed.prompts:
            assert str(parse(str(prompt), limit=100).prompt) == str(prompt)
            for text in shown_of(str(prompt)):
                assert prompt.get("repeat") or same(text, (prompt,)), ascii((line, text))
        tried += 1
    assert tried > 700
