"""What Discord answers when it says no: status, code and words; refuses to know who asked.

Codes and messages are those of Discord's "Opcodes and Status Codes" page.
"""

from __future__ import annotations

from typing import Any

MESSAGES: dict[int, tuple[int, str]] = {
    0: (401, "401: Unauthorized"),
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10008: (404, "Unknown Message"),
    10013: (404, "Unknown User"),
    10014: (404, "Unknown Emoji"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    20028: (429, "The write action you are performing on the channel has hit the write rate limit."),
    30034: (400, "You've reached the maximum number of application command creates (200)"),
    30046: (429, "Maximum number of edits to messages older than 1 hour reached. Try again later."),
    40005: (413, "Request entity too large"),
    40060: (400, "Interaction has already been acknowledged."),
    40094: (400, "The maximum number of follow-up messages for this interaction has been reached."),
    50001: (403, "Missing Access"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50013: (403, "Missing Permissions"),
    50027: (401, "Invalid Webhook Token"),
    50035: (400, "Invalid Form Body"),
    50109: (400, "The request body contains invalid JSON."),
    160004: (400, "A thread has already been created for this message"),
}


class DiscordError(Exception):
    """A request that Discord would refuse. ``errors``: flat ``{"a.0.b": (code, words)}`` for 50035."""

    def __init__(self, code: int, errors: dict[str, tuple[str, str]] | None = None) -> None:
        self.status, self.message = MESSAGES[code]
        self.code = code
        self.errors = errors or {}
        super().__init__(f"{self.status} {self.code} {self.message} {self.errors or ''}".strip())

    def body(self) -> dict[str, Any]:
        """Return the JSON body Discord sends, form errors nested as it nests them."""
        out: dict[str, Any] = {"message": self.message, "code": self.code}
        for path, (code, words) in self.errors.items():
            node = out.setdefault("errors", {})
            for part in path.split("."):
                node = node.setdefault(part, {})
            node.setdefault("_errors", []).append({"code": code, "message": words})
        return out


class NotBuilt(Exception):
    """A request for a part of Discord that the stand-in does not have: answered 501, never invented."""
