"""The one table of flags, for parser, help, documentation and tests. It parses nothing itself.

Long: the one table of flags.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, get_args

from engine.words import Sentence

StyleName = Literal[
    "enhance",
    "anime",
    "photographic",
    "digital-art",
    "comic-book",
    "fantasy-art",
    "line-art",
    "analog-film",
    "neon-punk",
    "isometric",
    "low-poly",
    "origami",
    "modeling-compound",
    "cinematic",
    "3d-model",
    "pixel-art",
    "tile-texture",
]
STYLE_NAMES: tuple[StyleName, ...] = get_args(StyleName)
"""The 17 style presets of the Stability v1 API, by its spelling."""
STYLIZE_DEFAULT = 100
"""``--stylize`` where nobody gave it, for models with a house style."""


class FlagType(StrEnum):
    """What stands behind a flag's name."""

    BARE = "nothing"
    INT = "whole number"
    NUMBER = "number"
    RATIO = "ratio W:H"
    CHOICE = "one of a list"
    WORD = "one word"
    OPTIONAL = "one word, or nothing"
    TEXT = "words up to the next flag"
    REFS = "links or codes"
    LORA = "name or name:weight"


class Action(StrEnum):
    """What becomes of a flag here."""

    HONOURED = "honoured"
    MAPPED = "mapped"
    IGNORED = "ignored with a note"


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag.

    ``name`` is its short Midjourney name, the key everywhere; ``aliases`` are the other spellings; ``group``
    names flags that overrule one another (the later, or the one nearer to the prompt, wins); ``becomes`` is
    the line a mapped flag is read as; ``note`` is the sentence a mapped or ignored flag earns under the
    result; ``option`` is its name as a slash option of ``/imagine``; ``field`` names the number of
    a JobSpec that it sets as it is, 0 being as without it.
    """

    name: str
    kind: FlagType
    meaning: str
    aliases: tuple[str, ...] = ()
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()
    default: str = "–"
    action: Action = Action.HONOURED
    group: str = ""
    becomes: str = ""
    note: str = ""
    repeats: bool = False
    option: str = ""
    example: str = ""
    needs: str = ""  # the partner without which it says nothing
    field: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Return every spelling, the key first."""
        return (self.name, *self.aliases)

    @property
    def range(self) -> str:
        """Return the accepted values in words."""
        match self.kind:
            case FlagType.INT | FlagType.NUMBER:
                return f"{self.low:g}–{self.high:.0f}" if self.high >= 1e6 else f"{self.low:g}–{self.high:g}"
            case FlagType.CHOICE:
                return ", ".join(self.choices)
            case FlagType.RATIO:
                return "`W:H`"
            case _:
                return self.kind.value


def _honoured(name: str, kind: FlagType, meaning: str, *aliases: str, **more: object) -> Flag:
    return Flag(name, kind, meaning, aliases, **more)  # type: ignore[arg-type]


def _side(name: str, meaning: str, example: str, *aliases: str) -> Flag:
    """Return a side of the picture, in pixels."""
    return _honoured(name, FlagType.INT, meaning, *aliases, low=16, high=8192, group="shape", example=example)


def _direct(name: str, meaning: str, high: int, example: str, *aliases: str) -> Flag:
    """Return a strength from 0 on that the spec has under the same name."""
    return _honoured(
        name, FlagType.INT, meaning, *aliases, high=high, default="0", example=example, field=name
    )


def _weight(name: str, reference: str, meaning: str, high: int, example: str) -> Flag:
    """Return how much the pictures of another flag weigh, in hundredths."""
    return _honoured(name, FlagType.INT, meaning, high=high, default="100", needs=reference, example=example)


def _mapped(name: str, kind: FlagType, becomes: str, note: str = "", **more: object) -> Flag:
    return Flag(
        name,
        kind,
        Sentence("Read as `{becomes}`.", becomes=becomes),
        action=Action.MAPPED,
        becomes=becomes,
        note=note or Sentence("`--{name}` is read as `{becomes}`.", name=name, becomes=becomes),
        **more,  # type: ignore[arg-type]
    )


def _ignored(name: str, kind: FlagType, note: str, *aliases: str, **more: object) -> Flag:
    return Flag(name, kind, note, aliases, action=Action.IGNORED, note=note, **more)  # type: ignore[arg-type]


_OLD_UPSCALER = "Midjourney's upscalers of 2022 do not exist here; the U and upscale buttons do that."
_STILL = "Moving pictures are not made here; `--video` films the picture forming."
_OLD_MODEL = "A Midjourney model of 2022; drawn with the usual model."
_LINK = "https://example.com/a.png"

