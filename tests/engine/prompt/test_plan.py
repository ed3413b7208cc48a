"""From a prompt to the spec: sizes by hand arithmetic, models, steps, weights, and who chose what."""

from __future__ import annotations

import pytest

from engine.config import LimitsConfig, LoraConfig, ModelConfig
from engine.errors import PromptError
from engine.jobs import Condition, Input, JobSpec, Kind, Lora, Role, Speed
from engine.planning import references
from engine.planning.plan import Plan, plan
from engine.planning.size import sides
from engine.prompt import parse
from engine.prompt.flags import STYLE_NAMES
from engine.prompt.samplers import SAMPLERS, sampler

SD15 = ModelConfig(
    name="sd15", source="x", aliases=("v 5", "V 5.2"), steps=20, house_style="ink on paper", default=True
)
XL = ModelConfig(
    name="xl", source="y", aliases=("v 7", "niji", "Big One"), width=1024, height=1024, multiple=64, steps=30,
    few_steps=4, guidance_scale=5, sampler="euler_ancestral", negative_prompt="blurry", max_ratio=2.5,
)  # fmt: skip
MODELS = (SD15, XL)
LORAS = (LoraConfig(name="ink", source="i"), LoraConfig(name="fur", source="f", model="xl"))


def planned(line: str, **more: object) -> Plan:
    limits = more.pop("limits", LimitsConfig())
    return plan(parse(line).prompt, MODELS, limits, 5, loras=LORAS, **more)  # type: ignore[arg-type]


def spec(line: str, **more: object) -> JobSpec:
    return planned(line, **more).spec


def refused(line: str, **more: object) -> PromptError:
    with pytest.raises(PromptError) as caught:
        planned(line, **more)
    return caught.value


# Width = √(pixels × W / H), height = √(pixels × H / W), each to the nearest multiple, half upward; worked out
# with a decimal calculator, not with this code. First 512 × 512 and multiples of 8, then 1024 × 1024 and 64.
SIZES = """
1:1 512x512 1024x1024   | 5:4 576x456 1152x896   | 4:5 456x576 896x1152   | 4:3 592x440 1152x896
3:4 440x592 896x1152    | 7:5 608x432 1216x896   | 5:7 432x608 896x1216   | 3:2 624x416 1280x832
2:3 416x624 832x1280    | 8:5 648x408 1280x832   | 5:8 408x648 832x1280   | 16:10 648x408 1280x832
5:3 664x400 1344x768    | 3:5 400x664 768x1344   | 16:9 680x384 1344x768  | 9:16 384x680 768x1344
17:9 704x376 1408x768   | 9:17 376x704 768x1408  | 15:8 704x376 1408x768  | 2:1 728x360 1472x704
1:2 360x728 704x1472    | 21:9 784x336 1536x640  | 9:21 336x784 640x1536  | 64:27 792x336 1600x640
7:3 784x336 1536x640    | 12:5 792x328 1600x640  | 5:2 808x320 1600x640   | 2:5 320x808 640x1600
47:20 784x336 1600x640  | 8:3 840x312 1664x640   | 3:8 312x840 640x1664   | 3:1 888x296 1792x576
1:3 296x888 576x1792    | 10:3 936x280 1856x576  | 7:2 960x272 1920x576   | 2:7 272x960 576x1920
18:5 968x272 1920x512   | 4:1 1024x256 2048x512  | 1:4 256x1024 512x2048  | 37:20 696x376 1408x768
"""
ROWS = [row.split() for line in SIZES.strip().splitlines() for row in line.split("|")]


def test_there_are_forty_ratios() -> None:
    assert len({row[0] for row in ROWS}) == 40


@pytest.mark.parametrize(("ratio", "small", "large"), ROWS)
def test_a_ratio_has_one_exact_size(ratio: str, small: str, large: str) -> None:
    made = spec(f"cat --ar {ratio}")
    assert f"{made.width}x{made.height}" == small
    a, b = (int(side) for side in ratio.split(":"))
    assert "{}x{}".format(*sides(1024 * 1024, a, b, 64)) == large


