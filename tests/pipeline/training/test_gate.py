"""The gate: real labels pass, shuffled ones don't, and what can't be judged says so."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.engine.errors import StickerworksError
from pipeline.training.contract import Judged
from pipeline.training.gate import validate_release
from pipeline.training.gate_checks import noise_checks
from pipeline.training.gate_compared import compare
from pipeline.training.label_noise import LabelNoise
from schemas.config import ValidateConfig

Make = Callable[..., Any]
# Noise is estimated in tests of its own: it takes two more runs.
CONFIG = ValidateConfig(epochs=8, image_side=32, seed=3, max_label_noise=1)


def test_real_labels_pass_and_the_result_shows_both_curves(
    write_release: Make, shapes: Make
) -> None:
    folder = write_release(train=shapes(64), validation=shapes(24, 1000), test=shapes(24, 2000))
    result = validate_release(folder, CONFIG)
    assert (result.verdict, result.passed, result.reasons) == ("passed", True, ())
    assert result.real is not None
    assert result.control is not None
    assert result.interval is not None
    assert result.real > 0.8 > result.control
    assert result.difference == pytest.approx(result.real - result.control)
    assert 0 < result.interval[0] < result.difference < result.interval[1]
    assert result.curves is not None
    assert {name: len(curve) for name, curve in result.curves.items()} == {"real": 8, "control": 8}
    assert result.curves["real"][-1]["loss"] < result.curves["real"][0]["loss"]
    assert result.counts["train"]["with effective tags"] == 64
    assert result.rows == {"train": 64, "validation": 24, "test": 24}
    assert any("very small" in note for note in result.notes)
    torch.manual_seed(99)  # what ran before must not matter
    again = validate_release(folder, CONFIG)
    assert json.dumps(asdict(result)) == json.dumps(asdict(again)), "the same bits on a rerun"


def test_shuffled_labels_fail(write_release: Make, shapes: Make) -> None:
    rows = shapes(88)
    tags = [row["tags"] for row in rows]
    random.Random(0).shuffle(tags)
    for row, tag in zip(rows, tags, strict=True):
        row["tags"] = tag
    # Of a hundred processors one would pass it by luck: that many the usual significance allows.
    strict = CONFIG.model_copy(update={"significance": 0.002})
    result = validate_release(write_release(train=rows[:64], validation=rows[64:]), strict)
    assert (result.verdict, result.passed, result.findings) == ("failed", False, ())


def test_any_finding_fails_a_release_that_teaches(
    write_release: Make, shapes: Make, row: Make
) -> None:
    folder = write_release(
        train=[*shapes(64), row("circle", 5000, template_id="t9")],
        validation=[*shapes(24, 1000), row("circle", 5001, template_id="t9")],
    )
    short = CONFIG.model_copy(update={"epochs": 4})
    own = validate_release(folder, short)
    assert own.verdict == "failed"
    assert own.findings == ("template_id t9 stands in train and validation: a leak",)
    assert own.findings[0] in own.reasons
    given = validate_release(folder, short, findings=["README.md has changed"])
    assert given.findings == ("README.md has changed",)
    assert not given.passed


@pytest.mark.parametrize(
    ("train", "validation", "columns", "reason"),
    [
        (4, 20, {}, "train has 4 usable rows"),
        (20, 7, {}, "validation has 7 usable rows"),
        (20, 20, {"image": None}, r"20 no image"),
        (20, 20, {"tags": []}, r"20 have no tags"),
        (20, 20, {"tags": ["same"]}, "tells validation rows apart"),
    ],
)
def test_too_little_to_judge_is_said_and_does_not_pass(
    write_release: Make, shapes: Make, train: int, validation: int, columns: Any, reason: str
) -> None:
    rows = {"train": shapes(train, **columns), "validation": shapes(validation, 1000, **columns)}
    result = validate_release(write_release(**rows), CONFIG)
    assert result.verdict == "not judged"
    assert not result.passed
    assert reason in result.reasons[0]
    assert result.curves is None
    json.dumps(asdict(result), allow_nan=False)


def broken(row: Make, seed: int, **columns: Any) -> dict[str, Any]:
    """A row whose image can't be decoded."""
    return row("circle", seed, image={"bytes": b"GIF89a", "path": "x.gif"}, **columns)