FLAGS: tuple[Flag, ...] = (
    # -- the shape and the model
    _honoured(
        "ar",
        FlagType.RATIO,
        "Width to height: the model's own number of pixels in that shape.",
        "aspect",
        default="1:1",
        group="shape",
        option="aspect",
        example="3:2",
    ),
    _side("width", "Width in pixels, brought to the model's multiple.", "768"),
    _side("height", "Height in pixels, brought to the model's multiple.", "640", "h"),
    _honoured(
        "model",
        FlagType.WORD,
        "A configured model by its name or alias.",
        "m",
        default="the server's",
        group="model",
        option="model",
        example="pocket",
    ),
    _honoured(
        "v",
        FlagType.WORD,
        "The model the host named for that Midjourney version; otherwise the usual one, with a note.",
        "version",
        group="model",
        example="7",
    ),
    _honoured(
        "niji",
        FlagType.OPTIONAL,
        "The model the host named for niji; otherwise the usual one, with a note.",
        group="model",
        example="6",
    ),
    # -- what the picture holds
    _honoured(
        "no",
        FlagType.TEXT,
        "Leaves these things out.",
        repeats=True,
        example="cars, people",
    ),
    _honoured(
        "negative",
        FlagType.TEXT,
        "The negative prompt: replaces the empty text the picture is steered away from.",
        "neg",
        "negative_prompt",
        option="negative",
        example="blurry, low contrast",
    ),
    _honoured(
        "style",
        FlagType.WORD,
        "A style preset: adds its words to the prompt.",
        option="style",
        example="pixel-art",
    ),
    _honoured("raw", FlagType.BARE, "No house style; next to `--stylize`, half of it.", default="off"),
    _honoured(
        "stylize",
        FlagType.INT,
        "How strongly the model's house style is applied; 0 is none.",
        "s",
        "stylise",
        high=1000,
        default="100",
        example="250",
    ),
    _direct("weird", "Makes the picture stranger.", 3000, "500", "w"),
    _direct("chaos", "How far the pictures of one grid lie apart.", 100, "50", "c"),
    _direct("exp", "Pushes contrast and detail.", 100, "25"),
    _honoured(
        "tile",
        FlagType.BARE,
        "A pattern whose edges meet when it is laid like tiles.",
        default="off",
    ),
    _honoured(
        "lora",
        FlagType.LORA,
        "A configured LoRA at a weight (1 as trained, 0 as if absent).",
        repeats=True,
        example="ink:0.8",
        option="lora",
    ),
    # -- how it is drawn
    _honoured(
        "seed",
        FlagType.INT,
        "The start noise: the same seed and words give the same pictures.",
        high=2**32 - 1,
        default="random",
        option="seed",
        example="7",
    ),
    _honoured(
        "quality",
        FlagType.NUMBER,
        "Share of the model's steps, and of the cost.",
        "q",
        low=0.25,
        high=5,
        default="1",
        group="effort",
        example="0.5",
    ),
    _honoured(
        "draft",
        FlagType.BARE,
        "Few steps: the model's few-step weights where the host has them, else half the steps.",
        default="off",
        group="effort",
    ),
    _honoured(
        "stop",
        FlagType.INT,
        "Stops at that per cent of the steps and shows the picture as guessed there.",
        low=10,
        high=100,
        default="100",
        example="60",
    ),
    _honoured(
        "steps",
        FlagType.INT,
        "Denoising steps.",
        low=1,
        high=500,
        default="the model's",
        group="effort",
        example="30",
    ),
    _honoured(
        "cfg",
        FlagType.NUMBER,
        "Guidance: how closely the words are followed; 1 is none.",
        "cfg_scale",
        "guidance",
        "scale",
        high=35,
        default="the model's",
        example="7",
    ),
    _honoured(
        "sampler",
        FlagType.WORD,
        "The noise schedule's solver, by its Stability, AUTOMATIC1111 or diffusers name.",
        "scheduler",
        default="the model's",
        example="euler",
    ),
    _honoured("video", FlagType.OPTIONAL, "Also a short film of the picture forming.", default="off"),
    # -- how many, how soon
    _honoured(
        "repeat",
        FlagType.INT,
        "The same prompt that many times, each with the next seeds.",
        "r",
        low=1,
        high=40,
        default="1",
        example="3",
    ),
    _honoured("fast", FlagType.BARE, "The usual place in the queue.", group="speed"),
    _honoured("relax", FlagType.BARE, "Lets others go first.", "relaxed", group="speed"),
    _honoured(
        "turbo",
        FlagType.BARE,
        "Ahead of the others, at twice the price; in few steps, as `--draft`.",
        group="speed",
    ),
    # -- mapped to the nearest meaning
    _mapped(
        "sameseed",
        FlagType.INT,
        "--seed {value}",
        "`--sameseed` is read as `--seed`; the four pictures still differ.",
        high=2**32 - 1,
        example="7",
    ),
    _mapped("hq", FlagType.BARE, "--quality 2"),
    _mapped("testp", FlagType.BARE, "--style photographic"),
    _mapped(
        "wallpaper",
        FlagType.BARE,
        "--ar 15:8",
        "`--wallpaper` is read as `--ar 15:8`, the shape of 1920 × 1024.",
        group="shape",
    ),
    *(_mapped(name, FlagType.BARE, "--ar 3:2", group="shape") for name in ("sl", "ml", "ll")),
    *(_mapped(name, FlagType.BARE, "--ar 2:3", group="shape") for name in ("sp", "mp", "lp")),
    # -- pictures to go by
    _honoured(
        "iw",
        FlagType.NUMBER,
        "How much the pictures in the prompt weigh against its words.",
        high=3,
        default="1",
        example="1.5",
    ),
    _honoured(
        "sref",
        FlagType.REFS,
        "Draw in the style of these pictures, or in the style with this number; `random` picks one.",
        repeats=True,
        example=_LINK,
    ),
    _weight("sw", "sref", "How much `--sref` weighs; 0 is as if it were not there.", 1000, "200"),
    _honoured(
        "cref",
        FlagType.REFS,
        "Keeps the character that these pictures show.",
        repeats=True,
        example=_LINK,
    ),
    _weight("cw", "cref", "How much `--cref` weighs.", 100, "50"),
    _honoured("oref", FlagType.REFS, "Draw the thing that this picture shows.", example=_LINK),
    _weight("ow", "oref", "How much `--oref` weighs.", 1000, "200"),
    _honoured(
        "profile",
        FlagType.OPTIONAL,
        "Draw in the colours of the pictures you marked with ❤️.",
        "p",
        "personalize",
    ),
    # -- told apart, said, and left out
    _ignored(
        "sv",
        FlagType.INT,
        "A choice of Midjourney's style engine; there is only one here.",
        low=1,
        high=8,
        needs="sref",
        example="6",
    ),
    _ignored(
        "hd",
        FlagType.BARE,
        "Pictures have the model's own size; the upscale buttons make them larger.",
        group="resolution",
    ),
    _ignored("sd", FlagType.BARE, "Pictures already have the model's own size.", group="resolution"),
    _ignored(
        "stealth",
        FlagType.BARE,
        "Who sees a picture is decided by the channel: use a private channel or a direct message.",
        "private",
        group="visibility",
    ),
    _ignored(
        "public",
        FlagType.BARE,
        "Who sees a picture is decided by the channel it is drawn in.",
        group="visibility",
    ),
    _ignored("motion", FlagType.CHOICE, _STILL, choices=("low", "high"), example="low"),
    _ignored("loop", FlagType.BARE, "Moving pictures are not made here; the film of `--video` loops anyway."),
    _ignored("end", FlagType.REFS, _STILL, example=_LINK),
    _ignored("bs", FlagType.CHOICE, _STILL, choices=("1", "2", "4"), example="2"),
    _ignored(
        "zoom",
        FlagType.NUMBER,
        "`--zoom` belongs into the Custom Zoom dialog, not into a prompt.",
        low=1,
        high=2,
        default="2",
        example="1.5",
    ),
    _ignored(
        "edit", FlagType.REFS, "Midjourney's edit model does not exist here.", repeats=True, example=_LINK
    ),
    _ignored("test", FlagType.BARE, _OLD_MODEL),
    _ignored("beta", FlagType.BARE, _OLD_MODEL),
    _ignored("old", FlagType.BARE, _OLD_MODEL),
    _ignored("vibe", FlagType.BARE, _OLD_MODEL),
    _ignored(
        "creative",
        FlagType.BARE,
        "A setting of a Midjourney model of 2022; `--chaos` gives variety here.",
    ),
    _ignored("uplight", FlagType.BARE, _OLD_UPSCALER),
    _ignored("upbeta", FlagType.BARE, _OLD_UPSCALER),
    _ignored("upanime", FlagType.BARE, _OLD_UPSCALER),
    _ignored("newclip", FlagType.BARE, "An experiment of Midjourney's in 2022."),
    _ignored("nostretch", FlagType.BARE, "An experiment of Midjourney's in 2022."),
)
"""Every flag, in the order in which prompts are printed."""

DIRECT: tuple[Flag, ...] = tuple(flag for flag in FLAGS if flag.field)
"""The flags whose number goes into the spec as it is, is told as it is, and may be settled."""

BY_NAME: dict[str, Flag] = {spelling: flag for flag in FLAGS for spelling in flag.names}
"""Every spelling, to its flag."""

ORDER: dict[str, int] = {flag.name: index for index, flag in enumerate(FLAGS)}
"""Where each flag stands in the table."""

OTHER_STYLES = frozenset({"4a", "4b", "4c", "cute", "expressive", "original", "scenic", "random"})
"""Midjourney's own ``--style`` names; its tuner codes have digits or capitals in them."""


def table() -> str:
    """Return the flags as the Markdown table of ``docs/prompting.md``."""
    rows = ["| flag | also | value | default | here | what it does |", "|---|---|---|---|---|---|"]
    for flag in FLAGS:
        also = " ".join(f"`--{alias}`" for alias in flag.aliases)
        value = "" if flag.kind is FlagType.BARE else flag.range
        meaning = flag.meaning.replace("|", "\\|")
        rows.append(
            f"| `--{flag.name}` | {also} | {value} | {flag.default} | {flag.action.value} | {meaning} |"
        )
    return "\n".join(rows)
