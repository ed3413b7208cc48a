"""Prompts with their settings as other programs write them: their published forms, filled anew."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.config import Config, LoraConfig, ModelConfig
from engine.errors import PromptError
from engine.jobs import Job, JobSpec
from engine.library.gallery import recipe
from engine.planning.explain import as_json
from engine.planning.plan import plan
from engine.prompt import parse

# the form of modules/infotext_utils.py (stable-diffusion-webui): prompt, "Negative prompt: ", "key: value, …"
BLOCK = (
    "a red apple\nNegative prompt: blurry\nSteps: 10, Sampler: dpmpp_2m, CFG scale: 5, Seed: 7, Size: 128x128"
)
WANTED = {
    "negative": "blurry", "steps": 10, "sampler": "dpmpp_2m", "cfg": 5, "seed": 7, "width": 128, "height": 128
}  # fmt: skip


def flags(line: str) -> dict[str, object]:
    return {given.name: given.plain() for given in parse(line).prompt.given}


@pytest.mark.parametrize(
    "text",
    [
        BLOCK,
        BLOCK.replace("\n", "\r\n"),
        BLOCK.replace("\n", " "),  # an option of a slash command keeps no line breaks
        f"```\n{BLOCK}\n```",
        f"> {BLOCK}".replace("\n", "\n> "),
        f"/imagine prompt: {BLOCK}",
        BLOCK.lower(),
    ],
)
def test_a_block_is_read_as_words_and_flags(text: str) -> None:
    parsed = parse(text)
    assert parsed.prompt.text == "a red apple"
    assert flags(text) == WANTED
    assert any("settings" in note for note in parsed.notes)
    assert parse(parsed.line).prompts == parsed.prompts


def test_flags_behind_a_block_are_the_persons_own() -> None:
    assert flags(f"{BLOCK} --ar 3:2 --seed 9") == WANTED | {"ar": "3:2", "seed": 9}
    assert flags("a cat\nNegative prompt: dull --tile") == {"negative": "dull", "tile": True}


def test_what_has_no_meaning_here_is_named() -> None:
    text = (
        "masterpiece, a cat <lora:ink:0.8>\nNegative prompt: (dull:1.2), grey\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 1234567890, "
        "Size: 512x768, Model hash: 0123456789, Model: dreams, Clip skip: 2, Version: v1.10.1, "
        'Lora hashes: "ink: 0123, fur: 4567", '
        'Civitai resources: [{"type":"checkpoint","modelVersionId":1},{"type":"lora","weight":0.8}]'
    )
    parsed = parse(text)
    assert parsed.prompt.text == "masterpiece, a cat"
    assert flags(text) == {
        "negative": "(dull:1.2), grey", "lora": "ink:0.8", "steps": 20, "sampler": "dpmpp_2m_karras",
        "cfg": 7.5, "seed": 1234567890, "width": 512, "height": 768,
    }  # fmt: skip
    (note,) = [note for note in parsed.notes if "left out" in note]
    for name in ("model hash", "model", "clip skip", "lora hashes", "version", "civitai resources"):
        assert f"`{name}`" in note


def test_only_a_model_that_is_here_is_asked_for() -> None:
    text = f"{BLOCK}, Model: Pocket"
    assert parse(text, models=("pocket",)).prompt.get("model") == "Pocket"
    assert parse(text, models=("other",)).prompt.get("model") is None


def test_unwanted_words_are_not_wanted() -> None:
    for text in (
        "a cat\nNegative prompt: nsfw, nude",
        "a cat Negative prompt: nsfw, nude",
        "a cat ### nsfw, nude",
    ):
        assert parse(text).prompt.text == "a cat"
        assert parse(text).prompt.get("negative") == "nsfw, nude"


@pytest.mark.parametrize(
    ("line", "words", "negative"),
    [
        ("a cat###blurry", "a cat", "blurry"),
        ("a ### b ### c", "a", "b, c"),
        ("a cat ### blurry --seed 7", "a cat", "blurry"),
        ("a cat --seed 7 ### blurry", "a cat", "blurry"),
        ("a cat ###", "a cat", None),
        ("###a cat", "a cat", None),
        ("a cat ### --seed 7", "a cat", None),
        ("a #### b", "a #### b", None),
    ],
)
def test_three_hashes_part_wanted_from_unwanted_as_ai_horde_does(
    line: str, words: str, negative: str | None
) -> None:
    parsed = parse(line)
    assert (parsed.prompt.text, parsed.prompt.get("negative")) == (words, negative)
    assert parse(parsed.line).prompt == parsed.prompt


def test_choices_stand_on_both_sides_of_three_hashes() -> None:
    prompts = parse("[a](https://x.org/link.png)###{b, c}").prompts
    assert [(one.text, one.get("negative")) for one in prompts] == [("a", "b"), ("a", "c")]
    assert all(one.images[0].url == "https://x.org/link.png" for one in prompts)


# as InvokeAI 1 and 2 wrote what they drew (its docs/features/CLI.md: -s steps, -S seed, -W, -H, -C, -A)
@pytest.mark.parametrize(
    ("line", "words", "given"),
    [
        (
            '"a cat" -s 50 -S 3847 -W 512 -H 768 -C 7.5 -A k_lms',
            "a cat",
            {"steps": 50, "seed": 3847, "width": 512, "height": 768, "cfg": 7.5, "sampler": "lms"},
        ),
        ("a cat -s50 -S7 -C7.5", "a cat", {"steps": 50, "seed": 7, "cfg": 7.5}),
        ("a cat -S 7 -n 4 -g -G 0.8 -U 2 0.75 -s 20", "a cat", {"seed": 7, "steps": 20}),
        ("a cat -S 7 --ar 3:2", "a cat", {"seed": 7, "ar": "3:2"}),
        ('dream> "a cat [dull]" -S 7 --seamless', "a cat", {"negative": "dull", "seed": 7, "tile": True}),
        ("a cat -s 50", "a cat", {"stylize": 50}),  # alone it is the flag's one letter
        ("sizes S -S tall, M -M wide", "sizes S -S tall, M -M wide", {}),
    ],
)
def test_the_switches_of_invokeais_command_line_are_read(
    line: str, words: str, given: dict[str, object]
) -> None:
    parsed = parse(line)
    assert parsed.prompt.text == words
    assert flags(line) == given
    assert parse(parsed.line).prompt == parsed.prompt


def test_a_picture_that_invokeai_began_with_is_taken() -> None:
    prompt = parse("a cat -S 7 -I https://x.org/a.png -f 0.7").prompt
    assert [image.url for image in prompt.images] == ["https://x.org/a.png"]
    assert prompt.text == "a cat"


def test_composed_texts_become_parts() -> None:
    prompt = parse("a cat :1.2 AND a dog AND rain :-0.5\nSteps: 10, Seed: 7").prompt
    assert [(part.text, part.weight) for part in prompt.parts] == [
        ("a cat", 1.2),
        ("a dog", 1),
        ("rain", -0.5),
    ]


def test_prose_that_names_steps_stays_prose() -> None:
    for line in (
        "how to bake in steps: 3",
        "steps: a staircase",
        "seven steps: 3, up and down",
    ):
        assert parse(line).prompt.text == line


def test_json_of_other_programs_is_read() -> None:
    # InvokeAI's metadata, AUTOMATIC1111's API, diffusers' arguments
    invoke = {
        "positive_prompt": "a cat", "negative_prompt": "dull", "seed": 5, "steps": 20, "cfg_scale": 7.5,
        "scheduler": "euler", "width": 512, "height": 512, "model": {"name": "sd"},
    }  # fmt: skip
    wanted = {
        "negative": "dull", "seed": 5, "steps": 20, "cfg": 7.5, "sampler": "euler", "width": 512,
        "height": 512,
    }  # fmt: skip
    assert parse(json.dumps(invoke)).prompt.text == "a cat"
    assert flags(json.dumps(invoke, indent=2)) == wanted
    api = {"prompt": "a cat", "negative_prompt": "dull", "sampler_name": "Euler a", "num_inference_steps": 9}
    assert flags(json.dumps(api)) == {"negative": "dull", "sampler": "euler_ancestral", "steps": 9}


def test_a_comfyui_graph_is_read() -> None:
    graph = {
        "3": {"class_type": "KSampler", "inputs": {
            "seed": 5, "steps": 20, "cfg": 8, "sampler_name": "dpmpp_2m", "scheduler": "karras", "denoise": 1,
            "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 640, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat", "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "dull", "clip": ["4", 1]}},
    }  # fmt: skip
    for text in (json.dumps(graph), json.dumps({"prompt": graph}, indent=1)):
        assert parse(text).prompt.text == "a cat"
        assert flags(text) == {
            "negative": "dull", "seed": 5, "steps": 20, "cfg": 8, "sampler": "dpmpp_2m_karras", "width": 512,
            "height": 640,
        }  # fmt: skip


@pytest.mark.parametrize(
    "text", ['{"a": 1}', "{a, b} cat", '{"prompt": [1]}', 'a sign: "{a, b}"]', "{" * 900]
)
def test_other_braces_are_left_alone(text: str) -> None:
    assert not any("Pasted" in note for note in parse(text, limit=1000).notes)


# the same block as people copy it: a key a line, bars, bold keys, a page's headings, its breaks lost
TOLD = {"negative": "blurry", "steps": 20, "sampler": "euler_ancestral", "cfg": 7, "seed": 5}


@pytest.mark.parametrize(
    "text",
    [
        "Prompt: a cat\nNegative: blurry\nSteps: 20\nSampler: Euler a\nCFG: 7\nSeed: 5",
        "Prompt: a cat Negative: blurry Steps: 20 Sampler: Euler a CFG: 7 Seed: 5",
        "a cat\nneg: blurry\nSeed: 5\nCFG scale: 7\nSampler: Euler a\nSteps: 20",
        "a cat\nNegative prompts: blurry\nSteps: 20 | Sampler: Euler a | CFG scale: 7 | Seed: 5",
        "a cat\nNegative prompt: blurry\nSteps:20,Sampler:Euler a,CFG scale:7,Seed:5",
        "a cat\nNegative prompt: blurry\nSeed: 5, Sampler: Euler a, Steps: 20, CFG scale: 7",
        "a cat\\nNegative prompt: blurry\\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5",
        "parameters\n\na cat\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5",
        "**Prompt:** a cat\n**Negative prompt:** blurry\n"
        "**Steps:** 20, **Sampler:** Euler a, **CFG scale:** 7, **Seed:** 5",
        "Prompt\na cat\nNegative prompt\nblurry\nOther metadata\n"
        "Steps: 20\nSampler: Euler a\nCFG scale: 7\nSeed: 5",
        "a cat\n-blurry\nSteps: 20, Sampler: Euler A, Guidance Scale: 7.0, Seed: 5",  # Draw Things
        "a cat\nnegative_prompt: blurry\nnum_inference_steps=20\n"
        "guidance_scale=7\nseed=5\nsampler_name=euler_a",
        "a cat\nnegative: blurry (steps: 20, sampler: euler_a, seed: 5, cfg: 7)",
    ],
)
def test_settings_are_told_by_their_names_however_they_are_parted(text: str) -> None:
    parsed = parse(text)
    assert parsed.prompt.text.rstrip(",") == "a cat"
    assert flags(text) == TOLD
    assert parse(parsed.line).prompt == parsed.prompt


@pytest.mark.parametrize(
    "line",
    [
        "a photo negative: inverted",
        "a campus, UC: Berkeley",
        "a manual, steps: 1 mix 2 bake",
        "model: tall, size: 512x512 poster",
        "a seed: 5 apples",
        "**a cat**: it sits",
    ],
)
def test_one_word_with_a_colon_is_a_word(line: str) -> None:
    assert parse(line).prompt.text == line


@pytest.mark.parametrize(
    "text",
    [
        '{"prompt": "a cat", "seed": 5,}',  # a comma too many
        "{'prompt': 'a cat', 'seed': 5}",  # Python's own
        '{"prompt": "a cat", "seed": 5, "negative_pro',  # cut
        '[{"prompt": "a cat", "seed": 5}]',
        '{"prompt": ["a cat"], "seed": 5}',
        '{"sui_image_params": {"prompt": "a cat", "seed": 5}}',  # SwarmUI
        '{"meta": {"prompt": "a cat", "seed": 5, "resources": []}}',  # Civitai's API
        '{"version": "x", "input": {"prompt": "a cat", "seed": 5}}',  # Replicate
        '{"inputs": "a cat", "parameters": {"seed": 5}}',  # Hugging Face
        '{"text_prompts": [{"text": "a cat", "weight": 1}], "seed": 5}',  # Stability
        '"positive": "a cat", "seed": 5',
    ],
)
def test_a_prompt_in_json_of_any_form_is_no_choice(text: str) -> None:
    parsed = parse(text)
    assert parsed.jobs == 1
    assert parsed.prompt.text == "a cat"
    assert flags(text) == {"seed": 5}


JSON_KEYS = re.findall(
    r"\w+",
    "prompt nodes links inputs class_type text text_prompts weight seed steps positive negative model name "
    "width height batch_size conditioning widgets_values type id link sampler_name scheduler 1 2 cfg",
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(0, 3), st.floats(), st.sampled_from(["a cat", "1", "KSampler"])
)


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(JSON_KEYS),
        st.recursive(
            LEAVES,
            lambda inner: st.one_of(
                st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(JSON_KEYS), inner, max_size=4)
            ),
            max_leaves=12,
        ),
        min_size=1,
        max_size=5,
    )
)
@example({"text_prompts": [1]})
@example({"nodes": [[]], "links": 2.5})
@example({"nodes": [{"inputs": [{"link": []}]}], "links": [[[], 1]]})
def test_json_of_any_shape_is_read_or_left_alone(value: dict[str, object]) -> None:
    answer = as_json(json.dumps(value), CONFIG)
    assert answer["error"] is None or answer["error"].strip()


def test_flags_with_colons_are_flags_and_no_pasted_settings() -> None:
    assert flags("a cat --seed:7 --steps: 20 --cfg:7") == {"seed": 7, "steps": 20, "cfg": 7}
    assert flags("a cat --negative Prompt: x") == {"negative": "Prompt: x"}
    assert parse("a cat --seed:7 --steps: 20").prompt.text == "a cat"


def test_names_of_other_programs_json_are_known() -> None:
    fooocus = {
        "Prompt": "a cat", "Negative Prompt": "dull", "Seed": 5, "Sampler": "dpmpp_2m_sde_gpu",
        "Scheduler": "karras", "Guidance Scale": 4, "Resolution": "(1024, 768)",
    }  # fmt: skip
    assert flags(json.dumps(fooocus)) == {
        "negative": "dull", "seed": 5, "sampler": "dpmpp_2m_sde_karras", "cfg": 4, "width": 1024,
        "height": 768,
    }  # fmt: skip
    stability = {"text_prompts": [{"text": "a cat", "weight": 1}, {"text": "dull", "weight": -1}], "steps": 9}
    assert flags(json.dumps(stability)) == {"negative": "dull", "steps": 9}


def test_a_graph_whose_sampler_is_in_parts_and_a_saved_canvas_are_read() -> None:
    parts = {
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat", "clip": ["11", 0]}},
        "16": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
        "17": {"class_type": "BasicScheduler", "inputs": {"scheduler": "simple", "steps": 20, "denoise": 1}},
        "22": {"class_type": "BasicGuider", "inputs": {"model": ["30", 0], "conditioning": ["26", 0]}},
        "25": {"class_type": "RandomNoise", "inputs": {"noise_seed": 5}},
        "26": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["6", 0]}},
    }
    assert parse(json.dumps(parts)).prompt.text == "a cat"
    assert flags(json.dumps(parts)) == {"seed": 5, "steps": 20, "sampler": "euler"}
    canvas = {
        "nodes": [
            {"id": 3, "type": "KSampler", "widgets_values": [5, "fixed", 20, 7.5, "dpmpp_2m", "karras", 1],
             "inputs": [{"name": "positive", "link": 1}, {"name": "negative", "link": 2}]},
            {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["a cat"]},
            {"id": 7, "type": "CLIPTextEncode", "widgets_values": ["dull"]},
        ],
        "links": [[1, 6, 0, 3, 1, "CONDITIONING"], [2, 7, 0, 3, 2, "CONDITIONING"]],
    }  # fmt: skip
    assert parse(json.dumps(canvas)).prompt.text == "a cat"
    assert flags(json.dumps(canvas)) == {
        "negative": "dull", "seed": 5, "steps": 20, "cfg": 7.5, "sampler": "dpmpp_2m_karras",
    }  # fmt: skip


GRAPH = {
    "3": {"inputs": {
        "seed": 51234567, "steps": 20, "cfg": 8, "sampler_name": "dpmpp_2m", "scheduler": "karras",
        "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}, "class_type": "KSampler"},
    "5": {"inputs": {"width": 512, "height": 640, "batch_size": 1}, "class_type": "EmptyLatentImage"},
    "6": {"inputs": {"text": "a cat on a wall", "clip": ["4", 1]}, "class_type": "CLIPTextEncode"},
    "7": {"inputs": {"text": "dull", "clip": ["4", 1]}, "class_type": "CLIPTextEncode"},
}  # fmt: skip
"""In the order in which ComfyUI exports it."""
CANVAS = {
    "last_node_id": 9,
    "nodes": [
        {"id": 7, "type": "CLIPTextEncode", "outputs": [{"links": [6]}], "widgets_values": ["dull"]},
        {"id": 6, "type": "CLIPTextEncode", "outputs": [{"links": [4]}],
         "widgets_values": ["a cat on a wall"]},
        {"id": 3, "type": "KSampler", "widgets_values": [5, "fixed", 20, 7.5, "euler", "normal", 1],
         "inputs": [{"name": "positive", "link": 4}, {"name": "negative", "link": 6}]},
    ],
    "links": [[4, 6, 0, 3, 1, "CONDITIONING"], [6, 7, 0, 3, 2, "CONDITIONING"]],
}  # fmt: skip
"""In the order of ComfyUI's default workflow: the unwanted text comes first."""


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("value", [GRAPH, {"prompt": GRAPH, "client_id": "x"}, CANVAS])
def test_a_workflow_that_ends_or_begins_in_the_middle_is_read_or_refused_never_drawn(
    value: dict[str, object], indent: int | None
) -> None:
    """Its own prompt, or what there is of that; no number, name or key of it as words."""
    whole = json.dumps(value, indent=indent)
    said = set()
    cuts = [whole[:size] for size in range(40, len(whole))]
    cuts += [whole[start:] for start in range(1, whole.rindex('":') - 1)]
    for text in cuts:
        try:
            parsed = parse(text)
        except PromptError as refusal:
            said.add(str(refusal))
            continue
        assert "a cat on a wall".startswith(parsed.prompt.text), (text, parsed.prompt.text)
        assert any("cut off" in note for note in parsed.notes)
        told = {one.name: one.value for one in parsed.prompt.given}
        assert told.get("seed") in (None, 51234567, 5)
        assert told.get("steps") in (None, 20)
        assert "dull".startswith(str(told.get("negative", "")))
        assert told.get("sampler") in (None, "dpmpp_2m_karras", "dpmpp_2m", "euler")
        assert parse(parsed.line).prompt == parsed.prompt
    assert all("which words are drawn" in why for why in said)
    assert 1 <= len(said) <= 2


