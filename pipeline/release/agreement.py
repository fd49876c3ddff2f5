"""How far annotators agree on the stickers of a release."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pyarrow as pa

_COLUMNS = ("id", "annotator", "skipped", "simulated", "tags", "domain", "sequence")


@dataclass(frozen=True)
class Agreement:
    """Means over pairs of annotators of one sticker; None where there is no pair.

    ``tag_jaccard`` is the size of the common tags over that of all tags given (two empty sets
    agree wholly), ``share_a_tag`` the share of pairs with a tag in common, ``same_domain`` the
    share with the same domain among pairs that both gave one.
    """

    votes: int
    simulated_votes: int
    annotators: int
    skips: int
    pairs: int
    tag_jaccard: float | None
    share_a_tag: float | None
    same_domain: float | None


def measure_agreement(votes: pa.Table, released: Collection[str]) -> Agreement | None:
    """Agreement of the latest votes on released stickers; None when there are no votes."""
    latest: dict[tuple[str, str], dict[str, Any]] = {}
    rows = [row for row in votes.select(_COLUMNS).to_pylist() if row["id"] in released]
    for row in sorted(rows, key=lambda row: row["sequence"] or 0):
        latest[row["id"], row["annotator"]] = row
    valid = [row for row in latest.values() if not row["skipped"]]
    if not latest:
        return None
    jaccards, shares, domains = [], [], []
    for first, second in _pairs(valid):
        ours, theirs = set(first["tags"] or ()), set(second["tags"] or ())
        jaccards.append(len(ours & theirs) / len(ours | theirs) if ours | theirs else 1.0)
        shares.append(bool(ours & theirs))
        if first["domain"] and second["domain"]:
            domains.append(first["domain"] == second["domain"])
    return Agreement(
        votes=len(valid),
        simulated_votes=sum(bool(row["simulated"]) for row in valid),
        annotators=len({row["annotator"] for row in valid}),
        skips=len(latest) - len(valid),
        pairs=len(jaccards),
        tag_jaccard=_mean(jaccards),
        share_a_tag=_mean(shares),
        same_domain=_mean(domains),
    )


def _pairs(valid: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    by_sticker: dict[str, list[dict[str, Any]]] = {}
    for row in valid:
        by_sticker.setdefault(row["id"], []).append(row)
    return [pair for rows in by_sticker.values() for pair in combinations(rows, 2)]


def _mean(values: list[float] | list[bool]) -> float | None:
    return sum(values) / len(values) if values else None
