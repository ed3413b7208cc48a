"""The bot's token, as it was copied: what came along is taken off, and it is never shown."""

from __future__ import annotations

import codecs
import os
import re
import stat
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from engine.errors import ConfigError

# the application's id, a time, and a signature, each in base64 (docs.discord.com, Authentication)
_FORM = re.compile(r"[\w-]{17,}\.[\w-]{4,}\.[\w-]{20,}", re.ASCII)
_ASSIGNMENT = re.compile(r"^(export\s+)?\w+\s*=\s*")
_SCHEME = re.compile(r"^bot\s+", re.IGNORECASE)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_QUOTES = " \t\"'`“”‘’"


def read(token_file: str, environ: Mapping[str, str]) -> SecretStr:
    """Return the bot's token from ``LIMNER_TOKEN``, else from its file. Raises ConfigError.

    A token file that other accounts of the machine can read is refused, as ssh refuses such keys.
    """
    if (text := environ.get("LIMNER_TOKEN", "")).strip():
        return SecretStr(_unwrapped(text, "The environment variable `LIMNER_TOKEN`"))
    if not token_file:
        raise ConfigError(
            "There is no bot token. Put it in the environment variable `LIMNER_TOKEN`, or in a file named by "
            "`token_file` under `[discord]` (docs/hosting.md shows where to get one)."
        )
    file = Path(token_file)
    try:
        mode = file.stat().st_mode
        if stat.S_ISDIR(mode):
            raise ConfigError(f"The token file `{file}` is a folder. Name the file that holds the token.")
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(
                f"Other accounts can read the token file `{file}`. Close it with: chmod 600 {file}"
            )
        data = file.read_bytes()
        # PowerShell and old editors write UTF-16, with its mark in front
        text = data.decode("utf-16" if data[:2] in _UTF16 else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigError(f"The token file `{file}` cannot be read: {reason}.") from None
    if not text.strip():
        raise ConfigError(f"The token file `{file}` is empty. Put the bot token in it, alone on one line.")
    return SecretStr(_unwrapped(text, f"The token file `{file}`"))


def _unwrapped(text: str, where: str) -> str:
    """Return a token without what came along when it was copied. Raises ConfigError, and never shows it.

    Left out are invisible characters, quotes around it, ``Bot `` and ``NAME=`` before it.
    """
    value = "".join(letter for letter in text if unicodedata.category(letter) != "Cf").strip()
    value = _ASSIGNMENT.sub("", value)
    value = _SCHEME.sub("", value.strip(_QUOTES)).strip(_QUOTES)
    if len(value.split()) != 1 or not value.isascii() or not value.isprintable():
        raise ConfigError(
            f"{where} holds something else than one token, which is a word of letters, digits, dots, dashes "
            "and underscores. Copy it anew from the application's Bot page, alone on one line."
        )
    return value


def formed(token: str) -> bool:
    """Tell whether a text has the form of Discord's bot tokens: three parts with dots between them."""
    return _FORM.fullmatch(token) is not None
