"""Keywords, the elbow that chose the number of tags, and the tag set."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow.compute as pc

from pipeline.engine.counting import count_values
from pipeline.engine.page.missing_tables import missing
from pipeline.engine.text import one_line
from pipeline.engine.workspace import Workspace
from pipeline.report.plots import draw_bars, draw_elbow

_KEYWORDS, _TAGS, _WORDS = 20, 60, 6


def tags(workspace: Workspace) -> dict[str, Any]:
    """Most frequent trigger words, the elbow, and the tags that most stickers carry."""
    elbow = workspace.read("elbow").to_pylist()
    tagset = workspace.read("tagset")
    named = bool(pc.any(tagset["named"]).as_py())
    ordered = tagset.sort_by([("stickers", "descending"), ("tag", "ascending")])
    states = count_values(workspace.read("clusters", columns=["state"])["state"])
    return {
        "missing": missing(workspace, "keywords", "elbow", "tagset"),
        "keywords": sum(states.values()),
        "states": ", ".join(f"{count:,} {state}" for state, count in sorted(states.items())),
        "words": _words(workspace),
        "elbow": draw_elbow(elbow) if elbow else None,
        "verdict": _verdict(elbow, named),
        "version": one_line(tagset["version"][0].as_py() or "", 12) if len(tagset) else "",
        "total": len(tagset),
        "rows": [_row(row) for row in ordered.slice(0, _TAGS).to_pylist()],
        "more": max(0, len(tagset) - _TAGS),
        "oversized": _flagged(tagset["flags"].to_pylist(), "oversized"),
        "singletons": _flagged(tagset["flags"].to_pylist(), "singleton"),
        "named": named,
        "suggestions": _suggestions(workspace),
    }


def _suggestions(workspace: Workspace) -> dict[str, Any] | None:
    """Stickers with a suggested tag, tags a sticker among them, and what suggests how many."""
    stickers, total, sources = 0, 0, Counter[str]()
    for block in workspace.blocks:
        rows = workspace.read("suggestions", block, ["tags", "scored"])
        counts = pc.list_value_length(rows["tags"])
        stickers += pc.sum(pc.greater(counts, 0)).as_py() or 0
        total += pc.sum(counts).as_py() or 0
        found = pc.list_flatten(rows["scored"]).combine_chunks()
        given = pc.list_flatten(pc.struct_field(found, "sources"))
        sources.update({row["values"]: row["counts"] for row in pc.value_counts(given).to_pylist()})
    if not stickers:
        return None
    named = ", ".join(f"{source} {count:,}" for source, count in sources.most_common())
    return {"stickers": stickers, "each": total / stickers, "sources": one_line(named)}


def _verdict(elbow: list[dict[str, Any]], named: bool) -> dict[str, str] | None:
    chosen = next((row for row in elbow if row["chosen"]), None)
    if chosen is None:
        return None
    if named:
        return {"mood": "plain", "text": f"K = {chosen['k']} made the clusters that people named."}
    used = f"K = {chosen['k']} is in use"
    elbows = [str(row["k"]) for row in elbow if row["seeds"]]
    if len(elbows) > 1:
        used += f" (by seed: {', '.join(elbows)})"
    if chosen["clear"] is None:
        return {"mood": "plain", "text": f"{used}: the configuration fixes it."}
    height = "" if chosen["height"] is None else f" (height {chosen['height']:.3f})"
    if chosen["clear"]:
        return {"mood": "good", "text": f"{used}; its elbow is clear{height}."}
    vague = f"there is no clear elbow{height}, so other numbers are as defensible."
    return {"mood": "warn", "text": f"{used}; {vague}"}


def _words(workspace: Workspace) -> str | None:
    table = workspace.read("keywords", columns=["keyword", "stickers"])
    if not len(table):
        return None
    order = pc.sort_indices(table, [("stickers", "descending"), ("keyword", "ascending")])
    top = table.take(order[:_KEYWORDS]).to_pylist()
    labels = [one_line(row["keyword"], 24) for row in top]
    return draw_bars(labels, [row["stickers"] or 0 for row in top], "kept stickers")


def _row(row: dict[str, Any]) -> dict[str, Any]:
    words = {name: [one_line(w, 24) for w in (row[name] or [])[:_WORDS]] for name in _LISTS}
    return {**row, **words, "tag": one_line(row["tag"], 40), "flags": row["flags"] or []}


def _flagged(flags: list[list[str] | None], name: str) -> int:
    return sum(name in (row or ()) for row in flags)


_LISTS = ("terms", "exemplars")
