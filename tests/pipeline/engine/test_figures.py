"""Figures for people: what is a share, and with which unit it is told."""

from __future__ import annotations

import math

import pytest

from pipeline.engine.figures import is_share, points, tell, title_of


@pytest.mark.parametrize(
    ("name", "values", "share"),
    [
        ("mAP", [0.2, 1.0], True),
        ("top 1 CF1", [0.0, math.nan], True),
        ("CLIP R@1", [0.5], True),
        ("validation_loss", [0.2], False),
        ("FVD", [0.9], False),
        ("VQA", [0.5], False),
        ("true circle cross", [1], False),
        ("anything above one", [1.2], False),
        ("a cosine below zero", [-0.1], False),
    ],
)
def test_shares_lie_between_0_and_1_and_have_no_name_of_a_loss_distance_or_count(
    name: str, values: list[float], share: bool
) -> None:
    assert is_share(name, values) is share


def test_shares_are_told_in_per_cent_and_differ_by_points() -> None:
    assert (tell(0.71234, True), tell(0.71234, False)) == ("71.23%", "0.7123")
    assert (points(-0.05, True), points(-0.05, False)) == ("-5.00 points", "-0.05")
    assert tell(math.nan, True) == "none"
    assert (title_of("map"), title_of("R@1")) == ("mAP", "R@1")
