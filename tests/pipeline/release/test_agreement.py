"""Agreement between annotators against hand counts."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from pipeline.release.agreement import measure_agreement
from schemas.tables import VOTES


def votes(*rows: tuple[str, str, list[str] | None, dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "id": id_,
                "annotator": annotator,
                "origin": "label_studio",
                "simulated": False,
                "skipped": tags is None,
                "tags": tags,
                "sequence": number,
                **more,
            }
            for number, (id_, annotator, tags, more) in enumerate(rows)
        ],
        schema=VOTES.schema,
    )


def test_pairs_of_one_sticker_are_compared() -> None:
    found = measure_agreement(
        votes(
            ("a", "ann", ["x", "y"], {"domain": "real"}),
            ("a", "bob", ["x"], {"domain": "real"}),
            ("a", "eve", ["z"], {"domain": "cartoon"}),
            ("b", "ann", [], {}),
            ("b", "bob", [], {"simulated": True}),
            ("b", "eve", None, {}),
            ("elsewhere", "ann", ["x"], {}),
        ),
        {"a", "b"},
    )
    assert found is not None
    assert (found.votes, found.annotators, found.skips, found.simulated_votes) == (5, 3, 1, 1)
    assert found.pairs == 4
    assert found.tag_jaccard == pytest.approx((1 / 2 + 0 + 0 + 1) / 4)
    assert found.share_a_tag == 1 / 4
    assert found.same_domain == pytest.approx(1 / 3)


def test_a_later_vote_replaces_an_earlier_one() -> None:
    found = measure_agreement(
        votes(
            ("a", "ann", ["x"], {"sequence": 9}), ("a", "bob", ["y"], {}), ("a", "ann", ["y"], {})
        ),
        {"a"},
    )
    assert found is not None
    assert (found.pairs, found.tag_jaccard) == (1, 0.0)


def test_no_votes_and_no_pairs_are_told_apart() -> None:
    assert measure_agreement(votes(), {"a"}) is None
    assert measure_agreement(votes(("b", "ann", ["x"], {})), {"a"}) is None
    alone = measure_agreement(votes(("a", "ann", ["x"], {})), {"a"})
    assert alone is not None
    assert (alone.pairs, alone.tag_jaccard, alone.same_domain) == (0, None, None)