def test_more_unreadable_images_than_are_allowed_fail_a_release(
    write_release: Make, shapes: Make, row: Make
) -> None:
    lost = [broken(row, 7000), broken(row, 7001, tags=[])]
    folder = write_release(
        train=[*shapes(30), *lost, row("circle", 7002, image=None)],
        validation=[*shapes(17, 1000), broken(row, 7003)],
    )
    short = CONFIG.model_copy(update={"epochs": 1, "image_side": 16})
    result = validate_release(folder, short)
    (reason,) = (reason for reason in result.reasons if "decoded" in reason)
    assert result.verdict == "failed"
    assert reason.startswith("3 of 50 images (6.00%) can't be decoded; 1.00% are allowed: ")
    assert all(one["id"] in reason for one in lost), "also one without tags, and none without bytes"
    allowed = validate_release(folder, short.model_copy(update={"max_unreadable": 0.06}))
    assert not any("decoded" in reason for reason in allowed.reasons)
    assert any("3 of 50 images" in note for note in allowed.notes)


def test_a_release_of_unreadable_images_fails_instead_of_being_too_small_to_judge(
    write_release: Make, shapes: Make, row: Make
) -> None:
    lost = [broken(row, 7000 + n) for n in range(40)]
    result = validate_release(write_release(train=lost[:20], validation=lost[20:]), CONFIG)
    assert result.verdict == "failed"
    assert result.reasons[0].startswith("40 of 40 images (100.00%) can't be decoded")
    assert "20 can't be decoded" in result.reasons[1]


def test_a_finding_fails_also_what_is_too_small_to_judge(write_release: Make, shapes: Make) -> None:
    folder = write_release(train=shapes(6), validation=shapes(6))
    result = validate_release(folder, CONFIG)
    assert result.verdict == "failed"
    assert len(result.findings) == 18, "six ids, groups and templates in both splits"


def test_tags_that_stand_on_one_row_each_can_not_be_judged(
    write_release: Make, shapes: Make
) -> None:
    rows = [{**row, "tags": [f"tag {n}"]} for n, row in enumerate(shapes(30))]
    result = validate_release(write_release(train=rows[:20], validation=rows[20:]), CONFIG)
    assert result.reasons == ("no tag stands on two or more train rows",)


def test_a_release_that_wins_by_less_than_the_margin_fails(
    write_release: Make, shapes: Make
) -> None:
    folder = write_release(train=shapes(64), validation=shapes(24, 1000), test=shapes(5, 2000))
    result = validate_release(folder, CONFIG.model_copy(update={"margin": 0.99}))
    assert result.verdict == "failed"
    assert len(result.reasons) == 1
    assert result.reasons[0].endswith("points of mAP; the margin is 99.00 points")


def test_a_missing_release_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match="no release"):
        validate_release(tmp_path / "nowhere", CONFIG)


def test_a_figure_that_is_no_number_is_not_compared() -> None:
    nothing = Judged("mAP", lambda weights: np.full(len(weights), np.nan), None, {})
    assert compare(nothing, nothing, 10, 3) is None


def test_test_rows_are_judged_and_their_wrong_labels_fail_a_release(
    write_release: Make, shapes: Make
) -> None:
    rows = {"train": shapes(64), "validation": shapes(24, 1000)}
    folder = write_release(**rows, test=shapes(24, 2000))
    good = validate_release(folder, CONFIG)
    assert good.verdict == "passed", good.reasons
    assert good.test is not None
    assert good.test.rows == good.rows["test"] == 24
    assert good.test.difference > 0.3
    wrong = shapes(24, 2000)
    tags = [row["tags"] for row in wrong]
    for row, other in zip(wrong, [*tags[1:], *tags[:1]], strict=True):
        row["tags"] = other
    shutil.rmtree(folder)
    bad = validate_release(write_release(**rows, test=wrong), CONFIG)
    assert bad.verdict == "failed"
    (reason,) = bad.reasons
    assert reason.startswith("on test the real run gets mAP")
    assert "is lower than on validation" in reason
    assert [check.name for check in bad.checks if check.outcome == "failed"] == ["test split"]


