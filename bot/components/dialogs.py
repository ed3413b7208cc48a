"""Which part takes what was typed into a dialog: one table, by its ``custom_id``."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from bot import custom_ids
from bot.components import answers, buttons, mask_editor, reports, settings
from bot.failures import guarded
from bot.interactions import Interaction

DIALOGS: Mapping[re.Pattern[str], Callable[[re.Match[str], Interaction], Coroutine[Any, Any, None]]] = {
    custom_ids.CHANGE_DIALOG: answers.changed,
    custom_ids.DIALOG: buttons.submitted,
    custom_ids.MASK_DIALOG: mask_editor.submitted,
    custom_ids.REPORT_DIALOG: reports.submitted,
    custom_ids.SETTING_DIALOG: settings.submitted,
}


async def submitted(interaction: Interaction) -> None:
    """Hand a sent dialog to its part; dialogs that are not ours are left alone."""
    for pattern, taken_by in DIALOGS.items():
        if match := pattern.fullmatch(interaction.custom_id or ""):
            await guarded(taken_by)(match, interaction)