@pytest.mark.parametrize(
    ("line", "nearest"),
    [
        ("cat --ar 5:1", "cat --ar 4:1"),
        ("cat --ar 1:5", "cat --ar 1:4"),
        ("cat --ar 401:100", "cat --ar 4:1"),
        ("cat --model xl --ar 3:1", "cat --ar 5:2 --model xl"),
        ("cat --width 2048 --height 256", "cat --width 1024 --height 256"),
    ],
)
def test_a_shape_past_the_models_is_brought_to_the_nearest_and_said(line: str, nearest: str) -> None:
    made, wanted = planned(line).spec, spec(nearest)
    assert (made.width, made.height) == (wanted.width, wanted.height)
    assert any("the nearest shape" in note for note in planned(line).notes)
    assert not any("the nearest shape" in note for note in planned(nearest).notes)


def test_without_a_ratio_the_model_has_its_own_size() -> None:
    tall = ModelConfig(name="tall", source="t", width=512, height=768)
    made = plan(parse("cat").prompt, [tall]).spec
    assert (made.width, made.height) == (512, 768)
    made = plan(parse("cat --ar 1:1").prompt, [tall]).spec  # √393216 = 627.07 → 78.4 eighths
    assert (made.width, made.height) == (624, 624)


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("cat --width 640 --height 480", (640, 480)),
        ("cat --w 640 --h 480", (640, 480)),
        ("cat --width 642 --height 479", (640, 480)),
        ("cat --width 768", (768, 768)),
        ("cat --width 768 --ar 3:2", (768, 512)),
        ("cat --height 512 --ar 3:2", (768, 512)),
        ("cat --width 640 --height 480 --ar 1:1", (640, 480)),
    ],
)
def test_sides_in_pixels(line: str, size: tuple[int, int]) -> None:
    made = spec(line)
    assert (made.width, made.height) == size


def test_more_pixels_than_the_server_draws_are_brought_to_the_most() -> None:
    made = planned("cat --width 1024 --height 1024", limits=LimitsConfig(max_pixels=512 * 512))
    assert (made.spec.width, made.spec.height) == (512, 512)
    assert any("512 × 512, the most" in note for note in made.notes)


@pytest.mark.parametrize(
    ("line", "model"),
    [
        ("cat", "sd15"),
        ("cat --model xl", "xl"),
        ("cat --model XL", "xl"),
        ('cat --model "big one"', "xl"),
        ("cat --v 5", "sd15"),
        ("cat --v 5.0", "sd15"),
        ("cat --v 5.2", "sd15"),
        ("cat --v 7", "xl"),
        ("cat --v7.0", "xl"),
        ("cat --niji", "xl"),
        ("cat --niji 6", "xl"),
    ],
)
def test_models_go_by_name_and_alias(line: str, model: str) -> None:
    assert spec(line).model == model


def test_a_version_nobody_stands_for_is_said_and_drawn_with_the_usual_model() -> None:
    made = planned("cat --v 3")
    assert made.spec.model == "sd15"
    assert any("--v 3" in note and "sd15" in note for note in made.notes)


def test_an_unknown_model_is_refused_with_the_likely_one() -> None:
    error = refused("cat --model sd51")
    assert "`sd15`, `xl`" in str(error)
    assert error.repaired == "cat --model sd15"


@pytest.mark.parametrize(
    ("line", "steps", "few"),
    [
        ("cat", 20, False),
        ("cat --quality 0.5", 10, False),
        ("cat --q .25", 5, False),
        ("cat --q 2", 40, False),
        ("cat --q 3", 80, False),  # Midjourney reads 3 as 4
        ("cat --q 5", 80, False),
        ("cat --hq", 40, False),
        ("cat --draft", 10, False),
        ("cat --draft --model xl", 4, True),
        ("cat --steps 7", 7, False),
        ("cat --steps 7 --model xl", 7, False),
    ],
)
def test_steps(line: str, steps: int, few: bool) -> None:
    made = spec(line)
    assert (made.steps, made.few_steps) == (steps, few)
    assert ((made.sampler, made.guidance_scale) == ("lcm", 1.0)) == few


