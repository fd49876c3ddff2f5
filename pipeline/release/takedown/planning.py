"""Settles what a request takes, and what it changes beside: before anything goes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.decoding.frames import format_of
from pipeline.engine.decoding.one_pass import hash_file
from pipeline.engine.media import COLUMNS
from pipeline.engine.workspace import Workspace
from pipeline.release.redact import public_urls
from pipeline.release.takedown.request import Block, Request
from schemas.config import DecodeConfig
from schemas.tables import TABLES

_PLAIN = 0.5
"""Bits of grey levels below which a picture looks like any other of its kind."""
_SAID = ("title", "media_url", "page_url", "final_url", "source_id")
_NAMED_AFTER = {"template_id": "duplicates", "group": "splits"}

Carried = Callable[[pa.Table, pa.Array], pa.Table]
"""Pairs of ``sticker`` (a place among the ids) and ``keyword``, from rows of observations."""
BlockUrls = Callable[[Sequence[str]], list[Block]]


def settle(
    workspace: Workspace, request: Request, carried: Carried, block_urls: BlockUrls
) -> Request:
    """The request with all that is to be known of what it takes, by the tables as they are."""
    ids = pa.array(sorted(request.kinds), pa.string())
    seen = _rows_of(workspace, "observations", ids)
    texts, urls = _said_alone(workspace, seen, ids)
    phashes = _phashes(workspace, ids)
    return replace(
        request,
        blocks=[*request.blocks, *block_urls(urls)],
        phashes=phashes,
        signs=_signs(workspace, pa.array(sorted(phashes), pa.string()), phashes),
        renamed=list(_renamed(workspace, ids)),
        parts=_parts_with(workspace, ids),
        keywords=_keywords_left(workspace, seen, ids, carried),
        digests=table_digests(workspace),
        pictures=_pictures(workspace, ids),
        addresses=sorted(set(public_urls(pa.array(urls, pa.string())).drop_null().to_pylist())),
        texts=texts,
    )


def table_digests(workspace: Workspace) -> dict[str, str]:
    """Digest of each shard (``table/number``) and each global table (``table``) that is there."""
    found: dict[str, str] = {}
    for name, table in TABLES.items():
        if table.scope == "global":
            found[name] = workspace.digests(name, (None,))[0]
            continue
        parts = workspace.parts_of(name)
        for part, digest in zip(parts, workspace.digests(name, parts), strict=True):
            found[f"{name}/{part}"] = digest
    return {name: digest for name, digest in found.items() if digest != "none"}


def _rows_of(workspace: Workspace, table: str, ids: pa.Array) -> pa.Table:
    rows = [TABLES[table].schema.empty_table()]
    for parts in workspace.blocks:
        read = workspace.read(table, parts)
        rows.append(read.filter(pc.is_in(read["id"], value_set=ids)).cast(TABLES[table].schema))
    return pa.concat_tables(rows)


def _parts_with(workspace: Workspace, ids: pa.Array) -> list[int]:
    return [
        part
        for part in workspace.parts
        if pc.any(pc.is_in(workspace.read("stickers", part, ["id"])["id"], value_set=ids)).as_py()
    ]


def _said_alone(workspace: Workspace, seen: pa.Table, ids: pa.Array) -> tuple[list[str], list[str]]:
    """What observations say of these stickers alone, and the addresses of their bytes."""
    said = {name: pc.unique(seen[name].drop_null()) for name in _SAID}
    shared: set[str] = set()
    for parts in workspace.blocks:
        rows = workspace.read("observations", parts, ["id", *_SAID])
        rows = rows.filter(pc.invert(pc.is_in(rows["id"], value_set=ids)))
        for name, values in said.items():
            found = rows[name].filter(pc.is_in(rows[name], value_set=values))
            shared.update(pc.unique(found).drop_null().to_pylist())
    alone = {name: sorted(set(values.to_pylist()) - shared) for name, values in said.items()}
    texts = {text for some in alone.values() for text in some if text.strip()}
    return sorted(texts), sorted({*alone["media_url"], *alone["final_url"]})


def _phashes(workspace: Workspace, ids: pa.Array) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in workspace.parts:
        rows = workspace.read("signals", part, ["id", "phash", "entropy"])
        rows = rows.filter(pc.is_in(rows["id"], value_set=ids))
        rows = rows.filter(pc.greater_equal(rows["entropy"], _PLAIN))
        for row in rows.to_pylist():
            if row["phash"] is not None:
                found[row["id"]] = row["phash"].hex()
    return found


def _signs(workspace: Workspace, ids: pa.Array, phashes: Mapping[str, str]) -> dict[str, str]:
    """The second hash, of files that still give the first."""
    found: dict[str, str] = {}
    media, caps = workspace.media_reader(), DecodeConfig()
    for part in _parts_with(workspace, ids):
        rows = workspace.read("media", part, COLUMNS)
        for row in rows.filter(pc.is_in(rows["id"], value_set=ids)).to_pylist():
            try:
                data = media.read(row)
            except (OSError, ValueError):
                continue  # its perceptual hash stays, and refuses what has the very same
            hashes = None if data is None else hash_file(data, format_of(data), caps)
            if hashes is not None and hashes[0].hex() == phashes[row["id"]]:
                found[row["id"]] = hashes[1].hex()
    return found


def _pictures(workspace: Workspace, ids: pa.Array) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for table, column in (("frames", "key_frames"), ("clips", "frames")):
        for part in _parts_with(workspace, ids):
            if not workspace.has(table, part):
                continue
            rows = workspace.read(table, part, ["id", column])
            for row in rows.filter(pc.is_in(rows["id"], value_set=ids)).to_pylist():
                some = found.setdefault(row["id"], [])
                some += [hashlib.sha256(frame["jpeg"]).hexdigest() for frame in row[column] or ()]
    return {id_: sorted(set(some)) for id_, some in found.items()}


def _renamed(workspace: Workspace, ids: pa.Array) -> Iterator[tuple[str, str, str]]:
    """Templates and groups that bear the id of a sticker which goes, and who is first after it."""
    for column, table in _NAMED_AFTER.items():
        first: dict[str, str] = {}
        members: Counter[str] = Counter()
        for parts in workspace.blocks:
            rows = workspace.read(table, parts, ["id", column])
            rows = rows.filter(pc.is_in(rows[column], value_set=ids))
            rows = rows.filter(pc.invert(pc.is_in(rows["id"], value_set=ids)))
            for row in rows.to_pylist():
                first.setdefault(row[column], row["id"])
                members[row[column]] += 1
        for old, new in sorted(first.items()):
            if column == "group" or members[old] > 1:
                yield column, old, new


def _keywords_left(
    workspace: Workspace, seen: pa.Table, ids: pa.Array, carried: Carried
) -> dict[str, int]:
    """How many kept stickers carry a keyword when these are gone, of keywords that they carry.

    None carries a word that only keywords have which go.
    """
    if not workspace.has("keywords"):
        return {}
    decided = _rows_of(workspace, "decisions", ids)
    kept = decided.filter(decided["kept"])["id"].combine_chunks()
    lost = Counter(carried(seen, kept)["keyword"].to_pylist()) if len(kept) else Counter()
    known = workspace.read("keywords", columns=["keyword", "tokens", "stickers"])
    chosen = pc.is_in(known["keyword"], value_set=pa.array(sorted(lost), pa.string()))
    rows: list[Mapping[str, object]] = known.filter(chosen).to_pylist()
    left = {
        str(r["keyword"]): max(0, int(str(r["stickers"])) - lost[str(r["keyword"])]) for r in rows
    }
    only = pa.array(sorted(word for word, count in left.items() if not count), pa.string())
    goes = pc.is_in(known["keyword"], value_set=only)
    ends, stays = (known.filter(which)["tokens"] for which in (goes, pc.invert(goes)))
    shared = pc.unique(pc.list_flatten(stays))
    words = pc.unique(pc.list_flatten(ends)).to_pylist()
    alone = set(words) - set(shared.to_pylist()) if words else ()
    return left | {word: 0 for word in alone if word not in left}
