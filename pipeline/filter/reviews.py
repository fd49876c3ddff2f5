"""Reviews: what people flagged must not be published, whatever the rules say.

One flag by anybody who may review is enough; the lead's own word overrules the others'. What is
flagged takes its near-duplicates along, since they show the same; so do stills of an animation,
and an animation that shows a still.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.stage import Output, Reader
from schemas.tables import REVIEWS


def collect_reviews(reader: Reader, settings: Any) -> Iterator[Output]:
    """Yield ``reviews`` by blocks from the tables ``flags`` and ``duplicates``."""
    flagged = _flagged(reader.read("flags"))
    groups = _flagged_groups(reader, flagged)
    # A sticker's own review comes first, then that of its group, then none.
    rows = [*flagged.values(), *groups.values(), judge_reviews(())]
    found = pa.Table.from_pylist(rows, schema=REVIEWS.schema.remove(0))
    for block in reader.blocks:
        alike = reader.read("duplicates", block, ["id", "group"])
        own = pc.index_in(alike["id"], value_set=pa.array(list(flagged), pa.string()))
        group = pc.index_in(alike["group"], value_set=pa.array(list(groups), pa.string()))
        place = pc.coalesce(own, pc.add(group, len(flagged)), len(rows) - 1)
        reviews = found.take(place)
        yield REVIEWS.name, block, reviews.add_column(0, REVIEWS.schema.field(0), alike["id"])


def judge_reviews(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Whether a sticker must go, from the latest word of each reviewer on it."""
    leads = [row for row in rows if row["by_lead"]]
    heard = sorted(leads or rows, key=lambda row: (row["reviewer"], row["annotation"]))
    against = [row for row in heard if row["flags"]]
    return {
        "flagged": bool(against),
        "flags": sorted({flag for row in against for flag in row["flags"]}),
        "provenance": "; ".join(_said(row) for row in against) or None,
    }


def _flagged(flags: pa.Table) -> dict[str, dict[str, Any]]:
    """The review of each sticker that must go."""
    # Most of what people look at is fine, so that nobody's word on it needs a row here.
    against = flags.filter(pc.greater(pc.fill_null(pc.list_value_length(flags["flags"]), 0), 0))
    ids = pc.unique(against["id"])
    found: dict[str, list[dict[str, Any]]] = {}
    for row in _latest(flags.filter(pc.is_in(flags["id"], value_set=ids)).to_pylist()):
        found.setdefault(row["id"], []).append(row)
    judged = {sticker: judge_reviews(rows) for sticker, rows in found.items()}
    return {sticker: review for sticker, review in judged.items() if review["flagged"]}


def _flagged_groups(
    reader: Reader, flagged: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The review that a group of near-duplicates takes over from the first flagged of it."""
    groups: dict[str, dict[str, Any]] = {}
    ids = pa.array(list(flagged), pa.string())
    for block in reader.blocks if flagged else ():
        alike = reader.read("duplicates", block, ["id", "group"])
        for row in alike.filter(pc.is_in(alike["id"], value_set=ids)).to_pylist():
            review = dict(flagged[row["id"]])
            review["provenance"] = f"{review['provenance']} (on {row['id']}, which is alike)"
            groups.setdefault(row["group"], review)
    return groups | {
        group: review for group, review in _shown_in(reader, groups).items() if group not in groups
    }


def _shown_in(reader: Reader, groups: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The same for groups of stills of a flagged animation, or of animations that show one."""
    stills: list[dict[str, str]] = []
    for block in reader.blocks if groups else ():
        alike = reader.read("duplicates", block, ["id", "group", "still_of"])
        stills += alike.filter(pc.is_valid(alike["still_of"])).to_pylist()
    animations = pa.array(sorted({row["still_of"] for row in stills}), pa.string())
    group_of: dict[str, str] = {}
    for block in reader.blocks if stills else ():
        alike = reader.read("duplicates", block, ["id", "group"])
        alike = alike.filter(pc.is_in(alike["id"], value_set=animations))
        group_of.update(zip(alike["id"].to_pylist(), alike["group"].to_pylist(), strict=True))
    found: dict[str, dict[str, Any]] = {}
    for row in stills:
        pair = row["group"], group_of[row["still_of"]]
        for one, other in (pair, pair[::-1]):
            if one in groups:
                found.setdefault(other, groups[one])
    return found


def _latest(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What counts: of each annotation its latest version, of each reviewer the latest word."""
    counting = [row for row in rows if row["quarantined"] is None]
    counting.sort(key=lambda row: row["sequence"] or 0)
    versions = {(row["id"], row["reviewer"], row["annotation"]): row for row in counting}
    words = [row for row in versions.values() if not row["skipped"]]
    words.sort(key=lambda row: row["sequence"] or 0)
    return [dict(row) for row in {(row["id"], row["reviewer"]): row for row in words}.values()]


def _said(row: Mapping[str, Any]) -> str:
    # Releases carry this; who the reviewer is stands in the table flags alone.
    who = "the lead" if row["by_lead"] else "a reviewer"
    return f"{who}, annotation {row['annotation']}"
