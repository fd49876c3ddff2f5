"""Flags of reviewers become one verdict a sticker."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipeline.filter.reviews import collect_reviews
from schemas.tables import FLAGS


def flag(reviewer, *flags, sequence=0, annotation=None, **more):
    row = {"id": "s", "reviewer": reviewer, "flags": list(flags), "skipped": False}
    name = annotation or f"1/{reviewer}{sequence}"
    return {**row, "by_lead": False, "sequence": sequence, "annotation": name, **more}


class MemoryReader:
    parts = (0, 1)
    blocks = ((0,), (1,))

    def __init__(self, rows, still_of=None):
        self.flags = pa.Table.from_pylist(rows, schema=FLAGS.schema)
        self.still_of = still_of

    def read(self, table, parts=None, columns=None):
        if table == "duplicates":
            found = pa.table(
                {"id": ["r", "s"], "group": ["r", "s"], "still_of": [self.still_of, None]}
                if parts == (0,)
                else {"id": ["t", "like t"], "group": ["t", "t"], "still_of": [None, None]}
            )
            return found.cast(pa.schema([(name, pa.string()) for name in found.column_names]))
        return self.flags


def review(*rows):
    written = list(collect_reviews(MemoryReader(rows), {}))
    assert [(name, block) for name, block, _ in written] == [("reviews", (0,)), ("reviews", (1,))]
    found = [row for _, _, table in written for row in table.to_pylist()]
    assert [row["id"] for row in found] == ["r", "s", "t", "like t"]
    assert not found[0]["flagged"]
    assert not found[2]["flagged"]
    return found[1]


def test_one_flag_is_enough_and_names_no_person():
    row = review(flag("a@x"), flag("b@x", "offensive", sequence=5))
    assert row["flagged"]
    assert row["flags"] == ["offensive"]
    assert row["provenance"] == "a reviewer, annotation 1/b@x5"


def test_the_lead_overrules_in_both_ways():
    assert not review(flag("a", "offensive"), flag("lead", by_lead=True))["flagged"]
    assert review(flag("a"), flag("lead", "insulting", by_lead=True))["flags"] == ["insulting"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_reviewers_later_word_counts(order):
    rows = [flag("a", "offensive", sequence=1), flag("a", sequence=2)][::order]
    assert not review(*rows)["flagged"]


def test_a_skip_and_what_is_quarantined_change_nothing():
    said = flag("a", "offensive", sequence=1)
    skipped = flag("a", sequence=2, skipped=True)
    foreign = flag("a", sequence=3, quarantined="changed by another user")
    edited = flag("a", sequence=3, annotation=said["annotation"], quarantined="changed")
    assert review(said, skipped, foreign, edited)["flagged"]


def test_an_annotation_that_was_cancelled_no_longer_flags():
    said = flag("a", "offensive", sequence=1)
    gone = flag("a", sequence=2, skipped=True, annotation=said["annotation"])
    assert not review(said, gone)["flagged"]


def test_what_is_flagged_takes_its_near_duplicates_along():
    rows = [flag("a", "offensive") | {"id": "like t"}]
    written = [row for _, _, t in collect_reviews(MemoryReader(rows), {}) for row in t.to_pylist()]
    assert [row["id"] for row in written if row["flagged"]] == ["t", "like t"]
    assert [row["flags"] for row in written[2:]] == [["offensive"], ["offensive"]]
    assert "on like t, which is alike" in written[2]["provenance"]
    assert "alike" not in written[3]["provenance"]


@pytest.mark.parametrize("flagged", ["r", "like t"])
def test_what_is_flagged_takes_an_animation_and_its_still_along(flagged):
    reader = MemoryReader([flag("a", "offensive") | {"id": flagged}], still_of="t")
    written = [row for _, _, t in collect_reviews(reader, {}) for row in t.to_pylist()]
    assert [row["id"] for row in written if row["flagged"]] == ["r", "t", "like t"]
