"""The source ``url_list``: a table of addresses, as img2dataset takes, and what it says of them."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from crawlers.local.rows import KINDS, Row, encoding_of, read_rows
from crawlers.names import encode_name
from crawlers.observation import Observation
from crawlers.source import Source
from pipeline.engine.addresses import strip_secrets
from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import Options
from pipeline.engine.paths import named_path
from pipeline.engine.text import one_line

_LOOKED_AT = 100  # rows that show a list's columns
_SEPARATORS = re.compile(r"[,;|，；、]")
_PATH = "crawl.sources[].options.path"
# What the columns are called where no option says so.
_NAMES: dict[str, tuple[str, ...]] = {
    "title": ("title", "caption", "text"),
    "query": ("query", "keyword"),
    "tags": ("tags", "keywords"),
    "author": ("author", "creator", "artist"),
    "page": ("page_url", "page", "foreign_landing_url"),
    "licence": ("licence", "license"),
    "licence_url": ("licence_url", "license_url"),
    "pack": ("pack", "pack_id"),
}


class UrlListOptions(Options):
    """Options of the source url_list. A column that isn't named is found by its usual names."""

    path: str = Field(
        min_length=1, description="file of rows, or a folder of such files, read by their names"
    )
    format: Literal["auto", "csv", "tsv", "jsonl", "parquet", "txt"] = Field(
        "auto",
        description="kind of the files; auto goes by their extensions, txt has an address a line",
    )
    encoding: Literal["auto", "utf-8", "gb18030"] = Field(
        "auto", description="encoding of text; auto takes GB18030 for what is no UTF-8"
    )
    url_column: str = Field("url", description="column of the addresses")
    id_column: str | None = Field(
        None, description="column that tells items apart; null takes their addresses"
    )
    title_column: str | None = Field(None, description="null takes title, caption or text")
    query_column: str | None = Field(None, description="null takes query or keyword")
    tags_column: str | None = Field(
        None, description="a list, or a text with commas; null takes tags or keywords"
    )
    author_column: str | None = Field(None, description="null takes author, creator or artist")
    page_column: str | None = Field(
        None, description="address of an item's page; null takes page_url, page or such"
    )
    licence_column: str | None = Field(None, description="null takes licence or license")
    licence_url_column: str | None = Field(None, description="null takes licence_url or such")
    pack_column: str | None = Field(None, description="null takes pack or pack_id")


@dataclass(frozen=True)
class _List:
    """A file, what of ours its columns hold, and its encoding where that isn't UTF-8."""

    name: str
    columns: Mapping[str, str]
    encoding: str | None


def list_addresses(options: UrlListOptions) -> Iterator[Observation]:
    """An Observation for each row; of one without an address that says why, and has none.

    Raises StickerworksError where a file has no such column, or can't be read.
    """
    rank = 0
    for path, kind in _files(options):
        encoding = encoding_of(path) if options.encoding == "auto" else options.encoding
        told = encoding if encoding != "utf-8" and kind != "parquet" else None
        if told and options.encoding == "auto":
            logging.getLogger(__name__).warning("%s is no UTF-8: read as %s", path.name, told)
        rows = read_rows(path, kind, encoding)
        head = list(islice(rows, _LOOKED_AT))
        given = _List(encode_name(path.name), _columns(options, path, head), told)
        for row in chain(head, rows):
            yield _observation(given, row, rank)
            rank += 1


def _files(options: UrlListOptions) -> Iterator[tuple[Path, str]]:
    path = named_path(options.path, _PATH)
    if not path.is_dir():
        yield path, _kind(options, path)
        return
    try:
        inside = sorted(entry for entry in path.iterdir() if entry.suffix[1:].lower() in KINDS)
    except OSError as error:
        raise StickerworksError(
            f"Could not look into {encode_name(str(path))}: {error.strerror}.", f"Check {_PATH}."
        ) from error
    if not inside:
        raise StickerworksError(
            f"The folder {encode_name(str(path))} holds no list.",
            f"A list's name ends in {', '.join(f'.{ending}' for ending in KINDS)}.",
        )
    for one in inside:
        yield one, _kind(options, one)


