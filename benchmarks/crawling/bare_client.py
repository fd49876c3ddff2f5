"""The least that fetching files can cost: ``bare_client.py http://host:port files at_once``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp


async def fetch(site: str, files: int, at_once: int, folder: Path) -> None:
    """Write each file's body into the folder, so many at once."""
    async with aiohttp.ClientSession() as session:
        numbers = iter(range(files))
        await asyncio.gather(*(_work(session, site, numbers, folder) for _ in range(at_once)))


async def _work(
    session: aiohttp.ClientSession, site: str, numbers: Iterator[int], folder: Path
) -> None:
    for number in numbers:
        async with session.get(f"{site}/pack/{number}.gif", raise_for_status=True) as response:
            (folder / f"{number}.gif").write_bytes(await response.read())


if __name__ == "__main__":
    out = Path("out")
    out.mkdir(exist_ok=True)
    asyncio.run(fetch(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), out))
