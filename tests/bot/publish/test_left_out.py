"""What is not offered is told to the host once: a record, which goes to the host's log channel."""

from __future__ import annotations

from pathlib import Path

from bot.messages.record import entry
from bot.publish.audit_feed import note_left_out
from engine.config import Config
from engine.service import Service


async def test_what_is_left_out_is_told_once_and_what_is_back_too(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path)
    why = "The model `sdxl` should be at `/models/sdxl`, and nothing is there. Correct the path in `source`."
    async with Service.open(config, renderer="engine.workers.fake:Renderer") as service:
        await note_left_out(service, {"sdxl": why})
        await note_left_out(service, {"sdxl": why})
        [told] = await service.admin.audits()
        assert (told.guild, told.target) == (None, "sdxl")  # nobody's server: the host's channel
        assert "by Limner" in entry(told)
        assert "Correct the path" in entry(told)
        await note_left_out(service, {})
        back, _ = await service.admin.audits()
        assert (back.action, back.target) == ("models offered again", "sdxl")
