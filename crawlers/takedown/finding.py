"""Which stickers of a workspace a request names by address, pack or author."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from crawlers.takedown.entries import Entry
from crawlers.takedown.takedown import Takedown
from pipeline.engine.workspace import Workspace

_COLUMNS = ["id", "source", "pack_id", "author", "media_url", "page_url", "final_url", "redirects"]


def named_stickers(workspace: Workspace, entries: Sequence[Entry]) -> dict[str, str]:
    """The kind of entry by which each sticker is named, by its id."""
    found: dict[str, str] = {}
    if not entries:
        return found
    takedown = Takedown(entries)
    for parts in workspace.blocks:
        rows = workspace.read("observations", parts, _COLUMNS)
        for row in rows.filter(_likely(rows, entries)).to_pylist():
            urls = (row["media_url"], row["page_url"], row["final_url"], *(row["redirects"] or ()))
            failure = takedown.objection_to_stored(
                row["source"], row["pack_id"], row["author"]
            ) or takedown.objection_to_urls(urls)
            if failure is not None:
                kind = (failure.policy or "").removeprefix("takedown:").partition(" ")[0]
                found.setdefault(row["id"], kind)
    return found


def _likely(rows: pa.Table, entries: Sequence[Entry]) -> pa.Array:
    """Rows that may be named, by columns alone: of a million, a few are looked at one by one."""
    chosen = pa.repeat(pa.scalar(False), len(rows))
    by_kind: dict[str, set[str]] = {}
    for entry in entries:
        by_kind.setdefault(entry.kind, set()).add(entry.value)
    if packs := by_kind.get("pack"):
        ids = {*packs, *(pack.partition("/")[2] for pack in packs)}
        chosen = pc.or_(chosen, pc.is_in(rows["pack_id"], value_set=pa.array(sorted(ids))))
    if authors := by_kind.get("author"):
        names = {*authors, *(author.partition("/")[2] for author in authors)}
        different = rows["author"].combine_chunks().dictionary_encode()
        known = [
            name is not None and name.casefold() in names
            for name in different.dictionary.to_pylist()
        ]
        place = pa.array(known, pa.bool_()).take(different.indices)
        chosen = pc.or_(chosen, pc.fill_null(place, False))
    for host in {url[2:].partition("/")[0] for url in by_kind.get("url", ())}:
        plain = host.rstrip("*").partition(":")[0]
        # A host in letters of its own is written otherwise here and there.
        plain = "//" if "xn--" in plain else plain
        for name in ("media_url", "page_url", "final_url"):
            found = pc.match_substring(rows[name], plain, ignore_case=True)
            chosen = pc.or_(chosen, pc.fill_null(found, False))
        jumped = pc.list_value_length(rows["redirects"])
        chosen = pc.or_(chosen, pc.fill_null(pc.greater(jumped, 0), False))
    return chosen
