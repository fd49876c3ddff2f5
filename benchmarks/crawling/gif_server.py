"""Serves GIFs and their index on loopback as cheaply as a process can: ``gif_server.py 2000``.

Writes its address as the first line. All answers lie ready in memory.
"""

from __future__ import annotations

import asyncio
import io
import json
import random
import sys

_SIDE, _FRAMES = 101, 4
_NOT_FOUND = [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"]


def main() -> None:
    """Serve so many GIFs until killed."""
    asyncio.run(_serve(_answers(int(sys.argv[1]))))


async def _serve(answers: dict[bytes, list[bytes]]) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(answers), "127.0.0.1", 0, backlog=512)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


class _Connection(asyncio.Protocol):
    """One client, which sends GET requests without bodies, one after the other."""

    def __init__(self, answers: dict[bytes, list[bytes]]) -> None:
        self._answers = answers
        self._left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._left = (self._left + data).split(b"\r\n\r\n")
        for request in requests:
            path = request.split(b" ", 2)[1]
            self._transport.writelines(self._answers.get(path, _NOT_FOUND))


def _answers(count: int) -> dict[bytes, list[bytes]]:
    animation = _animation()
    entries = [{"name": f"{n}.gif", "category": "pack", "url": ""} for n in range(count)]
    index = json.dumps({"status": 1000, "info": "", "data": entries}).encode()
    rules = b"User-agent: *\nDisallow: /private/\n"
    answers = {
        b"/index.json": _response(index, "application/json"),
        b"/robots.txt": _response(rules, "text/plain"),
    }
    for number in range(count):
        # What follows a GIF's end isn't read; it makes the bytes of each their own.
        parts = [animation, b"%08d" % number]
        answers[b"/pack/%d.gif" % number] = _response(parts, "image/gif")
    return answers


def _response(body: bytes | list[bytes], kind: str) -> list[bytes]:
    parts = [body] if isinstance(body, bytes) else body
    size = sum(map(len, parts))
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n"
    return [head.encode(), *parts]


def _animation() -> bytes:
    """A GIF of four noisy frames, 58 KB."""
    from PIL import Image

    dice, frames = random.Random(0), []
    for _ in range(_FRAMES):
        noise = bytes(dice.choices(range(224), k=_SIDE * _SIDE))
        frame = Image.frombytes("P", (_SIDE, _SIDE), noise)
        frame.putpalette([level for step in range(256) for level in (step, 255 - step, 128)])
        frames.append(frame)
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=80)
    return file.getvalue()


if __name__ == "__main__":
    main()
