"""Dawid and Skene's estimates on simulated annotators whose error rates are known."""

from __future__ import annotations

import sys
from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from annotation.human.reliability import domain_reliability, tag_reliabilities
from pipeline.engine.errors import StickerworksError
from schemas.tables import VOTES

MODEL = "crowdkit.aggregation.classification.dawid_skene"

STICKERS = 2500

# How often each annotator is right about a cartoon, and about a real sticker.
RIGHT = {"ann": (0.95, 0.9), "bob": (0.85, 0.8), "eve": (0.7, 0.6)}


def cast(sticker: int, annotator: str, domain: str | None, tags: list[str]) -> dict[str, object]:
    return {"id": f"{sticker:05}", "annotator": annotator, "origin": "simulated",
            "simulated": True, "skipped": False, "tags": tags, "domain": domain,
            "sequence": 0}  # fmt: skip


@cache
def simulated(stickers: int = STICKERS, real: float = 0.3) -> pa.Table:
    """Votes on the domain, and the tag "x" given wherever real was said."""
    random = np.random.default_rng(4)
    truth = random.random(stickers) < real
    rows = []
    for name, (cartoon_right, real_right) in RIGHT.items():
        correct = random.random(stickers) < np.where(truth, real_right, cartoon_right)
        for n, (is_real, good) in enumerate(zip(truth, correct, strict=True)):
            says_real = bool(is_real == good)
            tags = ["x", "all"] if says_real else ["all"]
            rows.append(cast(n, name, "real" if says_real else "cartoon", tags))
    return pa.Table.from_pylist(rows, schema=VOTES.schema)


def test_known_error_rates_on_the_domain_are_recovered() -> None:
    pytest.importorskip(MODEL, reason="crowd-kit is not installed")
    found = domain_reliability(simulated())
    assert found is not None
    assert (found.tag, found.stickers) == (None, STICKERS)
    assert found.shares["real"] == pytest.approx(0.3, abs=0.03)
    assert [one.annotator for one in found.annotators] == ["ann", "bob", "eve"]
    for one in found.annotators:
        cartoon, real = RIGHT[one.annotator]
        assert one.votes == STICKERS
        assert one.right["cartoon"] == pytest.approx(cartoon, abs=0.03)
        assert one.right["real"] == pytest.approx(real, abs=0.04)


def test_known_error_rates_on_a_tag_are_recovered_and_a_tag_all_give_has_none() -> None:
    pytest.importorskip(MODEL, reason="crowd-kit is not installed")
    [found] = tag_reliabilities(simulated())
    assert found.tag == "x"
    assert found.shares["given"] == pytest.approx(0.3, abs=0.03)
    for one in found.annotators:
        withheld, given = RIGHT[one.annotator]
        assert one.right["withheld"] == pytest.approx(withheld, abs=0.03)
        assert one.right["given"] == pytest.approx(given, abs=0.04)


def test_rare_tags_and_missing_votes_are_left_out() -> None:
    pytest.importorskip(MODEL, reason="crowd-kit is not installed")
    votes = pa.Table.from_pylist(
        [cast(n, name, None, ["x"] if n % 2 else ["y"]) for n in range(20) for name in "ab"]
        + [cast(99, "a", None, ["z"])],
        schema=VOTES.schema,
    )
    assert [one.tag for one in tag_reliabilities(votes, least=20)] == ["x", "y"]
    assert [one.tag for one in tag_reliabilities(votes, least=1)] == ["x", "y", "z"]
    assert domain_reliability(votes) is None


def test_an_annotator_who_never_says_a_value_is_never_right_about_it() -> None:
    pytest.importorskip(MODEL, reason="crowd-kit is not installed")
    rows = [cast(n, name, "real" if n % 2 else "cartoon", []) for n in range(40) for name in "ab"]
    rows += [cast(n, "c", "cartoon", []) for n in range(40)]
    found = domain_reliability(pa.Table.from_pylist(rows, schema=VOTES.schema))
    assert found is not None
    assert found.annotators[2].right["cartoon"] == pytest.approx(1, abs=1e-6)
    assert found.annotators[2].right["real"] == pytest.approx(0, abs=1e-6)


def test_without_crowd_kit_one_is_told_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, MODEL, None)
    with pytest.raises(StickerworksError, match="Dawid and Skene needs crowdkit") as told:
        domain_reliability(simulated(4))
    assert "pip install 'stickerworks[reliability]'" in str(told.value.remedy)
