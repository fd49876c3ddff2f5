"""Reviews: what people flagged must not be published, whatever the rules say.

One flag by anybody who may review is enough; the lead's own word overrules the others'. What is
flagged takes its near-duplicates along, since they show the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipeline.engine.stage import Output, Reader
from schemas.tables import REVIEWS


def collect_reviews(reader: Reader, settings: Any) -> Iterator[Output]:
    """Yield ``reviews`` of every shard from the tables ``flags`` and ``duplicates``."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in _latest(reader.read("flags").to_pylist()):
        found.setdefault(row["id"], []).append(row)
    judged = {sticker: judge_reviews(rows) for sticker, rows in found.items()}
    flagged = {sticker: review for sticker, review in judged.items() if review["flagged"]}
    alike = _flagged_groups(reader, flagged)
    for part in reader.parts:
        rows = []
        for row in reader.read("duplicates", part, ["id", "group"]).to_pylist():
            review = flagged.get(row["id"]) or alike.get(row["group"])
            rows.append({"id": row["id"], **(review or judge_reviews(()))})
        yield REVIEWS.name, part, pa.Table.from_pylist(rows, schema=REVIEWS.schema)


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


def _flagged_groups(
    reader: Reader, flagged: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The review that a group of near-duplicates takes over from the first flagged of it."""
    groups: dict[str, dict[str, Any]] = {}
    for part in reader.parts if flagged else ():
        for row in reader.read("duplicates", part, ["id", "group"]).to_pylist():
            if row["id"] in flagged:
                review = dict(flagged[row["id"]])
                review["provenance"] = f"{review['provenance']} (on {row['id']}, which is alike)"
                groups.setdefault(row["group"], review)
    return groups


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