def test_a_workflow_is_read_as_far_as_it_goes() -> None:
    whole = json.dumps(GRAPH)
    settled = {
        "seed": 51234567, "steps": 20, "cfg": 8, "sampler": "dpmpp_2m_karras", "width": 512, "height": 640,
    }  # fmt: skip
    assert flags(whole[: whole.index("dull") - 12]) == settled
    assert flags(whole[:-3]) == settled | {"negative": "dull"}
    assert parse(whole[: whole.index(" on a wall")]).prompt.text == "a cat"
    # a canvas without its list of links: its nodes say what leads where
    canvas = json.dumps(CANVAS)
    assert flags(canvas[: canvas.index(', "links": [[')]) == {
        "negative": "dull", "seed": 5, "steps": 20, "cfg": 7.5, "sampler": "euler",
    }  # fmt: skip
    # the last number may be half of one
    assert flags('{"prompt": "a cat", "steps": 20, "seed": 12') == {"steps": 20}
    # prose and flags around it
    assert flags(f"{whole} --seed 3")["seed"] == 3
    assert parse(f"my workflow: {whole}").prompt.text == "a cat on a wall"


@pytest.mark.parametrize(
    "text",
    [
        '{"3": {"inputs": {}, "class_type": "KSampler"}}',
        '{"seed": 5, "steps": 20, "sampler_name": "euler"}',
        json.dumps({name: node for name, node in GRAPH.items() if name not in "67"}),
        json.dumps(GRAPH | {"3": {"inputs": {}, "class_type": "Strange"}}),  # nothing leads to either text
    ],
)
def test_settings_without_a_prompt_are_refused(text: str) -> None:
    with pytest.raises(PromptError, match="do not say which words are drawn"):
        parse(text)


