"""Who may do what where: the whole matrix, as tables written by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands import COMMANDS
from engine.jobs import Speed
from engine.planning.edits import EDITS
from engine.rules.people import Requester
from engine.rules.permissions import ADMIN, ALWAYS, PermissionCheck, answers, content, refusal, standing
from engine.rules.rules import Allowance, Ban, Content, Rule, Rules

GUILD, ARTIST, GUEST = "100", "501", "502"
NOW = 1_000_000.0

# what an admin set up: `gallery` is closed but for one thread in it, and so is a category
RULES = Rules.of(
    [
        Rule("channel", "12", value="no"),
        Rule("channel", "1299", value="yes 12"),
        Rule("channel", "90", value="no"),
        Rule("command", "vary", ARTIST),
        Rule("model", "big", ARTIST),
        Rule("speed", "turbo", ARTIST),
        Rule("pixels", GUEST, value=str(512 * 512)),
        Rule("off", "broken"),
    ],
    [
        Ban("m:banned", "22", "spam", "1", NOW - 10),
        Ban("m:timed out", "23", "", "1", NOW - 10, NOW + 7200),
        Ban("m:forgiven", "24", "", "1", NOW - 10, NOW - 1),
        Ban("m:manager", "1", "", "1", NOW - 10),
        Ban("m:host", "9", "", "1", NOW - 10),
    ],
)
EVERYWHERE = Rules.of([], [Ban("m:outcast", "25", "", "9", NOW - 10), Ban("m:host", "9", "", "9", NOW - 10)])

# person: (roles, manages the server, owns the bot)
PEOPLE: dict[str, tuple[tuple[str, ...], bool, bool]] = {
    "host": ((GUILD,), True, True),
    "manager": ((GUILD,), True, False),
    "artist": ((GUILD, ARTIST), False, False),
    "member": ((GUILD,), False, False),
    "guest": ((GUILD, GUEST), False, False),
    "banned": ((GUILD, ARTIST), False, False),
    "timed out": ((GUILD,), False, False),
    "forgiven": ((GUILD,), False, False),
    "outcast": ((GUILD, ARTIST), False, False),
}
# place: (server, channel, what it lies in)
PLACES: dict[str, tuple[str | None, str, tuple[str, ...]]] = {
    "general": (GUILD, "11", ()),
    "thread of general": (GUILD, "1101", ("11",)),
    "gallery": (GUILD, "12", ()),
    "thread of gallery": (GUILD, "1201", ("12",)),
    "open thread of gallery": (GUILD, "1299", ("12",)),
    "in a closed category": (GUILD, "13", ("90",)),
    "direct messages": (None, "77", ()),
    "another server": ("200", "21", ()),
}

# rows: people in the order above; columns: places in the order above. + may, - may not
TABLES = {
    "always": """
        host       + + + + + + + +
        manager    + + + + + + + +
        artist     + + + + + + + +
        member     + + + + + + + +
        guest      + + + + + + + +
        banned     + + + + + + + +
        timed out  + + + + + + + +
        forgiven   + + + + + + + +
        outcast    + + + + + + + +
    """,
    "free": """
        host       + + - - + - + +
        manager    + + - - + - + +
        artist     + + - - + - + +
        member     + + - - + - + +
        guest      + + - - + - + +
        banned     - - - - - - + +
        timed out  - - - - - - + +
        forgiven   + + - - + - + +
        outcast    - - - - - - - -
    """,
    "kept for artists": """
        host       + + - - + - + +
        manager    + + - - + - + +
        artist     + + - - + - + +
        member     - - - - - - + +
        guest      - - - - - - + +
        banned     - - - - - - + +
        timed out  - - - - - - + +
        forgiven   - - - - - - + +
        outcast    - - - - - - - -
    """,
    "large": """
        host       + + - - + - + +
        manager    + + - - + - + +
        artist     + + - - + - + +
        member     + + - - + - + +
        guest      - - - - - - + +
        banned     - - - - - - + +
        timed out  - - - - - - + +
        forgiven   + + - - + - + +
        outcast    - - - - - - - -
    """,
    "switched off": """
        host       - - - - - - + +
        manager    - - - - - - + +
        artist     - - - - - - + +
        member     - - - - - - + +
        guest      - - - - - - + +
        banned     - - - - - - + +
        timed out  - - - - - - + +
        forgiven   - - - - - - + +
        outcast    - - - - - - - -
    """,
    "admin": """
        host       + + + + + + + +
        manager    + + + + + + - -
        artist     - - - - - - - -
        member     - - - - - - - -
        guest      - - - - - - - -
        banned     - - - - - - - -
        timed out  - - - - - - - -
        forgiven   - - - - - - - -
        outcast    - - - - - - - -
    """,
}


def requester(person: str, place: str) -> Requester:
    roles, manager, host = PEOPLE[person]
    guild, channel, parents = PLACES[place]
    at_home = guild == GUILD
    return Requester(
        owner=person,
        guild=guild,
        channel=channel,
        parents=parents,
        roles=roles if at_home else (() if guild is None else (guild,)),
        manager=host or (manager and at_home),
        host=host,
    )


def allowed(deed: PermissionCheck) -> dict[tuple[str, str], bool]:
    """Return who may do this where."""
    return {
        (person, place): refusal(
            RULES if PLACES[place][0] == GUILD else Rules(),
            EVERYWHERE,
            requester(person, place),
            deed,
            mark=f"m:{person}",
            now=NOW,
        )
        is None
        for person in PEOPLE
        for place in PLACES
    }


def expected(table: str) -> dict[tuple[str, str], bool]:
    rows = [line.strip() for line in TABLES[table].strip().splitlines()]
    cells = {}
    for row, person in zip(rows, PEOPLE, strict=True):
        assert row.startswith(person)
        signs = row.removeprefix(person).split()
        cells |= {(person, place): sign == "+" for place, sign in zip(PLACES, signs, strict=True)}
    return cells


def table_of(command: str) -> str:
    if command == ADMIN:
        return "admin"
    if command in ALWAYS:
        return "always"
    return "kept for artists" if command == "vary" else "free"


def deeds() -> list[tuple[str, PermissionCheck]]:
    """Return every command and button, and drawing with every model, speed and size, with its table."""
    commands = {command.name for command in COMMANDS} | {ADMIN, "show", "vary", "upscale", "inpaint"}
    found = [(table_of(name), PermissionCheck(name)) for name in sorted(commands)]
    for edit in EDITS.values():
        kind = "kept for artists" if edit.name.startswith("vary") else "free"
        found.append((kind, PermissionCheck(edit.command, "small", Speed.FAST, 512 * 512)))
    for command in ("imagine", "blend", "describe"):
        for speed in (Speed.RELAX, Speed.FAST):
            found.append(("free", PermissionCheck(command, "small", speed, 512 * 512)))
            found.append(("large", PermissionCheck(command, "small", speed, 512 * 512 + 1)))
            found.append(("switched off", PermissionCheck(command, "broken", speed, 64 * 64)))
        found.append(("kept for artists", PermissionCheck(command, "small", Speed.TURBO, 64 * 64)))
        found.append(("kept for artists", PermissionCheck(command, "big", Speed.FAST, 64 * 64)))
    return found


def test_the_whole_matrix() -> None:
    wrong, cells = [], 0
    for table, deed in deeds():
        wanted = expected(table)
        cells += len(wanted)
        wrong += [(deed, *cell) for cell, may in allowed(deed).items() if may != wanted[cell]]
    assert not wrong
    assert cells >= 2000
    assert {table for table, _ in deeds()} == set(TABLES), "a table that nothing is held against"


def test_nothing_configured_means_everybody_everywhere() -> None:
    nobody = Rules()
    for table, deed in deeds():
        for person in PEOPLE:
            for place in PLACES:
                who = requester(person, place)
                may = refusal(nobody, nobody, who, deed, mark="m", now=NOW) is None
                assert may == (table != "admin" or who.host or (who.manager and who.guild is not None))


def test_named_places_are_then_the_only_ones() -> None:
    rules = Rules.of([Rule("channel", "11", value="yes"), Rule("channel", "90", value="yes")])
    places = [place for place in PLACES if answers(rules, requester("member", place))]
    assert places == ["general", "thread of general", "in a closed category"]
    said = refusal(rules, Rules(), requester("member", "gallery"), PermissionCheck("imagine"))
    assert said == "I do not draw in this channel. Try <#11> / <#90>."
    # nobody is sent where they see nothing
    for hidden, instead in ((("11",), "<#90>"), (("11", "90"), "another channel")):
        who = replace(requester("member", "gallery"), hidden=hidden)
        said = refusal(rules, Rules(), who, PermissionCheck("imagine"))
        assert said == f"I do not draw in this channel. Try {instead}."


@pytest.mark.parametrize(
    ("person", "place", "deed", "said"),
    [
        ("member", "general", PermissionCheck("admin"), "`/admin` is for those who manage this server"),
        (
            "member",
            "general",
            PermissionCheck("vary"),
            "`/vary` is for people with the role <@&501> in this server.",
        ),
        (
            "member",
            "general",
            PermissionCheck("imagine", "big", Speed.FAST, 1),
            "The model `big` is for people with",
        ),
        (
            "member",
            "general",
            PermissionCheck("imagine", "a", Speed.TURBO, 1),
            "The speed `turbo` is for people with",
        ),
        (
            "guest",
            "general",
            PermissionCheck("imagine", "a", Speed.FAST, 1 << 20),
            "draw up to 512 × 512 pixels",
        ),
        ("banned", "general", PermissionCheck("imagine"), "You may not draw in this server. Reason: spam"),
        (
            "timed out",
            "general",
            PermissionCheck("imagine"),
            "You may not draw in this server for about 2 hours more.",
        ),
        ("outcast", "direct messages", PermissionCheck("imagine"), "You may not draw here."),
        (
            "host",
            "general",
            PermissionCheck("imagine", "broken", Speed.FAST, 1),
            "`broken` is switched off here.",
        ),
    ],
)
def test_a_refusal_says_why(person: str, place: str, deed: PermissionCheck, said: str) -> None:
    here = RULES if PLACES[place][0] == GUILD else Rules()
    text = refusal(here, EVERYWHERE, requester(person, place), deed, mark=f"m:{person}", now=NOW)
    assert text is not None
    assert said in text


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_server_that_drains_takes_nothing_new_and_goes_on_answering(everywhere: bool) -> None:
    draining = Rules.of([Rule("state", value="draining")])
    here, all_ = (Rules(), draining) if everywhere else (draining, Rules())
    who = requester("manager", "general")
    assert refusal(here, all_, who, PermissionCheck("imagine", "a", Speed.FAST, 1)) is not None
    assert refusal(here, all_, who, PermissionCheck("show")) is None


def test_of_several_roles_the_most_generous_counts() -> None:
    rules = Rules.of(
        [
            Rule("weight", GUILD, value="0.5"),
            Rule("weight", ARTIST, value="2"),
            Rule("weight", "", value="3"),
            Rule("allowance", GUEST, value="600 day"),
            Rule("allowance", ARTIST, value="15000 month"),
            Rule("allowance", "", value="90000 month"),
            Rule("pixels", GUILD, value="100"),
            Rule("pixels", ARTIST, value="900"),
        ]
    )
    both = Requester("1", GUILD, roles=(GUILD, GUEST, ARTIST))
    assert standing(rules, both).weight == 2 * 3
    # 600 a day is more than 15,000 a month (500 a day)
    assert standing(rules, both).allowance == Allowance(600, "day")
    assert standing(rules, both).pixels == 900
    assert standing(rules, both).server == Allowance(90000, "month")
    plain = Requester("1", GUILD, roles=(GUILD,))
    assert (standing(rules, plain).weight, standing(rules, plain).pixels) == (0.5 * 3, 100)
    assert standing(rules, plain).allowance is None


@pytest.mark.parametrize(
    ("channel", "restricted", "level"),
    [("11", False, "strict"), ("11", True, "strict"), ("12", False, "strict"), ("12", True, "restricted")],
)
def test_adult_content_needs_the_channels_own_restriction_too(
    channel: str, restricted: bool, level: str
) -> None:
    rules = Rules.of([Rule("content", "12", value="restricted spoiler")])
    who = Requester("1", GUILD, channel, roles=(GUILD,), age_restricted=restricted)
    assert content(rules, who) == Content(level, "spoiler" if channel == "12" else "refuse")  # type: ignore[arg-type]


def test_a_threads_content_is_its_channels() -> None:
    rules = Rules.of(
        [Rule("content", "", value="restricted refuse"), Rule("content", "12", value="strict refuse")]
    )
    inside = Requester("1", GUILD, "1201", ("12",), age_restricted=True)
    beside = Requester("1", GUILD, "1101", ("11",), age_restricted=True)
    assert content(rules, inside).level == "strict"
    assert content(rules, beside).level == "restricted"
