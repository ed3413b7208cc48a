"""The buckets, by the numbers Discord's headers have long shown."""

from __future__ import annotations

import pytest

from bot.demo.limits import Limits

ROUTE = "POST /channels/{channel}/messages"


def test_five_messages_in_five_seconds_a_channel() -> None:
    limits = Limits()
    left = [limits.take(ROUTE, "1", 100.0).headers["X-RateLimit-Remaining"] for _ in range(5)]
    assert left == ["4", "3", "2", "1", "0"]
    refused = limits.take(ROUTE, "1", 102.0)
    assert refused.retry_after == pytest.approx(3.0)
    assert limits.take(ROUTE, "2", 102.0).retry_after is None  # another channel has its own
    assert limits.take(ROUTE, "1", 105.0).retry_after is None


def test_fifty_requests_a_second_but_for_interactions() -> None:
    limits = Limits()
    for channel in range(50):
        assert limits.take(ROUTE, str(channel), 0.0).retry_after is None
    refused = limits.take(ROUTE, "51", 0.4)
    assert refused.is_global
    assert refused.retry_after == pytest.approx(0.6)
    callback = limits.take("POST /interactions/{interaction}/{token}/callback", "t", 0.4, interaction=True)
    assert callback.retry_after is None
    assert callback.headers == {}
    assert limits.take(ROUTE, "51", 1.0).retry_after is None


def test_old_messages_take_three_edits_in_six_seconds() -> None:
    limits = Limits()
    assert [limits.old_edit("1", 0.0) for _ in range(3)] == [None] * 3
    assert limits.old_edit("1", 2.0) == pytest.approx(4.0)
    assert limits.old_edit("1", 6.0) is None


def test_disabled_limits_pass_everything() -> None:
    limits = Limits(enabled=False)
    assert all(limits.take(ROUTE, "1", 0.0).retry_after is None for _ in range(500))
