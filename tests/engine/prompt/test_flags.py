"""Every row of the flags table is read, under each of its names, and answers as the table says."""

from __future__ import annotations

import pytest

from engine.config import LimitsConfig, ModelConfig
from engine.errors import PromptError
from engine.planning.plan import plan
from engine.planning.references import stand_ins
from engine.prompt import BY_NAME, parse
from engine.prompt.flags import FLAGS, Action, Flag, FlagType

LEFT_OUT = [flag for flag in FLAGS if flag.action is not Action.HONOURED]
WITH_VALUE = [flag for flag in FLAGS if flag.kind not in (FlagType.BARE, FlagType.OPTIONAL)]
MODELS = (ModelConfig(name="pocket", source="pocket", house_style="ink"),)

# the first column and the aliases of Midjourney's parameter list, and of its manual of 2022
MIDJOURNEY = """
aspect ar version v niji chaos c stylize s weird w quality q seed sameseed stop no iw sref sw sv
cref cw oref ow profile p exp raw style tile repeat r draft hd sd fast relax turbo stealth public
video motion loop end bs zoom edit test testp creative beta uplight upbeta upanime vibe hq newclip
nostretch old h wallpaper sl ml ll sp mp lp
"""
OURS = ("steps", "cfg", "sampler", "model", "lora", "negative", "width", "height")

# limits as Midjourney's bot checks them
RANGES = {
    "chaos": (0, 100), "stylize": (0, 1000), "weird": (0, 3000), "seed": (0, 4294967295), "stop": (10, 100),
    "iw": (0, 3), "sw": (0, 1000), "cw": (0, 100), "exp": (0, 100), "zoom": (1, 2), "repeat": (1, 40),
}  # fmt: skip


def line_of(flag: Flag, name: str) -> str:
    return f"a cat --{name} {flag.example}".strip()


@pytest.mark.parametrize("name", [*MIDJOURNEY.split(), *OURS])
def test_no_flag_of_midjourney_is_unknown(name: str) -> None:
    assert name in BY_NAME
    flag = BY_NAME[name]
    parsed = parse(line_of(flag, name))
    assert parsed.prompt.text == "a cat"


def test_no_spelling_has_two_meanings() -> None:
    spellings = [name for flag in FLAGS for name in flag.names]
    assert len(spellings) == len(set(spellings))


@pytest.mark.parametrize(("flag", "name"), [(flag, name) for flag in FLAGS for name in flag.names])
def test_a_flag_is_read_alike_under_each_name(flag: Flag, name: str) -> None:
    assert parse(line_of(flag, name)).prompt.given == parse(line_of(flag, flag.name)).prompt.given


@pytest.mark.parametrize("flag", LEFT_OUT, ids=lambda flag: flag.name)
def test_what_is_not_honoured_is_said_and_the_job_runs(flag: Flag) -> None:
    parsed = parse(line_of(flag, flag.name))
    assert any(f"--{flag.name}" in note for note in parsed.notes)
    plan(parsed.prompt, MODELS, LimitsConfig(), 1)


# what each honoured flag changes in the spec that decides the pixels; speed decides only when
SPEC = {
    "ar": "width", "width": "width", "height": "height", "no": "conditions", "negative": "negative_prompt",
    "style": "style", "raw": "stylize", "stylize": "stylize", "weird": "weird", "chaos": "chaos",
    "exp": "exp",
    "tile": "tile", "seed": "seed", "quality": "steps", "draft": "steps", "stop": "stop", "steps": "steps",
    "cfg": "guidance_scale", "sampler": "sampler", "video": "film",
    "sref": "inputs", "profile": "inputs", "cref": "inputs", "oref": "inputs",
}  # fmt: skip
ELSEWHERE = {
    "model",
    "v",
    "niji",
    "lora",
    "repeat",
    "fast",
    "relax",
    "turbo",
    "iw",
    "sw",
    "cw",
    "ow",
}  # tested by name in their own tests


def test_every_honoured_flag_is_tested_for_what_it_does() -> None:
    assert {flag.name for flag in FLAGS if flag.action is Action.HONOURED} == SPEC.keys() | ELSEWHERE


@pytest.mark.parametrize(("name", "changed"), SPEC.items())
def test_an_honoured_flag_changes_the_spec(name: str, changed: str) -> None:
    usual = plan(parse("a cat").prompt, MODELS, LimitsConfig(), 1).spec
    example = {"cfg": "3.5"}.get(name, BY_NAME[name].example)
    prompt = parse(f"a cat --{name} {example}").prompt
    made = plan(prompt, MODELS, LimitsConfig(), 1, pictures=stand_ins(prompt)).spec
    assert getattr(made, changed) != getattr(usual, changed)