def _kind(options: UrlListOptions, path: Path) -> str:
    kind = KINDS.get(path.suffix[1:].lower()) if options.format == "auto" else options.format
    if kind is None:
        raise StickerworksError(
            f"The name {encode_name(path.name)} doesn't say what kind of list it is.",
            "Name it in crawl.sources[].options.format.",
        )
    return kind


def _columns(options: UrlListOptions, path: Path, head: list[Row]) -> dict[str, str]:
    """The columns of a file by what they are to us; StickerworksError when one is missing."""
    shown = encode_name(str(path))
    if not head:
        raise StickerworksError(f"{shown} lists nothing.", f"Check {_PATH}.")
    names = list(dict.fromkeys(name for row in head for name in row.values))
    if not names:
        raise StickerworksError(
            f"{shown}:{head[0].place} can't be read: {head[0].problem or 'it is empty'}.",
            "Check crawl.sources[].options.format and encoding.",
        )
    by_small = {name.lower(): name for name in reversed(names)}
    found = {}
    for ours in ("url", "id", *_NAMES):
        asked: str | None = getattr(options, f"{ours}_column")
        usual = (asked,) if asked is not None else _NAMES.get(ours, ())
        known = [name if name in names else by_small.get(name.lower()) for name in usual]
        column = next((name for name in known if name is not None), None)
        if column is not None:
            found[ours] = column
        elif asked is not None:
            raise StickerworksError(
                f"{shown} has no column {one_line(asked)!r}; it has "
                f"{', '.join(one_line(name, 40) for name in names[:20])}.",
                f"Set crawl.sources[].options.{ours}_column.",
            )
    return found


def _observation(given: _List, row: Row, rank: int) -> Observation:
    said = {ours: row.values.get(column) for ours, column in given.columns.items()}
    url = said["url"].strip() if isinstance(said["url"], str) else ""
    used = set(given.columns.values())
    raw: dict[str, Any] = {name: row.values[name] for name in row.values if name not in used}
    raw["list"] = f"{given.name}:{row.place}"
    if given.encoding:
        raw["encoding"] = given.encoding
    if not url:
        raw["problem"] = row.problem or f"the column {given.columns['url']!r} holds no address"
    pack, licence, terms = (_text(said.get(n)) for n in ("pack", "licence", "licence_url"))
    return Observation(
        source_id=_text(said.get("id")) or (_id(url) if url else f"{given.name}:{row.place}"),
        media_url=url or None,
        query=_text(said.get("query")),
        rank=rank,
        pack_id=pack,
        pack_title=pack,
        author=_text(said.get("author")),
        title=_text(said.get("title")),
        tags=_tags(said.get("tags")),
        page_url=_text(said.get("page")),
        licence=licence,
        licence_url=terms,
        licence_basis="item" if licence or terms else "none",
        raw=raw,
    )


def _id(url: str) -> str:
    """The address, as an id: what of it may not be stored is told apart by a digest."""
    clean = strip_secrets(url)
    if clean == url:
        return url
    return f"{clean} {hashlib.sha256(url.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _text(value: Any) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return (value.strip() or None) if isinstance(value, str) else None


def _tags(value: Any) -> tuple[str, ...]:
    parts = _SEPARATORS.split(value) if isinstance(value, str) else value
    if not isinstance(parts, list):
        return ()
    return tuple(tag for tag in (_text(part) for part in parts) if tag)


SOURCE = Source(
    name="url_list",
    title="A list of addresses",
    options=UrlListOptions,
    redistribute=False,
    terms="What lies behind the addresses belongs to others: a list grants nothing. State each "
    "item's licence in a column of its own, and obey the terms of the sites that it names.",
    observations=list_addresses,
)