@pytest.mark.parametrize(
    ("line", "few", "said"),
    [
        ("cat --draft", True, None),
        ("cat --turbo", True, "drawn in 4 steps with few-step weights"),
        ("cat --turbo --draft", True, "drawn in 4 steps"),
        ("cat --draft --cfg 1", True, None),  # what they are made for
        ("cat --draft --sampler LCM", True, None),
        ("cat --draft --cfg 6", False, "`--cfg 6` was asked for, so --draft did not use"),
        ("cat --draft --sampler euler", False, "`--sampler euler` was asked for"),
        ("cat --turbo --steps 12 --cfg 6", False, "`--steps 12` and `--cfg 6` were asked for, so turbo"),
        ("cat --turbo --q 2", False, "`--quality 2` was asked for"),
        ("cat --turbo --q 1", True, None),
        ("cat --fast", False, None),
        ("cat", False, None),
    ],
)
def test_few_step_weights_draw_drafts_and_turbo_unless_other_work_was_asked_for(
    line: str, few: bool, said: str | None
) -> None:
    made = planned(f"{line} --model xl")
    assert made.spec.few_steps == few
    if few:
        assert (made.spec.steps, made.spec.sampler, made.spec.guidance_scale) == (4, "lcm", 1.0)
    if said is None:
        assert not any("few-step" in note for note in made.notes) or "turbo" in line
    else:
        assert any(said in note for note in made.notes), made.notes


def test_without_few_step_weights_a_draft_is_half_the_steps_and_turbo_only_hurries() -> None:
    draft, turbo = planned("cat --draft"), planned("cat --turbo")
    assert (draft.spec.steps, turbo.spec.steps) == (10, 20)
    assert "`sd15` has no few-step weights: `--draft` took half the usual steps." in draft.notes
    assert "`sd15` has no few-step weights: turbo only let it go ahead of the others." in turbo.notes
    assert turbo.spec == planned("cat").spec


def test_a_draft_asked_for_nearer_beats_the_settings_of_the_place() -> None:
    far = parse("cat --draft", layers=(("server", "--cfg 6 --sampler euler"),)).prompt
    made = plan(far, [XL])
    assert (made.spec.few_steps, made.spec.guidance_scale, made.spec.sampler) == (True, 1.0, "lcm")
    assert made.sources["cfg"] == "model"
    # and the other way round: somebody set on turbo names a guidance in the prompt
    near = parse("cat --cfg 6", layers=(("settings", "--turbo"),)).prompt
    made = plan(near, [XL])
    assert (made.spec.few_steps, made.spec.guidance_scale, made.spec.steps) == (False, 6.0, 30)


def test_the_speed_of_the_request_goes_before_the_prompts() -> None:
    assert plan(parse("cat").prompt, [XL], speed=Speed.TURBO).spec.few_steps
    assert not plan(parse("cat --turbo").prompt, [XL], speed=Speed.FAST).spec.few_steps


def test_steps_stay_within_the_servers_limit() -> None:
    limits = LimitsConfig(max_steps=30)
    for line in ("cat --steps 31", "cat --q 4"):
        made = planned(line, limits=limits)
        assert made.spec.steps == 30
        assert any("held at 30" in note for note in made.notes)


def test_conditions_weigh_what_was_said_and_no_weighs_one_half_against() -> None:
    assert spec("a cat").conditions == (Condition(text="a cat"),)
    assert spec("a::2 b::-.5").conditions == (Condition(text="a", weight=2), Condition(text="b", weight=-0.5))
    made = spec("cat --no red cars, dogs --no trees")
    assert made.conditions == (Condition(text="cat"), Condition(text="red cars, dogs, trees", weight=-0.5))


def test_the_negative_prompt_takes_the_place_of_the_models() -> None:
    assert spec("cat --model xl").negative_prompt == "blurry"
    assert spec("cat --model xl --negative ugly, grey").negative_prompt == "ugly, grey"
    assert spec("cat").negative_prompt == ""
    assert any("without guidance" in note for note in planned("cat --negative ugly --cfg 1").notes)


@pytest.mark.parametrize(
    ("line", "stylize"),
    [
        ("cat", 100),
        ("cat --s 0", 0),
        ("cat --s 750", 750),
        ("cat --raw", 0),
        ("cat --style raw", 0),
        ("cat --raw --s 200", 100),
        ("cat --model xl", 0),
        ("cat --model xl --s 300", 0),
    ],
)
def test_stylize_is_the_models_house_style(line: str, stylize: int) -> None:
    assert spec(line).stylize == stylize


def test_a_model_without_house_style_says_so() -> None:
    assert any("no house style" in note for note in planned("cat --model xl --s 300").notes)
    assert not planned("cat --model xl").notes