@pytest.mark.parametrize("speed", ["fast", "relax", "turbo"])
def test_speed_is_asked_for_by_name(speed: str) -> None:
    prompt = parse(f"a cat --{speed}").prompt
    assert prompt.speed == speed
    assert plan(prompt, MODELS).spec == plan(parse("a cat").prompt, MODELS).spec


def test_no_speed_is_no_wish() -> None:
    assert parse("a cat").prompt.speed is None


@pytest.mark.parametrize(("name", "limits"), RANGES.items())
def test_ranges_are_checked_at_both_ends(name: str, limits: tuple[int, int]) -> None:
    low, high = limits
    for good in (low, high):
        assert (
            parse(f"a cat --{name} {good} --sref 1 --cref https://a.b/c.png", limit=40).prompt.get(name)
            == good
        )
    for bad, best in ((low - 1, low), (high + 1, high)):
        if name in ("seed", "repeat"):  # below, on their own
            continue
        parsed = parse(f"a cat --{name} {bad} --sref 1 --cref https://a.b/c.png")
        assert parsed.prompt.get(name) == best
        assert any("must be between" in note and f"`{bad}`" in note for note in parsed.notes)


def test_seeds_past_the_last_begin_again_and_none_below_nothing() -> None:
    assert parse("a cat --seed 4294967296").prompt.get("seed") == 0
    # a seed of 64 bits, as ComfyUI draws them: 2**63 + 5, by hand
    assert parse("a cat --seed 9223372036854775813").prompt.get("seed") == 5
    for random in ("-1", "-7", "random"):
        parsed = parse(f"a cat --seed {random} --tile")
        assert parsed.prompt.get("seed") is None
        assert any("random seed" in note for note in parsed.notes)


def test_copies_past_what_can_be_are_refused_with_the_most() -> None:
    for bad, best in ((0, 1), (41, 40)):
        with pytest.raises(PromptError, match="must be between") as caught:
            parse(f"a cat --repeat {bad}", limit=40)
        assert caught.value.repaired == f"a cat --repeat {best}"


@pytest.mark.parametrize("flag", WITH_VALUE, ids=lambda flag: flag.name)
def test_a_flag_without_its_value_is_refused(flag: Flag) -> None:
    with pytest.raises(PromptError, match=f"`--{flag.name}` needs"):
        parse(f"a cat --{flag.name}")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("a cat --sameseed 7", "a cat --seed 7"),
        ("a cat --hq", "a cat --quality 2"),
        ("a cat --testp", "a cat --style photographic"),
        ("a cat --wallpaper", "a cat --ar 15:8"),
        ("a cat --sl", "a cat --ar 3:2"),
        ("a cat --mp", "a cat --ar 2:3"),
        ("a cat --style raw", "a cat --raw"),
        ("a cat --video 1", "a cat --video"),
        ("a cat --w 1920 --h 1024", "a cat --width 1920 --height 1024"),
        ("a cat --h 1024 --w 1920", "a cat --width 1920 --height 1024"),
        ("a cat --v 7.0", "a cat --v 7"),
    ],
)
def test_mapped_flags_mean_what_the_table_says(line: str, meant: str) -> None:
    assert parse(line).prompt == parse(meant).prompt
    assert str(parse(line).prompt) == meant


def test_weird_alone_is_still_weird() -> None:
    assert parse("a cat --w 500").prompt.get("weird") == 500


@pytest.mark.parametrize("name", ["sw", "cw", "ow", "sv"])
def test_a_flag_without_its_partner_is_said(name: str) -> None:
    partner = BY_NAME[name].needs
    assert any(f"without `--{partner}`" in note for note in parse(f"a cat --{name} 4").notes)
    both = parse(f"a cat --{name} 4 --{partner} https://a.b/c.png")
    assert not any("without" in note for note in both.notes)


@pytest.mark.parametrize("style", ["4a", "cute", "scenic", "random-32"])
def test_midjourneys_own_styles_are_left_out_and_said(style: str) -> None:
    parsed = parse(f"a cat --style {style}")
    assert parsed.prompt.get("style") is None
    assert any("Midjourney's own models" in note for note in parsed.notes)


def test_a_seed_of_random_is_no_seed() -> None:
    assert parse("a cat --seed random").prompt.get("seed") is None


def test_values_of_references() -> None:
    prompt = parse("a cat --sref random 123 https://a.b/c.png::2 --p --sw 50").prompt
    assert prompt.get("sref") == ("random", "123", "https://a.b/c.png::2")
    assert prompt.get("profile") is True
    assert parse("a cat --p abc1234").prompt.get("profile") == "abc1234"


def test_slash_options_are_the_common_flags() -> None:
    options = {"aspect", "model", "style", "seed", "negative", "lora"}
    assert {flag.option for flag in FLAGS if flag.option} == options


