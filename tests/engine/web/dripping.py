"""Slow clients in a process of their own: a byte a second, of headers or (every second one) of a body.

``python -m tests.engine.web.dripping PORT COUNT KEY``: prints, once all are answered, how often each answer
came, by its first bytes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter

DRAW = "/v1/generation/stable-diffusion-v1-5/text-to-image"


async def drip(port: int, secret: str, *, body: bool) -> str:
    """Return the first bytes of what comes, nothing where it is closed without a word."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {DRAW} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\n"
    if body:
        head += "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    try:
        writer.write(head.encode())
        answer = asyncio.create_task(reader.read())
        while not answer.done():
            writer.write(b" " if body else b"X")
            await asyncio.wait({answer}, timeout=1)
        return answer.result()[:12].decode()
    except ConnectionError:
        return ""
    finally:
        writer.close()


async def main(port: int, count: int, secret: str) -> None:
    """Have so many clients drip at once."""
    came = await asyncio.gather(*(drip(port, secret, body=bool(number % 2)) for number in range(count)))
    told = {kind: Counter(came[first::2]) for first, kind in ((0, "headers"), (1, "bodies"))}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
