"""``python -m tests.engine.workers.far FOLDER ADDRESS ROUND``: a bot that draws elsewhere, to be killed.

It finishes what the round before left, asks for this one's pictures, and says so once one is being drawn.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from engine.jobs import State
from tests.engine.conftest import ended
from tests.engine.workers.machines import asked, at_work, bot, joined


async def main(folder: Path, address: str, turn: int) -> None:
    """Draw."""
    async with bot(folder, address, step_seconds=0.02) as service:
        for earlier in range(max(0, turn - 1), turn):
            for job in await asked(service, f"{earlier}", 4):  # asked before: the same jobs
                await ended(service, job.id)
        await joined(service, 2)
        before = service.control.metrics.ended[State.RENDERED]
        jobs = await asked(service, f"{turn}", 4)
        met = await at_work(service, before + 4)
        sys.stdout.write("drawing\n" if met else "drawn\n")
        sys.stdout.flush()
        for job in jobs:
            await ended(service, job.id)
        await asyncio.sleep(3600)  # until it is killed


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
