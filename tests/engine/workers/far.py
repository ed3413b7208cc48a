"""``python -m tests.engine.workers.far FOLDER ADDRESS ROUND``: a bot that draws elsewhere, to be killed.

It finishes what earlier rounds left, asks for this one's pictures, and says so once one is being drawn.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.engine.conftest import ended
from tests.engine.workers.machines import asked, bot, joined
from tests.engine.workers.test_several import until


async def main(folder: Path, address: str, turn: int) -> None:
    """Draw."""
    async with bot(folder, address, step_seconds=0.02) as service:
        for earlier in range(turn):
            for job in await asked(service, f"{earlier}", 4):  # asked before: the same jobs
                await ended(service, job.id)
        await joined(service, 2)
        jobs = await asked(service, f"{turn}", 4)
        await until(lambda: any(one["drawing"] for one in service.control.workers()))
        sys.stdout.write("drawing\n")
        sys.stdout.flush()
        for job in jobs:
            await ended(service, job.id)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
