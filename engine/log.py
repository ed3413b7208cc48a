"""How this program logs: one line an event, fields after the words, never a secret; knows no events."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from typing import IO

from pydantic import SecretStr

HIDDEN = "[hidden]"

# each pattern keeps what is before and after the secret, so that a line still says what was called
_PATTERNS = (
    # https://docs.discord.com: /webhooks/{id}/{token} and /interactions/{id}/{token}; ids are snowflakes
    (re.compile(r"(/(?:webhooks|interactions)/\d+/)[^\s/?#\"'<>]+"), r"\1" + HIDDEN),
    # an interaction token is base64 of "interaction:…"
    (re.compile(r"aW50ZXJhY3Rpb2[\w=+-]{12,}"), HIDDEN),
    # a bot token: base64 of the bot's id, a time, a signature
    (re.compile(r"\b[MNO][\w-]{22,27}\.[\w-]{5,7}\.[\w-]{27,}"), HIDDEN),
    # Discord's own headers and any other bearer
    (re.compile(r"(?i)(\b(?:bearer|bot)\s+)(?=[\w.~+/=-]*[\d._-])[\w.~+/=-]{16,}"), r"\1" + HIDDEN),
    (re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:\w+\s+)?)[\w.~+/=-]{8,}"), r"\1" + HIDDEN),
    # {"token": "…"} as the gateway's IDENTIFY carries it
    (re.compile(r"(['\"](?:token|resume_token|access_token)['\"]\s*:\s*['\"])[^'\"]+"), r"\1" + HIDDEN),
    # a key of the HTTP API (engine.rules.keys)
    (re.compile(r"\blimner_[0-9A-Za-z]{12,}"), HIDDEN),
    # a hub token
    (re.compile(r"\bhf_[A-Za-z0-9]{16,}"), HIDDEN),
)

_secrets: set[str] = set()

# what every record has: the rest came through extra= and is shown as fields
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def hide(secret: SecretStr | str) -> None:
    """Keep this very text out of every line from now on, wherever it appears."""
    text = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
    if len(text) >= 8:  # shorter ones would blot out ordinary words
        _secrets.add(text)


def redact(text: str) -> str:
    """Return the text without tokens: those named to `hide`, and what looks like one."""
    for secret in _secrets:
        text = text.replace(secret, HIDDEN)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class Formatter(logging.Formatter):
    """A line a record, in UTC. The finished line is redacted, so traceback and arguments are too."""

    converter = staticmethod(time.gmtime)

    def __init__(self, style: str = "text") -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%S")
        self.json = style == "json"

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one redacted line (and its traceback below it, in text)."""
        fields = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        when = f"{self.formatTime(record, self.datefmt)}.{int(record.msecs):03d}Z"
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        if self.json:
            line = {"time": when, "level": record.levelname, "logger": record.name}
            line["message"] = record.getMessage()
            if trace:
                line["traceback"] = trace
            return redact(json.dumps(line | {key: str(value) for key, value in fields.items()}))
        shown = "".join(f" {key}={value}" for key, value in fields.items())
        # one line an event, whatever a person typed into it
        words = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        text = f"{when} {record.levelname:<7} {record.name}: {words}{shown}"
        return redact(f"{text}\n{trace}" if trace else text)


def setup(level: str = "INFO", style: str = "text", stream: IO[str] | None = None) -> None:
    """Send every log line of this process to stderr through `Formatter`, replacing what was set up before."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Formatter(style))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # these say more at INFO than the host asked to know
    for name in ("httpx", "httpcore", "urllib3", "PIL", "asyncio", "filelock", "uvicorn"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    logging.captureWarnings(True)
