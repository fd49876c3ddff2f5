"""Pictures of a run: sheets and heat maps show what a tagger sees; curves, on which axes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.training import pictures
from pipeline.training.loop import Point, StepLog
from pipeline.training.pictures import draw_attention, draw_sheet


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures as they were when they were to be saved."""
    figures: list[Figure] = []
    monkeypatch.setattr(pictures, "_save", lambda figure, path: figures.append(figure))
    return figures


def steps(epochs: int, each: int) -> list[StepLog]:
    return [StepLog(n, n // each + 1, 1 / (n + 1), 0.1) for n in range(epochs * each)]


def lines(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    return {
        str(line.get_label()): (list(line.get_xdata()), list(line.get_ydata()))  # type: ignore[arg-type]
        for line in axes.lines
    }


def test_both_losses_share_an_axis_of_whole_epochs_and_shares_are_in_per_cent(
    drawn: list[Figure],
) -> None:
    curve = [
        Point(epoch, 1 / epoch, {"map": 0.2 * epoch, "validation_loss": 2 / epoch})
        for epoch in (1, 2, 3)
    ]
    pictures.draw_curves(Path("unused"), steps(3, 5), curve)
    left, right = drawn[0].axes
    assert lines(left)["validation loss"] == ([1, 2, 3], [2, 1, 2 / 3])
    assert lines(left)["train, mean of the epoch"][0] == [1, 2, 3]
    assert lines(left)["train, step"][0][4::5] == [1, 2, 3], "an epoch ends at its own number"
    assert list(lines(right)) == ["mAP"]
    assert lines(right)["mAP"][1] == pytest.approx([20, 40, 60])
    assert "per cent" in right.get_title()
    for axes in (left, right):
        assert axes.get_xlabel() == "epoch"
        assert all(tick == int(tick) for tick in axes.get_xticks())


def test_a_run_that_has_losses_alone_shows_them_on_a_scale_of_their_own(
    drawn: list[Figure],
) -> None:
    curve = [Point(epoch, 0.03, {"denoising_loss": 0.02}) for epoch in (1, 2)]
    quiet = [StepLog(n, n // 2 + 1, 0.03, 0.1) for n in range(4)]
    pictures.draw_curves(Path("unused"), quiet, curve)
    (axes,) = drawn[0].axes
    assert "validation denoising loss" in lines(axes)
    assert axes.get_ylim()[1] < 0.1


def test_what_no_epoch_has_a_figure_of_is_left_out(drawn: list[Figure]) -> None:
    nothing = [Point(1, 0.5, {"map": math.nan, "validation_loss": math.nan})]
    for curve in (nothing, []):
        pictures.draw_curves(Path("unused"), steps(1, 2), curve)
        (axes,) = drawn.pop().axes
        assert not any("validation" in name for name in lines(axes))


def test_a_sheet_shows_key_frames(tmp_path: Path, appearing: bytes, still: bytes) -> None:
    for name, data in (("moving", appearing), ("still", still)):
        draw_sheet(tmp_path / name, ["a sticker"], [data], [(("circle", 0.9),)])
    assert (tmp_path / "moving").read_bytes() == (tmp_path / "still").read_bytes()


def test_heat_maps_lie_over_key_frames(tmp_path: Path, appearing: bytes, still: bytes) -> None:
    heat = {"where": np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)}
    for name, data in (("moving", appearing), ("still", still)):
        draw_attention(tmp_path / name, ["a sticker"], [data], [heat])
    assert (tmp_path / "moving").read_bytes() == (tmp_path / "still").read_bytes()