def test_too_few_test_rows_are_told_of(write_release: Make, shapes: Make) -> None:
    folder = write_release(train=shapes(64), validation=shapes(24, 1000), test=shapes(5, 2000))
    result = validate_release(folder, CONFIG)
    assert result.verdict == "passed"
    (check,) = (check for check in result.checks if check.outcome != "passed")
    assert (check.name, check.outcome, check.figure) == ("test split", "not judged", "5 rows")
    assert check.reason.startswith("the test split has too few usable rows (5), or tags")


def test_a_release_without_a_test_split_fails(write_release: Make, shapes: Make) -> None:
    folder = write_release(train=shapes(30), validation=shapes(16, 1000))
    result = validate_release(folder, CONFIG.model_copy(update={"epochs": 1}))
    assert result.verdict == "failed"
    assert "the release has no test rows: nobody could report a figure on it" in result.reasons


@pytest.mark.parametrize(
    ("low", "share", "voted", "outcome"),
    [
        (0.10, 0.15, True, "passed"),
        (0.10, 0.25, True, "warned"),
        (0.25, 0.30, True, "failed"),
        (0.10, 0.15, False, "passed"),
        (0.25, 0.30, False, "warned"),
        (0.45, 0.55, False, "failed"),
    ],
)
def test_suggested_tags_may_be_wrong_more_often_but_not_mostly(
    low: float, share: float, voted: bool, outcome: str
) -> None:
    noise = LabelNoise(share, low, 0.9, 100, 100, voted, ("a (b)",))
    (check,) = noise_checks({"train": noise}, ValidateConfig())
    assert check.outcome == outcome
    assert bool(check.reason) == bool(check.remedy) == (outcome != "passed")
    (stated,) = noise_checks({"train": noise}, ValidateConfig(max_label_noise=0.95))
    assert stated.outcome == "passed", "what is stated holds for suggested tags, too"


def test_noise_is_estimated_by_models_that_never_saw_the_rows(
    write_release: Make, shapes: Make
) -> None:
    rows = {"train": shapes(96), "validation": shapes(32, 1000)}
    moved = [row["tags"] for row in rows["train"][:72]]
    random.Random(0).shuffle(moved)
    for row, tags in zip(rows["train"], moved, strict=False):
        row["tags"] = tags
    config = CONFIG.model_copy(update={"max_label_noise": 0.2, "epochs": 24, "image_side": 24})
    result = validate_release(write_release(**rows), config)
    assert result.label_noise is not None
    noise = result.label_noise["train"]
    assert noise is not None
    assert (noise.tags, noise.rows, noise.voted) == (96, 96, True)
    assert noise.low > 0.2
    together = result.label_noise["all splits"]
    assert together is not None
    assert (together.tags, together.rows) == (128, 128)
    assert result.verdict == "failed"
    assert any("of the tags of train seem to belong to other rows" in one for one in result.reasons)


def test_a_domain_is_judged_by_its_own_rows(write_release: Make, shapes: Make) -> None:
    kinds = ("real", "cartoon")
    splits = {
        split: [row for n, kind in enumerate(kinds) for row in shapes(12, first + n, domain=kind)]
        for split, first in (("train", 0), ("validation", 1000))
    }
    config = CONFIG.model_copy(update={"domain": "real", "epochs": 1})
    result = validate_release(write_release(**splits), config)
    assert result.rows == {"train": 12, "validation": 12}
    assert result.settings["domain"] == "real"
