"""Reviews: what people flagged must not be published, whatever the rules say.

One flag by anybody who may review is enough; the lead's own word overrules the others'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipeline.engine.stage import Output, Reader
from schemas.tables import REVIEWS


def collect_reviews(reader: Reader, settings: Any) -> Iterator[Output]:
    """Yield ``reviews`` of every shard from the table ``flags``."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in _latest(reader.read("flags").to_pylist()):
        found.setdefault(row["id"], []).append(row)
    for part in reader.parts:
        ids = reader.read("stickers", part, ["id"])["id"].to_pylist()
        rows = [{"id": sticker, **judge_reviews(found.get(sticker, ()))} for sticker in ids]
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
