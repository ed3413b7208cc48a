"""Wire formats: what a ``custom_id`` says, for ever, and what an ``origin`` names; knows no discord.py.

Long: every form that a button can have.

    l1:<verb>:<job>:<cell>[:<delivery>]     a button under a result or a progress message
    l1:<answer>:<key>                       an answer to a question asked before a request starts
    l1m:<verb>:<job>:<cell>:<opening>       a dialog that such a button opened, once
    l1s:<setting>:<value>                   a control of the settings panel, or of the table behind it
    l1sm:<flag>:<opening>                   the dialog for the value of a flag, opened once
    l1r:<deed>:<report>                     a moderator's button under a notice
    l1p:<of>:<id>                           the Appeal button
    l1rm:<of>:<id>:<opening>                the dialog of a report or an appeal, opened once
    l1r:<job>:<cell>                        the list of models for a remaster
    l1n:<job>:<words>:<thing>               that job's line with a thing in the place of its unknown words
    l1d:[<verb>:<job>:<cell>]               draw the line that the message holds (by that button's edit)
    l1h:                                    the list of sections of /help
    l1c:[<opening>]                         change the line in its message, then draw it: button, and dialog
    l1w:                                    accept the host's rules
    l1ws:<line>                             draw this line, a starter
    l1b:<list>:<page>:<search>              a page of a list of results; l1bo: its list of entries to open
    l1b:<list>:<page>:<search>:<job>:<cell> an entry of that page, opened
    l1k:<part>:<key>[:<value>]              a control of a mask in the making
    l1km:<part>:<key>:<opening>             a dialog that such a control opened, once

``l1`` is the version. ``job`` is an id of 10 characters, ``cell`` counts from 0 and may be empty,
``delivery`` is the promise that put the button there: by it a send of unknown outcome is recognised later.
Messages keep their buttons for years, so what is listed here may grow and never change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from engine.planning.edits import EDITS

CUSTOM_ID_LIMIT = 100
"""Most characters of a ``custom_id`` (Discord, component object)."""

Rows = tuple[int | None, int | None]


def number_in(text: str | None) -> int | None:
    """Return the number in a text that may be empty or missing."""
    return int(text) if text else None


class Verb(StrEnum):
    """Every button under a result: its code on the wire, the edit it asks for, and what it looks like.

    ``row``: where it stands under a single picture and under an enlarged one (None: not there), in the order
    of this list. ``command``: under whose rules it stands; None: open to everybody.
    """

    edit: str | None
    label: str | None
    emoji: str | None
    rows: Rows
    factor: float
    command: str | None

    def __new__(
        cls,
        code: str,
        edit: str | None = None,
        label: str | None = None,
        emoji: str | None = None,
        rows: Rows = (None, None),
        factor: float = 2.0,
        command: str | None = None,
    ) -> Verb:
        """Make a row; an edit that is not in the engine's table fails here."""
        verb = str.__new__(cls, code)
        verb._value_ = code
        verb.edit, verb.label, verb.emoji, verb.rows, verb.factor = edit, label, emoji, rows, factor
        verb.command = command if edit is None else EDITS[edit].command
        return verb

    PICTURE = ("u", None, None, None, (None, None), 2.0, "show")  # that cell alone, at full size
    VARY = ("v", "vary")  # variations of that cell, as strong as the person prefers
    SUBTLE = ("vs", "vary_subtle", "Vary (Subtle)", "🪄", (0, 0))
    STRONG = ("vm", "vary_strong", "Vary (Strong)", "🪄", (0, 0))
    REGION = ("vr", "inpaint", "Vary (Region)", "🖌️", (0, 0))
    REROLL = ("r", "reroll", None, "🔄", (0, None))  # the same request with a new seed
    INFO = ("i", None, "Info", "ℹ️", (0, 0))
    UPSCALE_2 = ("s2", "upscale_2x", "Upscale (Subtle)", "🔍", (1, None))
    UPSCALE_CREATIVE = ("sc", "upscale_creative", "Upscale (Creative)", "🔍", (1, None))
    UPSCALE_4 = ("s4", "upscale_4x", "Upscale (4x)", "🔍", (1, None))
    REDO_SUBTLE = ("rs", "upscale_again_subtle", "Redo Upscale (Subtle)", "🔍", (None, 1))  # what it came of
    REDO_CREATIVE = ("rc", "upscale_again_creative", "Redo Upscale (Creative)", "🔍", (None, 1))
    REMASTER = ("rm", "remaster", "Remaster", "🎨", (1, 1))  # again with another model
    EDIT = ("ed", "edit", "Edit", "✏️", (1, 0))
    ZOOM_2 = ("z20", "zoom", "Zoom Out 2x", "🔭", (2, None))
    ZOOM_1_5 = ("z15", "zoom", "Zoom Out 1.5x", "🔭", (2, None), 1.5)
    ZOOM_CUSTOM = ("zc", "zoom", "Custom Zoom", "🔭", (2, None))
    SQUARE = ("sq", "square", "Make Square", "⏹️", (2, None))
    PAN_LEFT = ("pl", "pan_left", None, "⬅️", (3, None))
    PAN_RIGHT = ("pr", "pan_right", None, "➡️", (3, None))
    PAN_UP = ("pu", "pan_up", None, "⬆️", (3, None))
    PAN_DOWN = ("pd", "pan_down", None, "⬇️", (3, None))
    LIKE = ("lk", None, None, "❤️", (3, 1))
    CANCEL = ("x", None, "Cancel")
    CANCEL_ALL = ("xa", None, "Cancel all")  # every job of the request that made this one
    POST = ("po", None, "Post here", "📌", (None, None), 2.0, "show")  # all of a job, or that cell
    FULL = ("fs", None, "Full size", "💾", (None, None), 2.0, "show")  # the file that loses nothing
    # that prompt (of a description, of shorter ones) in a dialog to send; all of them at once
    PROMPT = ("p", None, None, None, (None, None), 2.0, "imagine")
    PROMPTS = ("pa", None, "Draw all", "🎉", (None, None), 2.0, "imagine")


