"""What the page shows of each proposal: its words, and those of its keywords that most carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.workspace import Workspace
from pipeline.tags.naming.earlier import tag_notes

Suggested = Mapping[str, tuple[str | None, str | None]]

MOST_OF_ONE, FEWEST_OF_ONE = 200, 20
_MOST_KEYWORDS = 100_000


@dataclass(frozen=True)
class Shown:
    """A row of the page for each proposal, in their order; words of the keywords in them.

    A row's ``shown`` are its keywords: text, kept stickers that carry it, numbers of its words.
    ``words`` are those words, each with how many keywords of all have it.
    """

    version: str
    rows: list[dict[str, Any]]
    words: list[tuple[str, int]]


def read_shown(workspace: Workspace, suggested: Suggested) -> Shown:
    """Rows of the page from ``proposals``, ``clusters`` and ``keywords``."""
    proposals = workspace.read("proposals").to_pylist()
    if not proposals:
        return Shown("", [], [])
    keywords = workspace.read("keywords", columns=["keyword", "tokens", "stickers"])
    each = min(MOST_OF_ONE, max(FEWEST_OF_ONE, _MOST_KEYWORDS // len(proposals)))
    chosen = _most_carried(workspace, keywords, proposals, each)
    words, numbers = _words(keywords["tokens"], chosen["tokens"])
    listed: dict[str, list[tuple[str, int, list[int]]]] = {}
    texts, counts = chosen["keyword"].to_pylist(), chosen["stickers"].to_pylist()
    for key, text, count, has in zip(
        chosen["key"].to_pylist(), texts, counts, numbers, strict=True
    ):
        listed.setdefault(key, []).append((text, count or 0, has))
    notes = tag_notes(workspace)
    rows = [
        {**_row(one, listed.get(one["key"], []), suggested), "note": notes.get(one["key"], "")}
        for one in proposals
    ]
    return Shown(proposals[0]["version"] or "", rows, words)


def _most_carried(
    workspace: Workspace, keywords: pa.Table, proposals: Sequence[Mapping[str, Any]], each: int
) -> pa.Table:
    """For each proposal at most ``each`` keywords, those that most stickers carry first, and its
    exemplars, which are shown beside them and so can be split off."""
    keys = [row["key"] for row in proposals]
    typical = [keyword for row in proposals for keyword in row["exemplars"] or ()]
    clusters = workspace.read("clusters", columns=["keyword", "key"])
    row = pc.index_in(clusters["key"], value_set=pa.array(keys, pa.string()))
    here = pc.is_valid(row)
    clusters = clusters.filter(here)
    place = pc.index_in(clusters["keyword"], value_set=keywords["keyword"])
    table = pa.table(
        {
            "row": row.filter(here),
            "key": clusters["key"],
            "keyword": clusters["keyword"],
            "stickers": keywords["stickers"].take(place),
            "tokens": keywords["tokens"].take(place),
        }
    )
    order = pc.sort_indices(
        table, [("row", "ascending"), ("stickers", "descending"), ("keyword", "ascending")]
    )
    sorted_rows = table["row"].take(order).to_numpy()
    rank = np.arange(len(sorted_rows)) - np.searchsorted(sorted_rows, sorted_rows)
    few = pa.array(rank < each)
    kept = pc.is_in(table["keyword"].take(order), value_set=pa.array(typical, pa.string()))
    return table.take(order.filter(pc.or_(few, kept)))


def _words(
    everywhere: pa.ChunkedArray, shown: pa.ChunkedArray
) -> tuple[list[tuple[str, int]], list[list[int]]]:
    """Words of the shown keywords with how many keywords have each; numbers of each one's words."""
    lists = everywhere.combine_chunks()
    pairs = pa.table({"of": pc.list_parent_indices(lists), "word": pc.list_flatten(lists)})
    distinct = pairs.group_by(["of", "word"]).aggregate([])
    counted = distinct.group_by("word").aggregate([([], "count_all")]).sort_by("word")
    here = shown.combine_chunks()
    used = pc.unique(pc.list_flatten(here))
    counted = counted.filter(pc.is_in(counted["word"], value_set=used))
    words = counted["word"].to_pylist()
    number = {word: place for place, word in enumerate(words)}
    has = [sorted({number[word] for word in tokens or ()}) for tokens in here.to_pylist()]
    return list(zip(words, counted["count_all"].to_pylist(), strict=True)), has


def _row(
    proposal: Mapping[str, Any], keywords: list[tuple[str, int, list[int]]], suggested: Suggested
) -> dict[str, Any]:
    texts = {name: proposal[name] or "" for name in ("key", "tag", "name", "english", "group")}
    lists = {name: proposal[name] or [] for name in ("aliases", "terms", "exemplars", "flags")}
    counts = {name: proposal[name] or 0 for name in ("keywords", "stickers")}
    name, english = suggested.get(texts["key"], (None, None))
    names = [
        (name or texts["name"], english or texts["english"]),
        (texts["name"], texts["english"]),
    ]
    # A name that was suggested twice stands where it was first.
    distinct = {name: english for name, english in reversed(names) if name}
    ordered = list(dict.fromkeys(name for name, _ in names if name))
    given = [(name, distinct[name]) for name in ordered]
    return {**texts, **lists, **counts, "shown": keywords, "suggested": given}
