"""A release beside the one before it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.release.looking.floors import (
    Size,
    floor_checks,
    read_verdict,
    release_before,
    size_of,
)

Make = Callable[..., Any]
BEFORE = {"figure": "mAP", "real_interval": [0.6, 0.8], "agreement": [0.7, 0.8], "settings": {}}


def outcomes(now: Size, before: Size, ours: Any, theirs: Any) -> dict[str, str]:
    checks = floor_checks(now, before, "a-0.1.0", 0.1, (ours, theirs))
    return {check.name.partition(" ")[0]: check.outcome for check in checks}


def test_the_highest_lower_version_of_the_same_name_stands_before(tmp_path: Path) -> None:
    for name in ("a-0.2.0", "a-0.9.1", "a-0.10.0", "a-1.0.0", "b-0.9.5", "a-0.9.0", "a"):
        (tmp_path / name).mkdir()
    (tmp_path / "a-0.9.9").write_text("no folder", encoding="utf-8")
    assert release_before(tmp_path / "a-0.10.0") == tmp_path / "a-0.9.1"
    assert release_before(tmp_path / "a-0.2.0") is None
    assert release_before(tmp_path / "c-1.0.0") is None


def test_rows_and_different_tags_are_counted_in_the_shards(release: Make, row: Make) -> None:
    folder = release(
        train=[row(None, tags=["a", "b"]), row(None, tags=None)], test=[row(None, tags=["b", "c"])]
    )
    assert size_of(folder) == Size(3, 3)
    with pytest.raises(StickerworksError, match="no release"):
        size_of(folder / "data")
    (folder / "data" / "train-00000-of-00001.parquet").write_bytes(b"none")
    with pytest.raises(StickerworksError, match="can't be read"):
        size_of(folder)


@pytest.mark.parametrize(
    ("now", "ours", "failed"),
    [
        (Size(90, 9), BEFORE, set()),
        (Size(89, 10), BEFORE, {"rows"}),
        (Size(200, 8), BEFORE, {"tags"}),
        (Size(100, 10), {**BEFORE, "real_interval": [0.4, 0.61]}, set()),
        (Size(100, 10), {**BEFORE, "real_interval": [0.4, 0.59]}, {"figure"}),
        (Size(100, 10), {**BEFORE, "agreement": [0.5, 0.69]}, {"agreement"}),
    ],
)
def test_what_was_lost_beyond_its_bound_fails(now: Size, ours: Any, failed: set[str]) -> None:
    found = outcomes(now, Size(100, 10), ours, BEFORE)
    assert set(found) == {"rows", "tags", "figure", "agreement"}
    assert {name for name, outcome in found.items() if outcome == "failed"} == failed


@pytest.mark.parametrize(
    "theirs",
    [
        {},
        {**BEFORE, "figure": "R@1"},
        {**BEFORE, "settings": {"baseline": "att2pl"}},
        {**BEFORE, "real_interval": ["x", None]},
        {**BEFORE, "real_interval": [float("nan"), 1e300]},
        {**BEFORE, "settings": None},
    ],
)
def test_figures_that_cannot_be_compared_are_not_judged(theirs: Any) -> None:
    assert outcomes(Size(9, 9), Size(9, 9), BEFORE, theirs)["figure"] == "not judged"


@pytest.mark.parametrize("text", ["", "[]", "nothing", "[" * 100_000, "\ud800"])
def test_a_verdict_of_another_shape_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gate-a-0.1.0.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert read_verdict(path) == {}
    assert read_verdict(tmp_path / "missing.json") == {}
    path.write_text(json.dumps(BEFORE), encoding="utf-8")
    assert read_verdict(path) == BEFORE
