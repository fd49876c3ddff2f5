"""The vote rules of StickerTAG section 3.2, against a plain statement of them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from table_rows import MemoryReader

from annotation.human.merge import MERGE, merge_votes
from schemas.config import Config, MergeConfig
from schemas.tables import ADJUDICATIONS, LABELS, VOTES

RULE = MergeConfig()
TAGS = ["哭", "笑", "狗", "猫"]


def vote(
    annotator: str, tags: Iterable[str] = (), *, sequence: int = 0, **more: Any
) -> dict[str, Any]:
    row = {"id": "s", "annotator": annotator, "origin": "label_studio", "simulated": False}
    return {**row, "skipped": False, "tags": list(tags), "sequence": sequence, **more}


def skip(annotator: str, sequence: int = 0) -> dict[str, Any]:
    return vote(annotator, sequence=sequence, skipped=True)


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=VOTES.schema)


def decision(tags: list[str], domain: str | None) -> pa.Table:
    row = {"id": "s", "adjudicator": "lead", "skipped": False, "tags": tags, "domain": domain}
    return pa.Table.from_pylist([row], schema=ADJUDICATIONS.schema)


def label(*rows: dict[str, Any], rule: MergeConfig = RULE, tagset: Any = None) -> dict[str, Any]:
    (merged,) = merge_votes(table(list(rows)), ["s"], rule, tagset).to_pylist()
    return dict(merged)


def test_tags_of_two_annotators_are_effective() -> None:
    merged = label(vote("a", ["笑", "狗"]), vote("b", ["笑"]), vote("c", ["猫"]))
    assert (merged["tags"], merged["status"]) == (["笑"], "effective")
    counts = {entry["tag"]: entry["votes"] for entry in merged["counts"]}
    assert counts == {"笑": 2, "狗": 1, "猫": 1}
    assert (merged["votes"], merged["skips"], merged["provenance"]) == (3, 0, "votes")


@pytest.mark.parametrize(
    ("votes", "status"),
    [
        ([vote("a", "1"), vote("b", "2"), vote("c", "3")], "adjudicate"),
        ([vote("a"), vote("b"), vote("c")], "adjudicate"),
        ([vote("a", "1"), vote("b", "2")], "insufficient"),
        ([vote("a", "1"), vote("b", "1")], "effective"),
        ([vote("a", "1"), vote("b", "2"), skip("c")], "insufficient"),
        ([skip("a")], "insufficient"),
        ([vote("a", "1"), skip("b"), skip("c")], "rejected"),
        ([skip("a"), skip("b")], "rejected"),
        ([vote("a", "1"), vote("b", "1"), skip("c"), skip("d")], "effective"),
        ([vote("a", "1"), vote("b", "2"), vote("c", "3"), skip("d"), skip("e")], "rejected"),
        ([], "unlabelled"),
    ],
)
def test_statuses(votes: list[dict[str, Any]], status: str) -> None:
    assert label(*votes)["status"] == status


def test_a_later_vote_replaces_an_earlier_one_whatever_the_row_order() -> None:
    rows = [vote("a", ["笑"], sequence=9), vote("a", ["哭"], sequence=3), vote("b", ["笑"])]
    assert label(*rows)["tags"] == label(*rows[::-1])["tags"] == ["笑"]


def test_an_annotator_counts_once() -> None:
    merged = label(vote("a", ["笑", "笑"], sequence=1), vote("a", ["笑"], sequence=2))
    assert (merged["tags"], merged["votes"]) == ([], 1)
    assert merged["counts"] == [{"tag": "笑", "votes": 1}]


def test_a_skip_counts_only_where_the_annotator_left_no_vote() -> None:
    for skipped, voted in ((1, 2), (2, 1)):
        label_ = label(vote("a", ["笑"]), skip("b", skipped), vote("b", ["笑"], sequence=voted))
        assert (label_["status"], label_["votes"], label_["skips"]) == ("effective", 2, 0)


def test_an_annotation_that_is_cancelled_later_is_a_skip() -> None:
    rows = [vote("a", ["笑"]), vote("b", ["笑"], sequence=1, annotation="7")]
    cancelled = skip("b", 2) | {"annotation": "7"}
    merged = label(*rows, cancelled)
    assert (merged["status"], merged["votes"], merged["skips"]) == ("insufficient", 1, 1)
    again = label(*rows, cancelled, vote("b", ["笑"], sequence=3, annotation="7"))
    assert again["status"] == "effective"


def test_what_is_quarantined_neither_counts_nor_replaces() -> None:
    rows = [vote("a", ["笑"]), vote("b", ["笑"], sequence=1, annotation="7")]
    edited = vote("b", ["哭"], sequence=2, annotation="7", quarantined="edited by another user")
    assert label(*rows, edited)["tags"] == ["笑"]
    assert label(rows[0], edited)["status"] == "insufficient"


def test_a_skip_is_no_empty_set() -> None:
    empty = label(vote("a", ["笑"]), vote("b"), vote("c"))
    skipped = label(vote("a", ["笑"]), skip("b"), skip("c"))
    assert (empty["status"], empty["votes"]) == ("adjudicate", 3)
    assert (skipped["status"], skipped["votes"]) == ("rejected", 1)


def test_tags_of_a_skip_do_not_count() -> None:
    declined = {**skip("b"), "tags": ["笑"], "domain": "real"}
    merged = label(vote("a", ["笑"]), declined)
    assert (merged["tags"], merged["domain"]) == ([], None)


def test_unknown_tags_are_left_out_and_listed() -> None:
    rows = [vote("a", ["笑", "zz", "aa"]), vote("b", ["笑", "zz"])]
    merged = label(*rows, tagset={"笑"})
    assert merged["tags"] == ["笑"]
    assert merged["unknown_tags"] == ["aa", "zz"]
    assert merged["counts"] == [{"tag": "笑", "votes": 2}]
    assert label(*rows)["tags"] == ["zz", "笑"]


def test_agreeing_on_unknown_tags_alone_is_no_agreement() -> None:
    rows = [vote(name, ["zz"]) for name in "abc"]
    merged = label(*rows, tagset=TAGS)
    assert (merged["status"], merged["votes"], merged["unknown_tags"]) == (
        "insufficient",
        0,
        ["zz"],
    )


def test_a_decision_settles_only_what_the_votes_leave_open() -> None:
    disputed = [vote("a", ["哭"]), vote("b", ["笑"]), vote("c", ["狗"])]
    decided = decision(["猫", "zz"], "real")
    merged = merge_votes(table(disputed), ["s"], RULE, TAGS, decided).to_pylist()[0]
    assert (merged["tags"], merged["status"]) == (["猫"], "effective")
    assert (merged["domain"], merged["provenance"]) == ("real", "adjudication")
    assert merged["unknown_tags"] == ["zz"]
    none = decision([], None)
    assert merge_votes(table(disputed), ["s"], RULE, TAGS, none)["status"][0].as_py() == "rejected"
    agreed = [vote("a", ["哭"]), vote("b", ["哭"])]
    merged = merge_votes(table(agreed), ["s"], RULE, TAGS, decided).to_pylist()[0]
    assert (merged["tags"], merged["provenance"]) == (["哭"], "votes")


def test_a_decision_of_unknown_tags_alone_decides_nothing() -> None:
    disputed = [vote("a", ["哭", "aa"]), vote("b", ["笑"]), vote("c", ["狗"])]
    decided = decision(["zz"], "real")
    undecided = merge_votes(table(disputed), ["s"], RULE, TAGS).to_pylist()[0]
    merged = merge_votes(table(disputed), ["s"], RULE, TAGS, decided).to_pylist()[0]
    assert (undecided["status"], undecided["unknown_tags"]) == ("adjudicate", ["aa"])
    assert merged == undecided | {"unknown_tags": ["aa", "zz"]}
    everything = merge_votes(table(disputed), ["s"], RULE, None, decided).to_pylist()[0]
    assert (everything["status"], everything["tags"]) == ("effective", ["zz"])


@pytest.mark.parametrize(
    ("domains", "majority"),
    [
        (["real", "real", "cartoon"], "real"),
        (["real", "cartoon"], None),
        (["cartoon", None, None], "cartoon"),
        ([None], None),
        (["photo", "photo", "real"], "real"),
    ],
)
def test_domain_is_the_majority(domains: list[str | None], majority: str | None) -> None:
    rows = [vote(str(i), ["笑"], domain=domain) for i, domain in enumerate(domains)]
    assert label(*rows)["domain"] == majority


def test_one_simulated_vote_marks_the_label_unless_it_was_replaced() -> None:
    person, machine = vote("a", ["笑"]), vote("b", ["笑"], simulated=True)
    assert label(person, machine)["simulated"]
    assert not label(person, machine, vote("b", ["笑"], sequence=1))["simulated"]
    assert not label()["simulated"]


def test_the_rule_is_configurable() -> None:
    rows = [vote(name, ["笑"]) for name in "abc"]
    assert label(*rows, rule=MergeConfig(annotators=5, agree=4))["status"] == "insufficient"
    assert label(*rows, rule=MergeConfig(annotators=5, agree=3))["tags"] == ["笑"]
    assert label(*rows[:1], rule=MergeConfig(annotators=1, agree=1))["tags"] == ["笑"]


@pytest.mark.parametrize(("votes", "enough"), [(3, 2), (4, 3), (5, 3), (6, 4), (7, 4)])
def test_of_more_votes_than_asked_a_tag_needs_more_than_half(votes: int, enough: int) -> None:
    cast = [vote(str(n), ["笑"] if n < enough else ["狗"]) for n in range(votes)]
    assert label(*cast)["tags"] == ["笑"]
    if votes > RULE.annotators:
        fewer = label(*cast[1:], vote("other", ["猫"]))
        assert (fewer["tags"], fewer["status"]) == ([], "adjudicate")


actions = st.lists(
    st.tuples(
        st.sampled_from(["s", "t", "gone"]),
        st.sampled_from("abcd"),
        st.booleans(),
        st.lists(st.sampled_from([*TAGS, "other"]), max_size=4),
        st.sampled_from(["real", "cartoon", None]),
        st.booleans(),
    ),
    max_size=14,
)


def stated(rows: list[dict[str, Any]], sticker: str, agree: int, needed: int) -> dict[str, Any]:
    """The rule said as plainly as can be: one annotator, one tag and one vote after another."""
    last: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["sequence"]):
        earlier = last.get(row["annotator"])
        if row["id"] == sticker and not (
            row["skipped"] and earlier is not None and not earlier["skipped"]
        ):
            last[row["annotator"]] = row
    cast = [row for row in last.values() if row["skipped"] is False]
    skips = [row for row in last.values() if row["skipped"] is True]
    valid = [row for row in cast if row["tags"] == [] or any(tag in TAGS for tag in row["tags"])]
    voters = {tag: [row for row in cast if tag in row["tags"]] for tag in [*TAGS, "other"]}
    enough = (
        agree
        if len(valid) <= needed
        else math.floor((agree - Fraction(1, 2)) * len(valid) / needed) + 1
    )
    effective = sorted(tag for tag in TAGS if len(voters[tag]) >= enough)
    status = "insufficient"
    if not last:
        status = "unlabelled"
    elif effective:
        status = "effective"
    elif len(skips) >= agree:
        status = "rejected"
    elif len(valid) >= needed:
        status = "adjudicate"
    real = len([row for row in valid if row["domain"] == "real"])
    cartoon = len([row for row in valid if row["domain"] == "cartoon"])
    return {
        "id": sticker,
        "tags": effective,
        "status": status,
        "domain": "real" if real > cartoon else "cartoon" if cartoon > real else None,
        "votes": len(valid),
        "skips": len(skips),
        "counts": [{"tag": t, "votes": len(voters[t])} for t in sorted(TAGS) if voters[t]],
        "unknown_tags": ["other"] if voters["other"] else [],
        "answers": None,
        "domain_reviewed": False,
        "provenance": "votes" if last else None,
        "simulated": any(row["simulated"] for row in last.values()),
    }


@settings(max_examples=150, deadline=None)
@given(actions, st.randoms(), st.integers(1, 3), st.integers(0, 2))
def test_merging_is_what_the_rule_states(
    drawn: list[tuple[Any, ...]], random: Any, agree: int, more: int
) -> None:
    rows = [
        vote(annotator, tags, sequence=n, skipped=skipped, domain=domain, simulated=simulated)
        | {"id": sticker}
        for n, (sticker, annotator, skipped, tags, domain, simulated) in enumerate(drawn)
    ]
    random.shuffle(rows)
    rule = MergeConfig(agree=agree, annotators=agree + more)
    merged = merge_votes(table(rows), ["t", "s", "never"], rule, TAGS)
    assert merged.schema == LABELS.schema
    assert merged.to_pylist() == [
        stated(rows, sticker, agree, agree + more) for sticker in ("t", "s", "never")
    ]


class Shards(MemoryReader):
    """Tables in memory, two blocks of stickers."""

    parts = (0, 1, 70)
    blocks = ((0, 1), (70,))

    def read(
        self,
        table: str,
        parts: int | Sequence[int] | None = None,
        columns: list[str] | None = None,
    ) -> pa.Table:
        if table == "stickers":
            return pa.table({"id": ["s", "t"] if parts == (0, 1) else ["u"]})
        return super().read(table, parts, columns)


def test_the_step_writes_every_block_with_and_without_votes() -> None:
    rows = [vote(name, ["笑", "zz"]) | {"id": "u"} for name in "ab"]
    shards = Shards(votes=table(rows), tagset=[{"tag": tag} for tag in TAGS])
    written = list(MERGE.run(shards, MERGE.settings(Config())))
    assert [(name, part) for name, part, _ in written] == [("labels", (0, 1)), ("labels", (70,))]
    assert written[0][2]["status"].to_pylist() == ["unlabelled", "unlabelled"]
    assert written[1][2].to_pylist()[0]["tags"] == ["笑"]
    without = list(MERGE.run(Shards(votes=table([])), MERGE.settings(Config())))
    assert [len(made) for _, _, made in without] == [2, 1]


def test_without_a_tag_set_every_tag_is_known() -> None:
    rows = [vote(name, ["zz"]) | {"id": "u"} for name in "ab"]
    written = list(MERGE.run(Shards(votes=table(rows)), MERGE.settings(Config())))
    assert written[1][2].to_pylist()[0]["tags"] == ["zz"]


def test_stickertag_sized_votes_merge_in_three_seconds() -> None:
    random = np.random.default_rng(0)
    stickers = [f"{n:064x}" for n in range(13_571)]
    tags = [f"tag {n}" for n in range(461)]
    rows = [
        vote(name, [tags[i] for i in random.integers(0, 461, 3)], sequence=n) | {"id": key}
        for n, key in enumerate(stickers)
        for name in "abc"
    ]
    votes = table(rows)
    start = time.process_time()
    merged = merge_votes(votes, stickers, RULE, tags)
    assert time.process_time() - start < 3
    assert len(merged) == 13_571
