"""Which queries the configuration asks a source for, in order and each once."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from crawlers.names import MAX_CHARACTERS
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path, read_regular
from pipeline.engine.text import storable
from pipeline.engine.workspace import Workspace
from schemas.config import SourceConfig

_MAX_BYTES = 2**28
_COLUMNS = {"keywords": "keyword", "tagset": "tag"}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BATCH = 10_000


def planned_queries(config: SourceConfig, workspace: Workspace) -> Iterator[str]:
    """Queries of ``queries``, ``query_file`` and ``query_table``, cleaned as they are stored.

    StickerworksError says where one stands that is too long, or can't be read.
    """
    seen: set[str] = set()
    for place, text in _texts(config, workspace):
        query = storable(text, MAX_CHARACTERS)
        if query is None or query in seen:
            continue
        if len(text) > MAX_CHARACTERS:
            raise StickerworksError(
                f"The query at {place} has {len(text):,} characters, more than {MAX_CHARACTERS:,}.",
                "Shorten it, or take it out.",
            )
        seen.add(query)
        yield query


def _texts(config: SourceConfig, workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Every text that may be a query, and where it stands."""
    for number, text in enumerate(config.queries):
        yield f"crawl.sources[].queries[{number}]", text
    if config.query_file is not None:
        path = named_path(config.query_file, "crawl.sources[].query_file")
        for number, text in _lines(path):
            yield f"{path}:{number}", text
    if config.query_table is not None:
        for number, text in enumerate(_of_table(config.query_table, workspace)):
            yield f"row {number} of the table {config.query_table}", text


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines and their numbers, without the blank ones and those that begin with ``#``."""
    try:
        data = read_regular(path, _MAX_BYTES)
    except OSError as error:
        raise StickerworksError(
            f"Could not read the queries in {path}: {error.strerror}.",
            "Check crawl.sources[].query_file.",
        ) from error
    if data.startswith(_UTF16):
        raise _encoded(path, 1, "UTF-16")
    for number, line in enumerate(io.BytesIO(data), start=1):
        text = _decode(path, number, line).strip()
        if text and not text.startswith("#"):
            yield number, text


def _decode(path: Path, number: int, line: bytes) -> str:
    try:
        return line.decode("utf-8").replace("\ufeff", "")  # joined files have one in the middle
    except UnicodeDecodeError:
        pass
    try:
        line.decode("gb18030")
    except UnicodeDecodeError as error:
        raise _encoded(path, number, "another encoding") from error
    raise _encoded(path, number, "GB18030")


def _encoded(path: Path, number: int, encoding: str) -> StickerworksError:
    return StickerworksError(
        f"The queries in {path} aren't UTF-8 but probably {encoding} (line {number}).",
        "Save the file as UTF-8.",
    )


def _of_table(name: str, workspace: Workspace) -> Iterator[str]:
    if not workspace.has(name):
        raise StickerworksError(
            f"crawl.sources[].query_table names the table {name}, which isn't there yet.",
            "Run `stickerworks tags` first.",
        )
    column = _COLUMNS[name]
    # In batches: as Python's strings, all keywords at once would take several times the memory.
    for batch in workspace.read(name, columns=[column]).to_batches(max_chunksize=_BATCH):
        yield from batch[column].to_pylist()
