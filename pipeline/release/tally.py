"""Counts of a release, gathered while its rows are written; memory grows with the tag set only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

PerSplit = dict[str, Counter[str]]


@dataclass
class ReleaseCounts:
    """What is counted; every mapping by split is ``{value: {split: rows}}``."""

    rows: Counter[str] = field(default_factory=Counter)
    formats: PerSplit = field(default_factory=dict)
    domains: PerSplit = field(default_factory=dict)
    label_status: PerSplit = field(default_factory=dict)
    tags: PerSplit = field(default_factory=dict)
    suggested_tags: PerSplit = field(default_factory=dict)
    tags_per_sticker: Counter[str] = field(default_factory=Counter)
    suggested_tags_per_sticker: Counter[str] = field(default_factory=Counter)
    frames: Counter[str] = field(default_factory=Counter)
    captioners: Counter[str] = field(default_factory=Counter)
    licences: dict[tuple[str, str, str], Counter[str]] = field(default_factory=dict)
    simulated: int = 0
    without_bytes: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    only_rule: Counter[str] = field(default_factory=Counter)

    def add_outcome(self, outcome: dict[str, Any]) -> None:
        """Count what became of a sticker of the crawl."""
        self.outcomes[outcome["outcome"]] += 1
        rules = sorted({reason["rule"] or "unknown" for reason in outcome["reasons"]})
        if outcome["outcome"] == "released":
            return
        self.rules.update(rules or ["no reason recorded"])
        if len(rules) == 1:
            self.only_rule[rules[0]] += 1

    def add_row(self, row: dict[str, Any], split: str) -> None:
        """Count a row of the release."""
        self.rows[split] += 1
        _count(self.formats, [row["format"] or "unknown"], split)
        _count(self.domains, [row["domain"] or "unknown"], split)
        _count(self.label_status, [row["label_status"]], split)
        _count(self.tags, row["tags"], split)
        _count(self.suggested_tags, row["suggested_tags"], split)
        self.tags_per_sticker[str(len(row["tags"]))] += 1
        self.suggested_tags_per_sticker[str(len(row["suggested_tags"]))] += 1
        self.frames["unknown" if row["frames"] is None else str(row["frames"])] += 1
        self.captioners[row["captioner"] or "none"] += 1
        self.simulated += row["simulated"]
        self.without_bytes += row["image"] is None
        carried = "with bytes" if row["image"] else "without bytes"
        key = (
            " + ".join(row["sources"]),
            row["licence"] or "not stated",
            row["licence_basis"] or "none",
        )
        self.licences.setdefault(key, Counter())[carried] += 1

    @property
    def tag_column(self) -> str:
        """Column whose tags describe the release: voted ones where there are any."""
        return "tags" if self.tags else "suggested_tags"

    def as_json(self) -> dict[str, Any]:
        """All counts, JSON-able, in an order that doesn't depend on the order of counting."""
        counts: dict[str, Any] = dict(vars(self))
        counts["licences"] = [
            {"sources": key[0], "licence": key[1], "basis": key[2], **dict(sorted(values.items()))}
            for key, values in sorted(self.licences.items())
        ]
        return counts


def total(per_split: PerSplit) -> Counter[str]:
    """Rows of each value over all splits."""
    return Counter({value: sum(counts.values()) for value, counts in per_split.items()})


def ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    """Most frequent first; the name decides among equals."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _count(per_split: PerSplit, values: list[str], split: str) -> None:
    for value in values:
        per_split.setdefault(value, Counter())[split] += 1