def test_the_rest_goes_through() -> None:
    made = spec(
        "cat --seed 7 --cfg 3.5 --sampler K_HEUN --stop 60 --chaos 5 --weird 6 --exp 8 "
        "--tile --video --style anime"
    )
    assert (made.seed, made.guidance_scale, made.sampler, made.stop, made.chaos) == (7, 3.5, "heun", 60, 5)
    assert (made.weird, made.exp, made.tile, made.film, made.style, made.count) == (
        6,
        8,
        True,
        True,
        "anime",
        4,
    )


def test_without_flags_the_model_decides() -> None:
    made = spec("cat --model xl")
    assert (made.steps, made.guidance_scale, made.sampler, made.seed) == (30, 5, "euler_ancestral", 5)
    assert (made.stop, made.chaos, made.weird, made.exp, made.tile, made.film, made.style) == (
        100,
        0,
        0,
        0,
        False,
        False,
        "",
    )


def test_copies_of_a_seeded_prompt_go_on_with_the_next_seeds() -> None:
    seeds = [
        plan(one, MODELS, LimitsConfig(), 5).spec.seed
        for one in parse("cat --seed 4294967290 --repeat 3").prompts
    ]
    assert seeds == [4294967290, 4294967294, 2]


def test_styles_are_the_presets_the_servers_own_and_nothing_else() -> None:
    for name in STYLE_NAMES:
        assert spec(f"cat --style {name}").style == name
    ours = {"woodcut": "woodcut print, bold black lines"}
    assert spec("cat --style Woodcut", styles=ours).style == "woodcut print, bold black lines"
    assert refused("cat --style orgami").repaired == "cat --style origami"
    made = planned("cat --style 2FBz8yKq91")
    assert made.spec.style == ""
    assert any("tuner" in note for note in made.notes)


def test_loras_are_the_configured_ones_of_the_model() -> None:
    assert spec("cat --lora ink:0.8").loras == (Lora(name="ink", weight=0.8),)
    assert spec("cat <lora:fur:0.5> --model xl").loras == (Lora(name="fur", weight=0.5),)
    assert spec("cat --lora ink:1 --lora ink:0.2").loras == (Lora(name="ink", weight=0.2),)
    assert refused("cat --lora inc:0.8").repaired == "cat --lora ink:0.8"
    assert "`ink`" in str(refused("cat --lora fur"))


def test_the_words_that_call_a_lora_are_named_where_the_prompt_has_none_of_them() -> None:
    taught = LoraConfig(name="pen", source="p", trigger_words=("pen art", "PenCat"))

    def notes(line: str) -> tuple[str, ...]:
        return plan(parse(line).prompt, MODELS, LimitsConfig(), 5, loras=(*LORAS, taught)).notes

    [note] = notes("a dog --lora pen")
    assert "`pen art` or `PenCat`" in note
    for line in ("a pencat --lora pen", "Pen Art of it --lora pen", "a dog --lora pen:0", "a dog --lora ink"):
        assert notes(line) == ()


def test_pictures_nobody_fetched_are_never_ignored() -> None:
    for line in ("https://a.b/x.png a cat", "a cat --sref 12 --sw 50", "a cat --cref https://a.b/x.png"):
        assert refused(line).repaired == "a cat"
    given = Input(sha256="0" * 64, role=Role.PROMPT)
    pictures = {"https://a.b/x.png": "0" * 64}
    assert spec("https://a.b/x.png a cat", pictures=pictures).inputs == (given,)


ANY = {f"https://a.b/{name}.png": name * 64 for name in "abc"} | {"code:12": "d" * 64}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("https://a.b/a.png cat", [("a", "prompt", 1)]),
        ("https://a.b/a.png cat --iw 1.5", [("a", "prompt", 1.5)]),
        ("https://a.b/a.png cat --iw 0", []),
        ("https://a.b/a.png::3 https://a.b/b.png cat", [("a", "prompt", 0.75), ("b", "prompt", 0.25)]),
        ("https://a.b/a.png::0 https://a.b/b.png cat --iw 2", [("b", "prompt", 2)]),
        ("cat --sref https://a.b/a.png", [("a", "style", 1)]),
        ("cat --sref https://a.b/a.png::1 12::3 --sw 400", [("a", "style", 1), ("d", "style", 3)]),
        ("cat --sref https://a.b/a.png --sw 0", []),
        ("cat --cref https://a.b/a.png --cw 40", [("a", "subject", 0.4)]),
        ("cat --cref https://a.b/a.png --cw 0", []),
        ("cat --oref https://a.b/c.png --ow 250", [("c", "subject", 2.5)]),
        (
            "https://a.b/c.png cat --sref 12 --cref https://a.b/b.png",
            [("c", "prompt", 1), ("d", "style", 1), ("b", "subject", 1)],
        ),
    ],
)
def test_what_pictures_weigh(line: str, expected: list[tuple[str, str, float]]) -> None:
    found = [(one.sha256[0], one.role.value, one.weight) for one in spec(line, pictures=ANY).inputs]
    assert found == [(name, role, pytest.approx(weight)) for name, role, weight in expected]


