"""Who is proposed for a named test set: of each word and domain, apart from each other."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from table_rows import put

from pipeline.engine.workspace import Workspace
from pipeline.split.propose import Candidate, Proposal, propose
from schemas.config import Config, ReleaseConfig

Row = dict[str, Any]


def name(number: int) -> str:
    return f"{number:064x}"


class Stickers:
    """Stickers in two shards, each with one query, unless a test changes them."""

    def __init__(self, root: Path, count: int) -> None:
        self.workspace = Workspace(root)
        self.rows = [self._row(number) for number in range(count)]

    def _row(self, number: int) -> Row:
        return {
            "id": name(number), "kept": True, "outcome": "kept", "group": name(number),
            "representative": True, "domain": ("real", "cartoon")[number % 2],
            "query": f"word{number % 3}", "source": "s", "source_id": str(number),
            "pack_id": f"p{number}", "status": "unlabelled", "tags": [], "value": None,
            "name": "safety",
            "phash": (number * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8),
        }  # fmt: skip

    def __getitem__(self, number: int) -> Row:
        return self.rows[number]

    def propose(self, words: int = 3, each: int = 2, shuffle: int = 0, **release: Any) -> Proposal:
        rows = random.Random(shuffle).sample(self.rows, len(self.rows)) if shuffle else self.rows
        half = len(rows) // 2
        for part, some in enumerate((rows[:half], rows[half:])):
            for table, columns in {
                "stickers": (), "decisions": ("kept", "outcome"),
                "duplicates": ("group", "representative"), "domain": ("domain",),
                "observations": ("query", "source", "source_id", "pack_id"),
                "labels": ("status", "tags"), "signals": ("phash",),
                "expensive_measures": ("name", "value"),
            }.items():  # fmt: skip
                given = [{"id": row["id"], **{c: row[c] for c in columns}} for row in some]
                if table == "observations":
                    given = [
                        {**row, "pack_id": pack} for row in given for pack in row["pack_id"].split()
                    ]
                put(self.workspace, table, given, part)
        config = Config(release=ReleaseConfig(**release))
        return propose(self.workspace, config, words, each)


@pytest.fixture
def stickers(tmp_path: Path) -> Stickers:
    return Stickers(tmp_path, 60)


def cells(proposal: Proposal) -> Counter[tuple[str, str]]:
    return Counter((one.trigger_word, one.test_set) for one in proposal.candidates)


def of(proposal: Proposal, word: str, test_set: str) -> list[str]:
    return [
        one.id
        for one in proposal.candidates
        if (one.trigger_word, one.test_set) == (word, test_set)
    ]


def test_each_of_the_top_words_has_several_of_each_domain(stickers: Stickers) -> None:
    for number in range(0, 60, 3):
        stickers[number]["query"] = " word0 " if number else "word0"
    stickers[1]["query"] = "rare"
    found = stickers.propose(words=2, each=3)
    assert found.stickers == {"word0": 20, "word2": 20}
    sets = {(word, name) for word in ("word0", "word2") for name in ("vsd_r", "vsd_c")}
    assert cells(found) == dict.fromkeys(sets, 3)
    for one in found.candidates:
        assert one.domain == {"vsd_r": "real", "vsd_c": "cartoon"}[one.test_set]
        assert int(one.id, 16) % 2 == (one.domain == "cartoon")
    assert [one.trigger_word for one in found.candidates] == ["word0"] * 6 + ["word2"] * 6


def test_rows_in_another_order_give_the_same(stickers: Stickers) -> None:
    """Of a sticker in two packs, the first by name counts."""
    for number in range(0, 60, 6):
        stickers[number].update(pack_id=("a", "b")[number // 6 % 2], phash=bytes(8))
    stickers[30].update(pack_id="b a", status="effective")
    first = stickers.propose()
    chosen = of(first, "word0", "vsd_r")
    assert (chosen[0], int(chosen[1], 16) // 6 % 2) == (name(30), 1)
    assert [stickers.propose(shuffle=seed) for seed in (1, 2, 3)] == [first] * 3


def test_dropped_unsafe_and_unknown_ones_are_not_proposed(stickers: Stickers) -> None:
    for number in range(54):
        row = stickers[number]
        if number % 3 == 0:
            row["kept"] = False
        elif number % 3 == 1:
            row["value"] = 0.9
        else:
            row["domain"] = None
    found = stickers.propose(each=20)
    assert {int(one.id, 16) for one in found.candidates} == set(range(54, 60))


def test_voted_ones_come_first_then_safe_ones(stickers: Stickers) -> None:
    stickers[30]["status"] = "effective"
    stickers[42]["value"] = 0.01
    found = stickers.propose(words=3, each=2)
    assert of(found, "word0", "vsd_r") == [name(30), name(42)]
    assert Candidate(name(30), "vsd_r", "word0", "real", voted=True) in found.candidates


def test_where_releases_have_labelled_ones_alone_no_other_is_proposed(stickers: Stickers) -> None:
    for number in (30, 42):
        stickers[number].update(status="effective", tags=["a"])
    found = stickers.propose(each=20, labelled_only=True)
    assert {one.id for one in found.candidates} == {name(30), name(42)}


def test_of_a_group_one_is_proposed_whatever_the_word(stickers: Stickers) -> None:
    for number in (0, 2, 4, 6, 8):
        stickers[number].update(group=name(0), status="effective")
    found = {int(one.id, 16) for one in stickers.propose(each=5).candidates}
    assert len(found & {0, 2, 4, 6, 8}) == 1


def test_other_packs_and_other_looks_come_before_the_same(stickers: Stickers) -> None:
    """Of ten real stickers of a word, all but two are of one pack and those look alike."""
    for number in range(0, 60, 6):
        stickers[number].update(pack_id="p", phash=bytes(8))
    stickers[12]["pack_id"], stickers[24]["pack_id"] = "q", "r"
    for number in (12, 24):
        assert name(number) in of(stickers.propose(each=3), "word0", "vsd_r")
    stickers[36]["phash"] = b"\xff" * 8
    assert name(36) in of(stickers.propose(each=4), "word0", "vsd_r")


def test_what_releases_have_in_train_is_not_proposed_and_what_is_reserved_counts(
    stickers: Stickers,
) -> None:
    stickers[6]["group"] = name(0)
    rows = [
        {"id": name(number), "split": split, "release": "stickers-0.1.0", "number": 1}
        for number, split in ((0, "train"), (12, "validation"), (18, "test"))
    ]
    put(stickers.workspace, "released_splits", rows)
    for number in (6, 12, 18):
        stickers[number]["status"] = "effective"
    found = stickers.propose(each=2)
    assert name(18) in of(found, "word0", "vsd_r")
    assert {name(0), name(6), name(12)}.isdisjoint(one.id for one in found.candidates)
    assert found.unsuitable == 3
    pick = {"picked_by": "ann", "picked_at": "2026-01-01T00:00:00.000+00:00", "domain": "real"}
    reserved = {"id": name(18), "test_set": "vsd_r", "trigger_word": "word0", **pick}
    put(stickers.workspace, "reserved", [reserved], None)
    again = stickers.propose(each=2)
    assert (len(of(again, "word0", "vsd_r")), again.taken) == (1, 1)
    assert name(18) not in {one.id for one in again.candidates}
