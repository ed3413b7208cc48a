"""Every sentence in every language: none is missing or left over, none lost a field, none is too long."""

from __future__ import annotations

import asyncio
import json
import pickle
import re
from collections.abc import Iterator

import discord
import pytest
from discord import app_commands

from bot.commands import COMMANDS
from bot.language import Translator
from bot.messages import answers, asking, mask_editor, reports, settings
from engine.errors import NotFound, no_model
from engine.prompt.parse import parse
from engine.words import LANGUAGES, Sentence, counted, said, say, speaking
from engine.words.catalogue import FOLDER, LETTERS_ALONE, Entry, read
from tests.catalogue import COMMAND_LIMIT, FIELD, Found, fields, sentences
from tests.unsaid import unsaid

NOT_TRANSLATED = {"de": 0, "es": 0, "fr": 0, "ja": 0, "pt_BR": 0, "zh_CN": 0}
"""Sentences that are said in English in each language. These numbers may only become smaller."""
SENTENCES = sentences()
NAMES = sorted(set(LANGUAGES.values()))
LETTER = re.compile(r"[^\W\d_]")
DIALOG_LIMIT = 45
"""Most characters of a dialog's title and of a label in it (Discord, modal and label components)."""


def catalogue(name: str) -> dict[str, Entry]:
    _, *entries = read((FOLDER / f"{name}.po").read_text(encoding="utf-8"))
    return {entry.key: entry for entry in entries}


def test_the_sentences_are_found() -> None:
    assert len(SENTENCES) > 900
    assert {"Draw pictures from words.", "Cancel", "Makes the picture stranger."} <= set(SENTENCES)


@pytest.mark.parametrize("name", NAMES)
def test_no_sentence_is_missing_and_none_is_left_over(name: str) -> None:
    """``python -m tests.catalogue`` puts new sentences in and takes old ones out."""
    known = catalogue(name)
    assert set(known) == set(SENTENCES)
    missing = [key for key in SENTENCES if not all(known[key].forms.values())]
    assert len(missing) == NOT_TRANSLATED[name], missing[:5]


@pytest.mark.parametrize("name", NAMES)
def test_a_translation_has_the_fields_of_its_sentence(name: str) -> None:
    def names(text: str) -> set[str]:
        return {one.partition(":%")[0] for one in fields(text)}  # a date's parts may stand in another order

    known = catalogue(name)
    texts = [(key, text) for key, entry in known.items() for text in entry.forms.values() if text]
    assert [(key, text) for key, text in texts if names(text) != names(key)] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_plural_has_every_form(name: str) -> None:
    header, *_ = read((FOLDER / f"{name}.po").read_text(encoding="utf-8"))
    forms = int(header.forms[0].partition("nplurals=")[2][0])
    known = catalogue(name)
    plurals = [one for one in SENTENCES.values() if one.many is not None]
    assert plurals
    for one in plurals:
        assert known[one.key].many == one.many
        assert sorted(known[one.key].forms) == list(range(forms))


def limited() -> list[Found]:
    """Return the sentences for which Discord has a limit."""
    shown = (
        *(asking.ZOOM_TITLE, asking.ZOOM_LABEL, asking.REMIX_TITLE, asking.REMIX_LABEL, asking.EDIT_TITLE),
        *(asking.EDIT_LABEL, asking.EDIT_NUMBER, asking.EDIT_MORE, answers.IMAGINE_TITLE),
        *(answers.IMAGINE_LABEL, settings.LABEL, mask_editor.PROMPT_TITLE, mask_editor.PROMPT_LABEL),
        *(mask_editor.SAY_TITLE, mask_editor.SAY_LABEL, mask_editor.BRING_TITLE, mask_editor.BRING_LABEL),
        *(reports.REPORT_TITLE, reports.REPORT_LABEL, reports.APPEAL_TITLE, reports.APPEAL_LABEL),
    )
    dialogs = [Found(text.template, None, "", DIALOG_LIMIT) for text in shown]
    helps = (asking.EDIT_EXAMPLE, asking.EDIT_MORE_HELP, mask_editor.BRING_HELP, reports.REPORT_EXAMPLE)
    dialogs += [Found(text.template, None, "", COMMAND_LIMIT) for text in helps]
    return [*dialogs, *(one for one in SENTENCES.values() if one.limit is not None)]


@pytest.mark.parametrize("name", ["en", *NAMES])
def test_what_discord_limits_fits(name: str) -> None:
    known = {} if name == "en" else catalogue(name)
    long = []
    for one in limited():
        text = (known[one.key].forms[0] if known else "") or one.key
        if one.limit is not None and len(text) > one.limit:
            long.append((len(text), one.limit, text))
    assert not long


async def test_descriptions_are_registered_in_every_language_and_names_in_none() -> None:
    client = discord.Client(intents=discord.Intents.none())
    tree = app_commands.CommandTree(client)
    translator = Translator()
    [imagine] = [command for command in COMMANDS if command.name == "imagine"]
    payload = await imagine.get_translated_payload(tree, translator)
    assert payload["description_localizations"]["de"] == "Zeichne Bilder aus Worten."
    assert payload["description_localizations"]["es-ES"] == "Dibuja imágenes a partir de palabras."
    assert payload["description_localizations"]["es-419"] == payload["description_localizations"]["es-ES"]
    assert not payload.get("name_localizations")
    for option in payload["options"]:
        assert "de" in option["description_localizations"]
        assert not option.get("name_localizations")
    [vary] = [command for command in COMMANDS if command.name == "vary"]
    options = (await vary.get_translated_payload(tree, translator))["options"]
    [strength] = [option for option in options if option["name"] == "strength"]
    assert strength["choices"][0]["value"] == "vary_subtle"
    assert strength["choices"][0]["name_localizations"]["de"].startswith("Leicht")