class Answer(StrEnum):
    """An answer to a question."""

    START = "go"
    LEAVE = "no"


_PRESSED = "(?P<verb>" + "|".join(Verb) + "):(?P<job>[0-9a-z]{10}):(?P<cell>[0-9]?)"
PRESS = re.compile(f"l1:{_PRESSED}" + r"(?::(?P<delivery>[0-9]{1,18}))?")
DIALOG = re.compile(f"l1m:{_PRESSED}" + r":(?P<opening>[0-9]{1,20})")
REDO = re.compile(f"l1d:(?:{_PRESSED})?")
SETTING = re.compile(
    r"l1s:(?P<setting>raw|stylize|remix|variation|speed|reset|table|panel):(?P<value>[a-z0-9]{0,20})"
)
MODEL_SETTING = re.compile(r"l1s:model:")
FLAG_SETTING = re.compile(r"l1s:flag:")
SETTING_DIALOG = re.compile(r"l1sm:(?P<flag>[a-z]{1,20}):(?P<opening>[0-9]{1,20})")
MODEL_CHOICE = re.compile(r"l1r:(?P<job>[0-9a-z]{10}):(?P<cell>[0-9]?)")
REPLY = re.compile(r"l1:(?P<answer>go|no):(?P<key>[0-9]{1,20})")


class MaskControl(StrEnum):
    """A control of a mask in the making."""

    SQUARE = "c"  # value: which, from 0
    AREAS = "a"  # a list
    WIDEN = "w"
    SHRINK = "s"
    INVERT = "i"
    FEATHER = "f"
    REREAD = "r"
    GO = "g"
    LEAVE = "x"
    SAY = "t"
    BRING = "b"
    TAP = "q"
    LOOK = "o"


MASK = re.compile(
    r"l1k:(?P<part>" + "|".join(MaskControl) + r"):(?P<key>[0-9a-z]{10})"
    r"(?::(?P<value>[0-9]{1,2}))?"
)
MASK_DIALOG = re.compile(r"l1km:(?P<part>[gtb]):(?P<key>[0-9a-z]{10}):(?P<opening>[0-9]{1,20})")


def redo_id(press: Press | None = None) -> str:
    """Return the ``custom_id`` that draws the line in its message; ``press``: by the edit of that button."""
    return "l1d:" if press is None else f"l1d:{press.what}"


ACCEPT_ID, CHANGE_ID = "l1w:", "l1c:"
CHANGE = re.compile(CHANGE_ID)
CHANGE_DIALOG = re.compile(CHANGE_ID + r"(?P<opening>[0-9]{1,20})")
ACCEPT = re.compile(ACCEPT_ID)
STARTER = re.compile(r"l1ws:(?P<line>.{1,80})")


def starter_id(line: str) -> str:
    """Return the ``custom_id`` that draws a starter."""
    return f"l1ws:{line[:80]}"


HELP_TOPIC = re.compile(r"l1h:")
BROWSE = re.compile(
    r"l1b:(?P<which>history|favorites|gallery):(?P<page>[0-9]{1,6}):(?P<search>[0-9]{0,20})"
    r"(?::(?P<job>[0-9a-z]{10}):(?P<cell>[0-9]?))?"
)
BROWSE_OPEN = re.compile(
    r"l1bo:(?P<which>history|favorites|gallery):(?P<page>[0-9]{1,6}):(?P<search>[0-9]{0,20})"
)


@dataclass(frozen=True, slots=True)
class ListPage:
    """A place in a list of results: its page (from 0), the search it is of, and an entry opened there."""

    which: str
    page: int = 0
    search: str = ""
    job: str | None = None
    cell: int | None = None

    def __str__(self) -> str:
        """Return the ``custom_id``."""
        entry = "" if self.job is None else f":{self.job}:{'' if self.cell is None else self.cell}"
        return f"l1b:{self.which}:{self.page}:{self.search}{entry}"

    @classmethod
    def of(cls, match: re.Match[str]) -> ListPage:
        """Return what a match of ``BROWSE`` or ``BROWSE_OPEN`` says."""
        entry = match.groupdict()
        cell = number_in(entry.get("cell"))
        return cls(match["which"], int(match["page"]), match["search"], entry.get("job"), cell)


