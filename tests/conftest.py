"""What every test starts from: one torch thread, no stray configuration, no network but loopback."""

from __future__ import annotations

import os

import hypothesis
import pytest

# set before anything imports torch: worker processes inherit it
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# no test may reach a hub, whatever it loads
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

# the same examples in every run, so that no change fails by luck; HYPOTHESIS_PROFILE=explore finds new ones
hypothesis.settings.register_profile("steady", derandomize=True)
hypothesis.settings.register_profile("explore", derandomize=False)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


@pytest.fixture(autouse=True)
def _no_stray_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own LIMNER_* settings and terminal width out of the tests."""
    for name in [name for name in os.environ if name.startswith("LIMNER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "110")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what this run could not check."""
    if not os.environ.get("DISCORD_OPENAPI"):
        terminalreporter.write_line(
            "DISCORD_OPENAPI is not set: the bot's requests were not checked against Discord's own document."
        )
