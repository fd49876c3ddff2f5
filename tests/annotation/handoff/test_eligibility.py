"""No test sticker, no dropped one and no relative of either is handed off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from annotation.handoff.eligibility import Eligibility, read_eligibility
from pipeline.engine.errors import StickerworksError

JPEG = b""


def test_places_are_those_of_the_split(bench: Any, id_of: Callable[[str], str]) -> None:
    bench.add("a", [], [])
    bench.add("b", [], [], split="validation")
    places = read_eligibility(bench.write(), [id_of("a"), id_of("b")])
    assert places == {id_of("a"): Eligibility("train"), id_of("b"): Eligibility("validation")}


def reason(bench: Any, wanted: str) -> str | None:
    place = read_eligibility(bench.write(shard=1), [wanted])[wanted]
    assert (place.split is None) == (place.reason is not None)
    return place.reason


def test_test_stickers_stay(bench: Any) -> None:
    assert reason(bench, bench.add("t", [], [], split="test")) == "it is in test"


def test_dropped_stickers_stay_whatever_an_old_split_says(bench: Any) -> None:
    assert reason(bench, bench.add("d", [], [], kept=False)) == "it was dropped"


def test_stickers_without_a_split_stay(bench: Any) -> None:
    assert reason(bench, bench.add("n", [], [], split=None)) == "it is in no split"


def test_unknown_stickers_stay(bench: Any, id_of: Callable[[str], str]) -> None:
    bench.add("a", [], [])
    assert reason(bench, id_of("stranger")) == "the workspace doesn't have it"
    assert reason(bench, "../../etc/passwd") == "its id is no sha256"


@pytest.mark.parametrize("shared", [{"group": "t"}, {"template": "1"}])
def test_relatives_of_test_stickers_stay(bench: Any, shared: dict[str, str]) -> None:
    """A split that is older than the duplicates may separate what belongs together."""
    bench.add("t", [], [], split="test", **({} if "group" in shared else shared))
    mine = bench.add("a", [], [], **shared)
    assert reason(bench, mine) == "a sticker related to it is in test"


def test_relatives_across_train_and_validation_stay(bench: Any) -> None:
    bench.add("v", [], [], split="validation", template="1")
    mine = bench.add("a", [], [], template="1")
    assert reason(bench, mine) == "stickers related to it are in another split"


def test_relatives_in_no_split_change_nothing(bench: Any) -> None:
    mine = bench.add("a", [], [], template="1")
    bench.add("n", [], [], split=None, kept=False, group="a", template="1")
    assert reason(bench, mine) is None


def test_what_was_flagged_since_the_last_filter_stays(
    bench: Any, id_of: Callable[[str], str]
) -> None:
    bench.add("a", [], [])
    bench.add("b", [], [], group="a")
    for name in "ab":
        bench.stickers[id_of(name)]["reviews"] = {"id": id_of(name), "flagged": name == "a"}
    for name in "ab":
        assert reason(bench, id_of(name)) == "it was flagged, or looks like one that was"


def test_before_the_split_nothing_is_handed_off(bench: Any) -> None:
    mine = bench.add("a", [], [])
    bench.add("b", [], [])
    with pytest.raises(StickerworksError, match="stickerworks split"):
        read_eligibility(bench.write("splits"), [mine])


def test_a_shard_that_the_split_has_not_seen_is_refused(bench: Any) -> None:
    mine = bench.add("a", [], [])
    bench.add("b", [], [])
    workspace = bench.write(shard=1)
    workspace.path("splits", 1).unlink()
    with pytest.raises(StickerworksError, match="stickerworks split"):
        read_eligibility(workspace, [mine])
