"""Counts of a release, gathered while its rows are written; memory grows with the tag set only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.counting import count_rules, count_together, count_values, filled
from pipeline.engine.origins import Tally, distinct_files, merged, tally_files
from pipeline.release.answers import AnswerCounts
from pipeline.release.ledger import Ledger
from pipeline.release.makers import Makers
from pipeline.release.statistics import Statistics

PerSplit = dict[str, Counter[str]]


@dataclass
class ReleaseCounts:
    """What is counted; every mapping by split is ``{value: {split: rows}}``."""

    rows: Counter[str] = field(default_factory=Counter)
    formats: PerSplit = field(default_factory=dict)
    domains: PerSplit = field(default_factory=dict)
    label_status: PerSplit = field(default_factory=dict)
    test_sets: PerSplit = field(default_factory=dict)
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
    origins: Tally = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    makers: Makers = field(default_factory=Makers)
    statistics: Statistics = field(default_factory=Statistics)
    answers: tuple[AnswerCounts, ...] = ()

    def add_outcomes(self, decisions: pa.Table) -> None:
        """Count what became of stickers of the crawl."""
        self.outcomes.update(count_values(decisions["outcome"]))
        gone = decisions.filter(pc.not_equal(decisions["outcome"], "released"))
        rules, alone = count_rules(gone["reasons"])
        self.rules.update(rules)
        self.only_rule.update(alone)
        unexplained = pc.sum(pc.equal(pc.list_value_length(gone["reasons"]), 0)).as_py()
        if unexplained:
            self.rules["no reason recorded"] += unexplained

    def add_rows(self, rows: pa.Table) -> None:
        """Count rows of the release, with their ``split`` and whether bytes are ``carried``."""
        splits, carried = rows["split"], rows["carried"]
        self.rows.update(count_values(splits))
        for name, counts in (
            ("format", self.formats), ("domain", self.domains), ("label_status", self.label_status)
        ):  # fmt: skip
            _count(counts, filled(rows[name], "unknown"), splits)
        for name, counts, lengths in (
            ("tags", self.tags, self.tags_per_sticker),
            ("suggested_tags", self.suggested_tags, self.suggested_tags_per_sticker),
        ):
            tags = rows[name].combine_chunks()
            _count(counts, tags.flatten(), splits.take(pc.list_parent_indices(tags)))
            lengths.update(count_values(pc.list_value_length(tags).cast(pa.string())))
        sets = rows["test_sets"].combine_chunks()
        _count(self.test_sets, sets.flatten(), splits.take(pc.list_parent_indices(sets)))
        self.frames.update(count_values(filled(rows["frames"].cast(pa.string()), "unknown")))
        self.captioners.update(count_values(filled(rows["captioner"], "none")))
        self.simulated += pc.sum(rows["simulated"]).as_py() or 0
        self.without_bytes += len(rows) - (pc.sum(carried).as_py() or 0)
        self._count_licences(rows, carried)
        self.ledger.add_rows(rows)
        self.makers.add_rows(rows)
        self.statistics.add_rows(rows)
        for answers in self.answers:
            answers.add_rows(rows)

    def add_observations(self, observations: pa.Table) -> None:
        """Count where the files of stickers of the release come from."""
        files = distinct_files(observations)
        self.origins = merged([self.origins, tally_files(files)])
        self.ledger.add_files(files)

    def _count_licences(self, rows: pa.Table, carried: pa.ChunkedArray) -> None:
        key = [
            pc.binary_join(rows["sources"], " + "),
            filled(rows["licence"], "not stated"),
            filled(rows["licence_basis"], "none"),
            pc.if_else(carried, "with bytes", "without bytes"),
        ]
        for (*licence, kind), count in count_together(key).items():
            self.licences.setdefault((licence[0], licence[1], licence[2]), Counter())[kind] += count

    @property
    def tag_column(self) -> str:
        """Column whose tags describe the release: voted ones where there are any."""
        return "tags" if self.tags else "suggested_tags"

    def as_json(self) -> dict[str, Any]:
        """All counts, JSON-able, in an order that doesn't depend on the order of counting."""
        counts: dict[str, Any] = dict(vars(self))
        for name in ("origins", "ledger", "makers", "statistics"):  # they have files of their own
            del counts[name]
        answers = counts.pop("answers")
        if answers:
            counts["answers"] = {one.question.name: one.as_json() for one in answers}
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


def _count(per_split: PerSplit, values: pa.ChunkedArray, splits: pa.ChunkedArray) -> None:
    for (value, split), count in count_together([values, splits]).items():
        per_split.setdefault(value, Counter())[split] += count
