"""The source ``folder``: stickers that already lie on disk, used where they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from crawlers.bqb import is_category, name_parts, theme_of
from crawlers.local.manifest import CheckedRow, origin_url, read_manifest, same_name
from crawlers.local.titles import title_of
from crawlers.local.walk import NEVER_STICKERS, FoundFile, Problem, is_workspace, reason, walk
from crawlers.names import MAX_CHARACTERS, encode_name
from crawlers.observation import LocalFile, Observation
from crawlers.source import Source
from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import Options
from pipeline.engine.paths import named_path
from pipeline.engine.text import storable

_DEFAULT_MANIFEST = "manifest.jsonl"


class FolderOptions(Options):
    """Options of the source folder."""

    path: str = Field(
        min_length=1,
        description="folder; its subfolders name keywords, its files' names are their titles",
    )
    manifest: str | None = Field(
        None, description="JSON lines about the files; null means manifest.jsonl if it is there"
    )


@dataclass
class _Places:
    """How many observations each query and each pack has had so far."""

    queries: dict[str, int] = field(default_factory=dict)
    packs: dict[str, int] = field(default_factory=dict)


def folder_files(options: FolderOptions) -> Iterator[LocalFile]:
    """Every regular file below the folder, in the order of their names, and what is known of it.

    Raises StickerworksError when the folder is missing or holds no file.
    """
    folder = Path(os.path.abspath(named_path(options.path, "crawl.sources[].options.path")))
    if not folder.is_dir():
        raise StickerworksError(
            f"There is no folder {_shown(folder)}.", "Check crawl.sources[].options.path."
        )
    if is_workspace(folder):
        raise StickerworksError(
            f"The folder {_shown(folder)} is a workspace, so its files are no source.",
            "Put the stickers into a folder of their own, or choose another --workspace.",
        )
    manifest = _manifest(options, folder)
    entries = read_manifest(manifest, folder) if manifest else {}
    listed = dict.fromkeys(entries, False)
    places = _Places()
    empty = True
    for found in walk(folder, without=manifest):
        empty = empty and found.problem is not None and found.problem[1] == "hidden"
        name = same_name(found.relative)
        listed[name] = True
        yield from _local_files(found, entries.get(name), places)
    if empty:
        raise StickerworksError(
            f"The folder {_shown(folder)} holds no files (hidden ones aside).",
            "Check crawl.sources[].options.path.",
        )
    for name in (name for name, there in listed.items() if not there):
        problem = entries[name].problem or _absence(folder / name)
        yield from _local_files(FoundFile(name, folder / name, problem), entries[name], places)


SOURCE = Source(
    name="folder",
    title="A folder on this machine",
    options=FolderOptions,
    redistribute=True,
    terms="Your own files: state their licence in a manifest, item by item.",
    observations=folder_files,
)


def _manifest(options: FolderOptions, folder: Path) -> Path | None:
    if options.manifest is not None:
        return Path(
            os.path.abspath(named_path(options.manifest, "crawl.sources[].options.manifest"))
        )
    default = folder / _DEFAULT_MANIFEST
    return default if os.path.exists(default) and not os.path.isdir(default) else None


def _absence(path: Path) -> Problem:
    """Why a file that the manifest names was not found."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "gone", "missing", "the manifest names this file, but it isn't there"
    except (OSError, ValueError) as error:
        return "failed", "unreadable", reason(error)
    return "refused", "left_out", "it is a folder, hidden, or in a workspace"


def _local_files(
    found: FoundFile, entry: CheckedRow | None, places: _Places
) -> Iterator[LocalFile]:
    """One observation for each keyword of the file."""
    directory, _, name = found.relative.rpartition("/")
    parent = directory.rpartition("/")[2]
    theme = theme_of(parent) if is_category(parent) else None
    keyword = theme.keyword if theme else encode_name(parent) or None
    parts = tuple(name_parts(encode_name(name), theme)) if theme else ()
    title = (parts[-1] if parts else None) if theme else title_of(name, parent)
    row = entry.row if entry else None
    pack = (row.pack if row else None) or encode_name(directory) or None
    pack_title = (row.pack if row else None) or encode_name(parent) or None
    counts = found.problem is None or found.problem[1] not in NEVER_STICKERS
    pack_index = _next(places.packs, pack) if pack and counts else None
    # Cleaned before they are compared: tables would hold "a" and "a " as the same.
    given = row.keywords if row and row.keywords else ()
    cleaned = (query if len(query) > MAX_CHARACTERS else storable(query) for query in given)
    queries: list[str | None] = [query for query in cleaned if query]
    queries = queries or [keyword]
    for query in dict.fromkeys(queries):
        observation = Observation(
            source_id=found.relative,
            query=query,
            rank=_next(places.queries, query or "") if counts else None,
            pack_id=pack,
            pack_title=pack_title,
            pack_index=pack_index,
            author=row.author if row else None,
            title=(row.title if row else None) or title,
            tags=tuple(row.tags) if row and row.tags is not None else parts,
            page_url=origin_url(row.origin) if row else None,
            licence=row.licence if row else None,
            licence_url=row.licence_url if row else None,
            licence_basis="item" if row and row.licence else "none",
            raw=entry.raw if entry else None,
        )
        problem = found.problem or (entry.problem if entry else None)
        yield LocalFile(observation, found.path, row.sha256 if row else None, problem)


def _next(counts: dict[str, int], name: str) -> int:
    counts[name] = counts.get(name, -1) + 1
    return counts[name]


def _shown(folder: Path) -> str:
    return encode_name(str(folder))
