"""The tests mirror the tree, ``tests/engine`` and ``tests/bot``; beside them stands what runs through all."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