NEAR = re.compile(r"l1n:(?P<job>[0-9a-z]{10}):(?P<words>[^\W\d_]+(?: [^\W\d_]+)*):(?P<thing>[^\W\d_][^\n:]*)")


def near_id(job: str, words: str, thing: str) -> str | None:
    """Return the ``custom_id`` that draws ``thing`` in the place of ``words``; None: they are too long."""
    made = f"l1n:{job}:{words}:{thing}"
    return made if len(made) <= CUSTOM_ID_LIMIT and NEAR.fullmatch(made) else None


def mask_id(part: MaskControl, key: str, value: int | None = None) -> str:
    """Return the ``custom_id`` of a control of the mask ``key``."""
    return f"l1k:{part.value}:{key}" + ("" if value is None else f":{value}")


class Decision(StrEnum):
    """What moderators decide about a report or an appeal."""

    BACK = "back"
    GONE = "gone"
    BAN = "ban"
    GRANT = "yes"
    DECLINE = "no"


class Of(StrEnum):
    """What a report or an appeal is about."""

    PICTURE = "m"  # a job's picture, reported
    REFUSAL = "f"  # a refused prompt, by its number in the record
    JOB = "j"  # a job that was blocked
    REPORT = "r"  # a picture that was removed after this report


REPORT = re.compile(r"l1r:(?P<deed>back|gone|ban|yes|no):(?P<report>[0-9]{1,18})")
APPEAL = re.compile(r"l1p:(?P<of>f|j|r):(?P<id>[0-9a-z]{1,18})")
REPORT_DIALOG = re.compile(r"l1rm:(?P<of>m|f|j|r):(?P<id>[0-9a-z]{1,18}):(?P<opening>[0-9]{1,20})")


def appeal_id(of: Of, number: str) -> str:
    """Return the ``custom_id`` of an Appeal button."""
    return f"l1p:{of.value}:{number}"


def setting_dialog(flag: str, opening: int) -> str:
    """Return the ``custom_id`` of the dialog for the value of a flag, opened once."""
    return f"l1sm:{flag}:{opening}"


def report_dialog(of: Of, number: str, opening: int) -> str:
    """Return the ``custom_id`` of the dialog of a report or an appeal, opened once."""
    return f"l1rm:{of.value}:{number}:{opening}"


@dataclass(frozen=True, slots=True)
class Press:
    """What a pressed button says."""

    verb: Verb
    job: str
    cell: int | None = None
    delivery: int | None = None

    def __str__(self) -> str:
        """Return the ``custom_id``."""
        return f"l1:{self.what}" + ("" if self.delivery is None else f":{self.delivery}")

    @property
    def what(self) -> str:
        """What every ``custom_id`` that is about such a press says of it."""
        return f"{self.verb.value}:{self.job}:{'' if self.cell is None else self.cell}"

    @classmethod
    def read(cls, custom_id: str) -> Press | None:
        """Return what ``custom_id`` says, or None where it is not ours."""
        match = PRESS.fullmatch(custom_id)
        return None if match is None else cls.of(match)

    @classmethod
    def of(cls, match: re.Match[str]) -> Press:
        """Return what a match of ``PRESS``, ``DIALOG`` or ``REDO`` says."""
        delivery = number_in(match.groupdict().get("delivery"))
        return cls(Verb(match["verb"]), match["job"], number_in(match["cell"]), delivery)

    def dialog(self, opening: int) -> str:
        """Return the ``custom_id`` of the dialog this button opens; ``opening`` makes it unique.

        Dialogs live in memory by ``custom_id``: with a fixed one, the second person's would be lost.
        """
        return f"l1m:{self.what}:{opening}"


@dataclass(frozen=True, slots=True)
class Channel:
    """A return address: a channel the bot may write in. ``guild`` is None for direct messages."""

    guild: int | None
    channel: int

    def __str__(self) -> str:
        """Return the origin to store."""
        return f"discord:{'@me' if self.guild is None else self.guild}/{self.channel}"


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A return address where only an interaction's token can speak; it lives for 15 minutes."""

    application: int
    token: str

    def __str__(self) -> str:
        """Return the origin to store."""
        return f"token:{self.application}/{self.token}"

    def __repr__(self) -> str:
        """Return the address without its secret."""
        return f"Token({self.application}, …)"


_CHANNEL = re.compile(r"discord:(?P<guild>@me|[0-9]{1,20})/(?P<channel>[0-9]{1,20})")
_TOKEN = re.compile(r"token:(?P<application>[0-9]{1,20})/(?P<token>\S+)")


def address(origin: str) -> Channel | Token | None:
    """Return where ``origin`` points, or None where it is not Discord's."""
    if match := _CHANNEL.fullmatch(origin):
        guild = match["guild"]
        return Channel(None if guild == "@me" else int(guild), int(match["channel"]))
    if match := _TOKEN.fullmatch(origin):
        return Token(int(match["application"]), match["token"])
    return None
