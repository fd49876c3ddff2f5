"""Gathers the files that rows of a release name, checked byte for byte, into a folder."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.engine.atomic_files import atomic_file
from pipeline.release.fetching.downloads import TAKEN_DOWN, Downloader, Guard, Lost, host_of
from schemas.config import CrawlConfig

MOST_URLS = 8
"""Addresses of a row that are tried."""
_AT_ONCE = 1024
_SAY_EVERY = 500
_MEDIA = re.compile(r"\.(a?png|gif|webp|jpe?g|avif|bmp)([?#]|$)", re.IGNORECASE)
_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Wanted:
    """A row whose bytes are wanted: its id is their sha256, in hex."""

    id: str
    urls: tuple[str, ...]


@dataclass(frozen=True)
class Loss:
    """A row whose bytes no address gave: the host and the cause that say most about it."""

    id: str
    host: str
    cause: str
    detail: str


class Files:
    """Fetched files by their sha256; what lies there was checked when it was written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, id_: str) -> Path:
        return self.folder / id_[:2] / id_

    def has(self, id_: str) -> bool:
        return _ID.fullmatch(id_) is not None and self.path(id_).is_file()

    def keep(self, id_: str, data: bytes) -> None:
        # Read again with its sha256 before it counts: a flush for each would cost more.
        with atomic_file(self.path(id_), lasting=False) as temporary:
            temporary.write_bytes(data)

    def drop(self, id_: str) -> None:
        """Remove what an earlier run fetched."""
        self.path(id_).unlink(missing_ok=True)

    def read(self, id_: str) -> bytes | None:
        """The bytes; None, and the file is removed, where a crash tore it."""
        if not self.has(id_):
            return None
        data = self.path(id_).read_bytes()
        if hashlib.sha256(data).hexdigest() != id_:
            self.path(id_).unlink()
            return None
        return data


def gather(
    rows: Iterable[Wanted],
    files: Files,
    settings: CrawlConfig,
    guard: Guard,
    say: Callable[[str], None] = lambda line: None,
) -> list[Loss]:
    """Fetch the files of rows that aren't there yet; return the rows that stay without.

    Each address of a row is tried until one gives the bytes of its id. What was fetched stays,
    whenever this is interrupted.
    """
    return asyncio.run(_gather(rows, files, settings, guard, say))


def is_taken_down(row: Wanted, guard: Guard) -> bool:
    """Whether a row's bytes were; one address condemns them, whoever else shows them."""
    return guard.taken_down(row.id, row.urls)


async def _gather(
    rows: Iterable[Wanted],
    files: Files,
    settings: CrawlConfig,
    guard: Guard,
    say: Callable[[str], None],
) -> list[Loss]:
    losses: list[Loss] = []
    done = 0
    async with Downloader(settings, guard) as downloader:
        wanted = (row for row in rows if not files.has(row.id) or is_taken_down(row, guard))
        async for row, loss in _in_order(wanted, downloader, files, guard):
            done += 1
            if loss is not None:
                losses.append(loss)
            if done % _SAY_EVERY == 0:
                say(f"{done:,} stickers asked for, {len(losses):,} of them not had: {row.id[:12]}")
    return losses


async def _in_order(
    rows: Iterator[Wanted], downloader: Downloader, files: Files, guard: Guard
) -> AsyncIterator[tuple[Wanted, Loss | None]]:
    """Rows as they come to an end; so many at once that one slow host keeps no other waiting."""
    under_way: dict[asyncio.Task[Loss | None], Wanted] = {}
    try:
        more = True
        while under_way or more:
            while more and len(under_way) < _AT_ONCE:
                row = next(rows, None)
                more = row is not None
                if row is not None:
                    under_way[asyncio.ensure_future(_one(row, downloader, files, guard))] = row
            if under_way:
                ended, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    yield under_way.pop(task), task.result()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _one(row: Wanted, downloader: Downloader, files: Files, guard: Guard) -> Loss | None:
    if _ID.fullmatch(row.id) is None:
        return Loss(row.id, "", "bad id", "its id is no sha256")
    if is_taken_down(row, guard):
        files.drop(row.id)
        return Loss(row.id, "", *TAKEN_DOWN)
    loss = Loss(row.id, "", "no address", "the release names no address of it")
    # Pages are named beside files: those come last.
    for url in sorted(row.urls, key=lambda url: not _MEDIA.search(url))[:MOST_URLS]:
        try:
            data = await downloader.get(url)
        except Lost as lost:
            found = Loss(row.id, host_of(url), lost.cause, lost.detail)
            if lost.cause == TAKEN_DOWN[0]:
                return found
        else:
            if hashlib.sha256(data).hexdigest() == row.id:
                files.keep(row.id, data)
                return None
            found = Loss(row.id, host_of(url), "changed", "other bytes are there now")
        # That a page is a page says the least.
        if loss.cause in ("no address", "page"):
            loss = found
    return loss