def test_a_weight_of_nothing_is_as_if_it_were_not_there() -> None:
    for flags in ("--sref https://a.b/a.png --sw 0", "--cref https://a.b/a.png --cw 0"):
        assert spec(f"cat {flags}", pictures=ANY) == spec("cat")


def test_pictures_without_words_are_a_blend() -> None:
    made = spec("https://a.b/a.png https://a.b/b.png --ar 2:3", pictures=ANY)
    assert made.kind is Kind.BLEND
    assert made.width < made.height
    assert spec("https://a.b/a.png https://a.b/b.png cat", pictures=ANY).kind is Kind.IMAGINE


def test_references_that_cannot_be() -> None:
    assert "takes a link" in str(refused("cat --cref 12", pictures=ANY))
    many = " ".join(f"https://a.b/{number}.png" for number in range(9))
    assert "8 pictures" in str(refused(f"cat --sref {many}", pictures=ANY))


def test_a_style_by_chance_gets_a_number() -> None:
    prompt = parse("cat --sref random random::2 77").prompt
    numbers = iter((111, 222))
    assert references.settled(prompt, lambda: next(numbers)).get("sref") == ("111", "222::2", "77")
    plain = parse("cat --sref 77").prompt
    assert references.settled(plain, lambda: 5) is plain


def test_a_kept_picture_has_a_name_in_prompts() -> None:
    name = references.kept("0123456789abcdef" + "0" * 48)
    prompt = parse(f"{name}::2 a cat --sref {name}::3 12").prompt
    assert [str(image) for image in prompt.images] == [f"{name}::2"]
    assert prompt.get("sref") == (f"{name}::3", "12")
    assert parse(prompt.to_line()).prompt == prompt
    for prose in ("a picture: a cat", "picture:perfect cat", "a picture:0123456789abcdef0 cat"):
        assert parse(prose).prompt.images == ()
        assert parse(prose).prompt.text == prose


def test_it_is_said_who_chose_what() -> None:
    prompt = parse("cat --ar 3:2", suffix="--steps 9", layers=(("server", "--chaos 3"),)).prompt
    assert plan(prompt, MODELS).sources == {
        "ar": "prompt",
        "steps": "suffix",
        "chaos": "server",
        "model": "model",
        "cfg": "model",
        "sampler": "model",
    }


def test_no_model_at_all_is_a_plain_sentence() -> None:
    with pytest.raises(PromptError, match="No model is set up"):
        plan(parse("cat").prompt, [])


def test_sampler_names_of_three_worlds() -> None:
    stability = (
        "DDIM DDPM K_DPMPP_2M K_DPMPP_2S_ANCESTRAL K_DPM_2 K_DPM_2_ANCESTRAL K_EULER K_EULER_ANCESTRAL "
        "K_HEUN K_LMS"
    )
    assert all(sampler(name) for name in stability.split())
    assert len({sampler(name) for name in stability.split()}) == 10
    assert sampler("Euler a") == "euler_ancestral"
    assert sampler("EulerDiscreteScheduler") == "euler"
    assert sampler("EulerDiscrete") == "euler"


def test_every_sampler_name_is_one_the_renderer_knows() -> None:
    from engine.render.samplers import SAMPLERS as RENDERED
    from engine.render.samplers import canonical

    assert set(SAMPLERS) == set(RENDERED)
    for ours, names in SAMPLERS.items():
        assert all(sampler(name) == ours for name in (ours, *names))
        assert canonical(ours) == ours


def test_every_style_is_one_the_renderer_has_words_for() -> None:
    from engine.render.conditioning.styles import STYLES

    assert set(STYLE_NAMES) == set(STYLES)
