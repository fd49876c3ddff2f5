"""The review list: what people flagged, what they said of it, and who they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.report.working import NAME
from pipeline.engine.page.cards import Card
from pipeline.engine.page.missing_tables import missing
from pipeline.engine.text import one_line, shorten_ids
from pipeline.engine.withheld import flagged_stickers
from pipeline.engine.workspace import Workspace

_SHOWN, _WORDS = 48, 6


def review_list(workspace: Workspace) -> dict[str, Any]:
    """Every flagged sticker with each reviewer's word on it, those without a lead's word first.

    After them come their near-duplicates, which go with them. The lead's word overrules the
    others', so what the lead cleared is not here.
    """
    words: dict[str, list[dict[str, Any]]] = {}
    for row in _current(workspace.read("flags").to_pylist()):
        words.setdefault(row["id"], []).append(row)
    found = flagged_stickers(workspace)
    own = {sticker for sticker in found if any(row["flags"] for row in words.get(sticker, ()))}
    ranked = sorted(found, key=lambda s: (s not in own, _settled(words.get(s, ())), s))
    shown = ranked[:_SHOWN]
    why = _provenance(workspace, shown)
    return {
        "missing": missing(workspace, "flags", "decisions"),
        "total": len(own),
        "alike": len(found) - len(own),
        "unsettled": sum(not _settled(words[sticker]) for sticker in own),
        "rows": [
            (
                Card(sticker, () if sticker in own else (why.get(sticker, ""),)),
                [_word(row) for row in words.get(sticker, ())[:_WORDS]],
            )
            for sticker in shown
        ],
        "more": len(ranked) - len(shown),
    }


def _provenance(workspace: Workspace, stickers: Sequence[str]) -> dict[str, str]:
    """Why each must go, for those that were not flagged themselves."""
    reviews = workspace.read("reviews", columns=["id", "flags", "provenance"])
    chosen = pc.is_in(reviews["id"], value_set=pa.array(stickers, pa.string()))
    return {
        row["id"]: one_line(
            f"{', '.join(row['flags'] or ())}: {shorten_ids(row['provenance'] or '')}", 160
        )
        for row in reviews.filter(chosen).to_pylist()
    }


def _current(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The latest word of each reviewer on each sticker that counts and is no skip."""
    counting = [row for row in rows if row["quarantined"] is None]
    counting.sort(key=lambda row: row["sequence"] or 0)
    versions = {(row["id"], row["reviewer"], row["annotation"]): row for row in counting}
    said = sorted(
        (row for row in versions.values() if not row["skipped"]),
        key=lambda row: row["sequence"] or 0,
    )
    latest = {(row["id"], row["reviewer"]): dict(row) for row in said}
    return sorted(latest.values(), key=lambda row: (not row["by_lead"], row["reviewer"]))


def _settled(words: Sequence[Mapping[str, Any]]) -> bool:
    return any(row["by_lead"] for row in words)


def _word(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "who": one_line(row["reviewer"], NAME),
        "lead": bool(row["by_lead"]),
        "flags": [one_line(flag, 24) for flag in row["flags"] or ()],
        "note": one_line(row["note"] or "", 200),
        "annotation": one_line(row["annotation"] or "?", 24),
        "at": one_line((row["created_at"] or "")[:16]).replace("T", " "),
    }