def test_the_only_text_of_a_whole_workflow_is_its_prompt() -> None:
    strange = {"1": {"class_type": "Strange", "inputs": {}}, "6": GRAPH["6"]}
    assert parse(json.dumps(strange)).prompt.text == "a cat on a wall"


MODEL = ModelConfig(
    name="tiny", source="tiny", width=128, height=128, multiple=8, steps=20, guidance_scale=5, sampler="ddim",
    negative_prompt="", few_steps=4, few_steps_source="x", few_steps_sampler="lcm", few_steps_guidance=1,
    house_style="glossy",
)  # fmt: skip
OTHER = MODEL.model_copy(update={"name": "other", "default": True})
CONFIG = Config(models=(MODEL, OTHER), loras=(LoraConfig(name="ink", source="x"),))


@pytest.mark.parametrize(
    "line",
    [
        "a red apple --negative blurry --seed 7",
        "a cat --model tiny --seed 7 --steps 9 --cfg 3.5 --sampler euler --ar 3:2",
        "a cat::2 a dog::0.5 --no rain --seed 7",
        "a cat::2 --seed 7",
        "a cat AND a dog --seed 7",
        "a clock at 12 :30:: a dog --seed 7",
        "a cat --draft --seed 7",
        "a cat --stylize 0 --chaos 20 --weird 300 --exp 10 --stop 60 --tile --video --seed 7",
        "a cat --style anime --lora ink:0.8 --raw --seed 7",
        r"a sign \--no more \{a, b\} --seed 7",
        "a (red:1.2) [cat] BREAK a dog --seed 4294967295",
        "größe 猫 --seed 7",
    ],
)
def test_the_settings_in_a_picture_read_as_its_spec(line: str) -> None:
    spec = plan(parse(line).prompt, CONFIG.models, loras=CONFIG.loras).spec
    text = recipe(job(spec), 0)["parameters"]
    for shown in (text, text.replace("\n", " ")):
        parsed = parse(shown, models=("tiny", "other"))
        assert parsed.jobs == 1
        assert plan(parsed.prompt, CONFIG.models, loras=CONFIG.loras).spec == spec


def test_the_settings_of_a_later_picture_begin_with_it() -> None:
    spec = plan(parse("a cat --seed 7").prompt, CONFIG.models).spec
    assert parse(recipe(job(spec), 3)["parameters"]).prompt.get("seed") == 10


def test_the_command_line_reads_a_block_with_the_models_that_are_there() -> None:
    answer = as_json(f"{BLOCK}, Model: tiny", CONFIG)
    assert answer["flags"]["model"] == {"value": "tiny", "from": "prompt"}
    assert answer["error"] is None


def job(spec: JobSpec) -> Job:
    where = {"owner": "1", "origin": "cli:", "created_at": 0.0}
    return Job.model_validate({"id": "abcdefghjk", "state": "rendered", "spec": spec, "prompt": "", **where})
