"""A door in a process of its own, to be killed: asks, delivers into a file, and goes on where it was left."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from engine.config import Config, ProvenanceConfig
from engine.jobs import Delivery
from engine.service import Service
from engine.store import deliveries as store_deliveries
from tests.engine.conftest import asking, submit


def already_sent(channel: Path, delivery: Delivery) -> str | None:
    """Look through the channel for this promise's nonce, as the bot does after an unbooked send."""
    lines = channel.read_text().splitlines() if channel.exists() else []
    messages = [json.loads(line) for line in lines if line.endswith("}")]
    return next((message["id"] for message in messages if message["nonce"] == delivery.nonce), None)


async def main(folder: Path, keys: list[str]) -> None:
    arguments = {"step_seconds": 0.002}
    # the mark takes a fifth of a second a picture, and what is looked at here is who gets them
    config = Config(data_dir=folder / "data", provenance=ProvenanceConfig(mark=False))
    async with Service.open(config, renderer="engine.workers.fake:Renderer", arguments=arguments) as service:
        expected = set()
        for key in keys:
            request = asking(key, "a cat --steps 8")
            expected.add((await submit(service, request)).jobs[0].id)
            sys.stdout.write(f"accepted {key}\n")
            sys.stdout.flush()
        async with asyncio.TaskGroup() as tasks:
            delivering = tasks.create_task(deliver(service, folder / "channel.jsonl"))
            for job in expected:
                async for _ in service.progress(job):
                    pass
            while await service.store.read(store_deliveries.pending):  # noqa: ASYNC110 (nothing tells us)
                await asyncio.sleep(0.01)
            delivering.cancel()


async def deliver(service: Service, channel: Path) -> None:
    """Bring every promise to the channel, looking first where an earlier send was not booked."""
    async for delivery in service.outbox.deliveries():
        message = already_sent(channel, delivery) if delivery.attempted_at is not None else None
        if message is None:
            await service.outbox.mark_attempted(delivery.id)
            message = f"m{delivery.id}"
            with channel.open("a") as file:
                file.write(json.dumps({"id": message, "nonce": delivery.nonce, "job": delivery.job}) + "\n")
            await asyncio.sleep(0)
        await service.outbox.mark_sent(delivery.id, message)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
