"""Discord's rate limits: buckets per route and major parameter, the global 50 a second; pure, told the time.

The numbers are those long seen in the headers (5 messages or edits in 5 s a channel, 5 webhook calls in 2 s a
token); Discord documents only that clients must obey the headers.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field

GLOBAL_LIMIT, GLOBAL_WINDOW = 50, 1.0
OLD_MESSAGE, OLD_EDITS, OLD_WINDOW = 3600.0, 3, 6.0  # 30046: edits to messages older than an hour

BUCKETS: dict[str, tuple[int, float]] = {
    "POST /channels/{channel}/messages": (5, 5.0),
    "PATCH /channels/{channel}/messages/{message}": (5, 5.0),
    "DELETE /channels/{channel}/messages/{message}": (5, 1.0),
    "GET /channels/{channel}/messages": (5, 5.0),
    "PUT /channels/{channel}/messages/{message}/reactions/{emoji}/@me": (1, 0.25),
    "DELETE /channels/{channel}/messages/{message}/reactions/{emoji}/@me": (1, 0.25),
    "POST /channels/{channel}/typing": (5, 5.0),
    "POST /webhooks/{application}/{token}": (5, 2.0),
    "PATCH /webhooks/{application}/{token}/messages/{message}": (5, 2.0),
    "DELETE /webhooks/{application}/{token}/messages/{message}": (5, 2.0),
    "GET /webhooks/{application}/{token}/messages/{message}": (5, 2.0),
}
DEFAULT = (50, 1.0)


@dataclass(slots=True)
class _Window:
    ends: float = 0.0
    used: int = 0


@dataclass(slots=True)
class Verdict:
    """Whether a request may pass, and the headers that say how many more may."""

    headers: dict[str, str] = field(default_factory=dict)
    retry_after: float | None = None  # seconds; set when refused
    is_global: bool = False


class Limits:
    """The windows in use. ``enabled=False`` lets everything pass and sends no headers."""

    def __init__(self, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._windows: dict[str, _Window] = {}
        self._global = _Window()

    def take(self, route: str, major: str, now: float, *, interaction: bool = False) -> Verdict:
        """Count one request on ``route`` (``"POST /channels/{channel}/messages"``) at ``now`` (seconds)."""
        if not self.enabled:
            return Verdict()
        if not interaction:
            if now >= self._global.ends:
                self._global = _Window(now + GLOBAL_WINDOW)
            self._global.used += 1
            if self._global.used > GLOBAL_LIMIT:
                return Verdict(retry_after=max(self._global.ends - now, 0.001), is_global=True)
        if route.endswith("/callback"):
            return Verdict()
        limit, period = BUCKETS.get(route, DEFAULT)
        window = self._window(f"{route} {major}", period, now)
        window.used += 1
        left = max(window.ends - now, 0.001)
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(limit - window.used, 0)),
            "X-RateLimit-Reset": f"{window.ends:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
            "X-RateLimit-Bucket": hashlib.md5(route.encode(), usedforsecurity=False).hexdigest(),
        }
        if window.used > limit:
            return Verdict(headers, retry_after=math.ceil(left * 1000) / 1000)
        return Verdict(headers)

    def old_edit(self, channel: str, now: float) -> float | None:
        """Count an edit of a message older than an hour; returns seconds to wait, None when it may pass."""
        if not self.enabled:
            return None
        window = self._window(f"old {channel}", OLD_WINDOW, now)
        window.used += 1
        return None if window.used <= OLD_EDITS else max(window.ends - now, 0.001)

    def _window(self, key: str, period: float, now: float) -> _Window:
        window = self._windows.get(key)
        if window is None or now >= window.ends:
            if len(self._windows) > 5000:
                self._windows = {name: kept for name, kept in self._windows.items() if kept.ends > now}
            window = self._windows[key] = _Window(now + period)
        return window
