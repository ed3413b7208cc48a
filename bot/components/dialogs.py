"""Which part takes what was typed into a dialog: one table, by the first part of its ``custom_id``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from bot.components import answers, buttons, mask_editor, reports, settings
from bot.interactions import Interaction

DIALOGS: Mapping[str, Callable[[Interaction], Coroutine[Any, Any, None]]] = {
    "l1c": answers.changed,
    "l1m": buttons.submitted,
    "l1km": mask_editor.submitted,
    "l1rm": reports.submitted,
    "l1sm": settings.submitted,
}


async def submitted(interaction: Interaction) -> None:
    """Hand a sent dialog to its part; dialogs that are not ours are left alone."""
    taken_by = DIALOGS.get((interaction.custom_id or "").partition(":")[0])
    if taken_by is not None:
        await taken_by(interaction)