def test_a_sentence_is_english_as_a_string_and_said_in_the_language_spoken() -> None:
    error = NotFound(no_model("sd9", ["pocket"]))
    with speaking("de"):
        assert str(error) == "There is no model `sd9`. There is `pocket`."
        assert said(error) == "Das Modell `sd9` gibt es nicht. Es gibt `pocket`."
    assert said(error) == str(error)


def test_what_is_nested_is_said_in_the_same_language() -> None:
    outer = Sentence("You may not draw {where}.{why} Its moderators can tell you more.",
                     where=Sentence("in this server"), why="")  # fmt: skip
    with speaking("es-419"):
        assert say(outer) == "No puedes dibujar en este servidor. La moderación puede decirte más."


def test_numbers_take_the_plural_of_their_language() -> None:
    with speaking("de"):
        told = [counted(n, "{n} job", "{n} jobs") for n in (0, 1, 2)]
    assert told == ["0 Aufträge", "1 Auftrag", "2 Aufträge"]
    assert counted(1, "{n} job", "{n} jobs") == "1 job"


@pytest.mark.parametrize("locale", [None, "en-US", "uk", "sv-SE"])
def test_a_language_without_a_catalogue_is_spoken_to_in_english(locale: str | None) -> None:
    with speaking(locale):
        assert say("Cancel") == "Cancel"


def test_what_no_catalogue_has_is_said_in_english() -> None:
    with speaking("de"):
        assert say("No catalogue has {this}.", this="it") == "No catalogue has it."
        assert say("`{a, b}` is no field") == "`{a, b}` is no field"


class Told(str):
    """What stands in a field, whatever format the sentence gives it."""

    def __format__(self, spec: str) -> str:
        return str(self)


def filled(one: Found) -> Iterator[Sentence]:
    """Yield a sentence with something in its fields, of one and of three things where it counts them."""
    names = {name for name, _ in (field.split(":", 1) for field in fields(one.key)) if name != "n"}
    told = {name: Told(f"`{name}`") for name in names if name.isidentifier()}
    if one.many is None:
        yield Sentence(one.key, **told)
    else:
        yield from (Sentence.counted(n, one.key, one.many, **told) for n in (1, 3))


@pytest.mark.parametrize("locale", sorted({name: locale for locale, name in LANGUAGES.items()}.values()))
def test_what_was_kept_as_text_is_said_again(locale: str) -> None:
    """Notes and failures are stored as they read in English, and shown later to whoever looks."""
    known = [
        one
        for one in SENTENCES.values()
        if "}{" not in one.key and len(LETTER.findall(FIELD.sub("", one.key))) >= LETTERS_ALONE
    ]
    assert len(known) > 900
    with speaking(locale):
        other = [(str(made), say(str(made)), made.said()) for one in known for made in filled(one)]
    assert [one for one in other if one[1] != one[2]] == []


def test_notes_are_said_in_the_language_of_whoever_reads_them() -> None:
    parsed = parse("a cat --ar 16/9 --seed -1 --stylize 2000", layers=[("server", "--nosuch 3")])
    kept = json.loads(json.dumps(parsed.notes))
    with speaking("de"):
        assert [say(note) for note in kept] == [note.said() for note in parsed.notes]
        assert "`--ar 16/9` wurde als `--ar 16:9` gelesen." in map(say, kept)
        assert say(kept[0]) == (
            "Die Vorgaben des Servers ließen sich nicht lesen und wurden weggelassen: Den Parameter "
            "`--nosuch` gibt es nicht. Meintest du `--nostretch`?"
        )
    assert [*map(say, kept)] == kept


def test_what_people_typed_is_not_translated() -> None:
    """A field between backticks may happen to be a word that a catalogue has."""
    note = "`--style random` belongs to Midjourney's own models and was left out."
    with speaking("de"):
        assert say(note).startswith("`--style random` gehört")
        assert say("a cat and a dog") == "a cat and a dog"


def test_nothing_that_people_are_told_is_said_in_english_alone() -> None:
    assert unsaid() == []


async def test_a_task_speaks_the_language_it_was_started_in() -> None:
    async def told() -> str:
        await asyncio.sleep(0)
        return say("Cancel")

    with speaking("de"):
        german = asyncio.create_task(told())
    spanish_is_not = asyncio.create_task(told())
    assert await german == "Abbrechen"
    assert await spanish_is_not == "Cancel"


def test_a_sentence_survives_copying() -> None:
    copied = pickle.loads(pickle.dumps(no_model("sd9", ["a", "b"])))
    assert copied == "There is no model `sd9`. There are `a`, `b`."
    with speaking("de"):
        assert say(copied).startswith("Das Modell")


def test_a_po_file_is_read_as_gettext_has_it() -> None:
    text = """
# a note
msgid ""
msgstr ""
"Language: xx\\n"

#: somewhere.py
msgid "one \\"quoted\\"\\n"
"line"
msgstr "eine "
"Zeile"

msgid "{n} job"
msgid_plural "{n} jobs"
msgstr[0] "{n} A"
msgstr[1] "{n} B"

#~ msgid "gone"
#~ msgstr "weg"
"""
    header, line, plural = read(text)
    assert header.forms == {0: "Language: xx\n"}
    assert (line.key, line.forms) == ('one "quoted"\nline', {0: "eine Zeile"})
    assert (plural.many, plural.forms) == ("{n} jobs", {0: "{n} A", 1: "{n} B"})
    with pytest.raises(ValueError, match="line 2"):
        read('msgid "a"\nnonsense')