# modules/sd_samplers_kdiffusion.py and sd_schedulers.py (AUTOMATIC1111), comfy/samplers.py (ComfyUI),
# SCHEDULER_NAME_VALUES (InvokeAI)
AUTOMATIC = (
    "DPM++ 2M|DPM++ SDE|DPM++ 2M SDE|DPM++ 2M SDE Heun|DPM++ 2S a|DPM++ 3M SDE|Euler a|Euler|LMS|Heun|DPM2|"
    "DPM2 a|DPM fast|DPM adaptive|Restart|DDIM|DDIM CFG++|PLMS|UniPC|LCM|LMS Karras|DPM2 Karras|"
    "DPM2 a Karras|DPM++ 2S a Karras|DPM++ 2M Karras|DPM++ SDE Karras|DPM++ 2M SDE Karras|"
    "DPM++ 2M SDE Exponential|"
    "DPM++ 2M SDE Heun Karras|DPM++ 2M SDE Heun Exponential|DPM++ 3M SDE Karras|DPM++ 3M SDE Exponential|"
    "Euler SGM Uniform|Euler Beta|Heun Karras|Euler a KL Optimal|DPM++ 2M Align Your Steps|DPM++ 2M Simple"
)
COMFY = (
    "euler|euler_cfg_pp|euler_ancestral|euler_ancestral_cfg_pp|heun|heunpp2|dpm_2|dpm_2_ancestral|lms|dpm_fast|"
    "dpm_adaptive|dpmpp_2s_ancestral|dpmpp_sde|dpmpp_sde_gpu|dpmpp_2m|dpmpp_2m_cfg_pp|dpmpp_2m_sde|"
    "dpmpp_2m_sde_gpu|dpmpp_3m_sde|dpmpp_3m_sde_gpu|ddpm|lcm|ipndm|ipndm_v|deis|res_multistep|er_sde|sa_solver|"
    "ddim|uni_pc|uni_pc_bh2|dpmpp_2m karras|euler simple|euler_ancestral sgm_uniform|ddim ddim_uniform"
)
INVOKE = (
    "ddim|ddpm|deis|deis_k|lms|lms_k|pndm|heun|heun_k|euler|euler_k|euler_a|kdpm_2|kdpm_2_k|kdpm_2_a|kdpm_2_a_k|"
    "dpmpp_2s|dpmpp_2s_k|dpmpp_2m|dpmpp_2m_k|dpmpp_2m_sde|dpmpp_2m_sde_k|dpmpp_3m|dpmpp_3m_k|dpmpp_sde|"
    "dpmpp_sde_k|unipc|unipc_k|lcm|tcd|k_lms|k_euler|k_euler_a|k_heun|k_dpm_2|k_dpm_2_a|plms"
)


@pytest.mark.parametrize("name", f"{AUTOMATIC}|{COMFY}|{INVOKE}".split("|"))
def test_no_word_of_a_samplers_name_is_drawn(name: str) -> None:
    for line in (f"cat --sampler {name}", f"cat --sampler {name}, --tile", f'cat --sampler "{name}"'):
        try:
            prompt = parse(line).prompt
        except PromptError as error:
            prompt = parse(str(error.repaired)).prompt
        assert prompt.text == "cat"


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("k_euler_a", "euler_ancestral"), ("dpmpp_2m_k", "dpmpp_2m_karras"), ("uni_pc", "unipc"),
        ("DPM++2M", "dpmpp_2m"),
        ("dpmpp_2m karras", "dpmpp_2m_karras"), ("dpmpp_sde_gpu", "dpmpp_2s"),
        ("kdpm_2_a", "kdpm2_ancestral"),
        ("Euler Beta", "euler"), ("Heun Karras", "heun"), ("DPM++ 2M SDE Exponential", "dpmpp_2m_sde"),
    ],
)  # fmt: skip
def test_samplers_of_other_programs_are_known(name: str, ours: str) -> None:
    assert parse(f"cat --sampler {name}").prompt.get("sampler") == ours


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("DPM++ 3M SDE Karras", "dpmpp_2m_sde_karras"), ("DPM++ 2M SDE Heun", "dpmpp_2m_sde"),
        ("eulr", "euler"),
        ("euler_cfg_pp", "euler"), ("dpmpp_3m_k", "dpmpp_2m"),
    ],
)  # fmt: skip
def test_an_unknown_sampler_is_refused_with_the_nearest_by_its_whole_name(name: str, nearest: str) -> None:
    with pytest.raises(PromptError, match="no sampler") as caught:
        parse(f"cat --sampler {name}")
    assert caught.value.repaired == f"cat --sampler {nearest}"


def test_a_spacing_that_is_not_here_is_said() -> None:
    assert any("`Karras`" in note for note in parse("cat --sampler Heun Karras").notes)
    assert parse("cat --sampler euler simple drawing").prompt.text == "cat simple drawing"
    assert parse("cat --sampler DPM++ 2M SDE Karras at night").prompt.text == "cat at night"
