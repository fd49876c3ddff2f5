"""Pictures of a run: its curves, and sheets of stickers with tags, attention or frames."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pipeline.engine.figures import is_share, title_of
from pipeline.engine.fonts import chinese_font
from pipeline.training.arrays import Images
from pipeline.training.contract import HeatMaps, Prediction
from pipeline.training.frames import decode_key_frame
from pipeline.training.loop import Point, StepLog

_BLUE, _RED, _GREY = "#3b6ea5", "#c0564b", "#b8c4d0"
_COLUMNS, _THUMBNAIL, _SHOWN = 4, 160, 5


def draw_curves(path: Path, steps: Sequence[StepLog], curve: Sequence[Point]) -> None:
    """Losses by epoch, of training and validation, and beside them the validation metrics.

    Losses have a scale of their own; metrics are in per cent, from 0 to 100.
    """
    names = [name for name in (curve[0].metrics if curve else ()) if _any_figure(curve, name)]
    losses = [name for name in names if "loss" in name]
    metrics = [name for name in names if name not in losses]
    width = 11 if metrics else 6
    figure = Figure(figsize=(width, 4), dpi=100, layout="constrained")
    left, *right = figure.subplots(1, 2 if metrics else 1, squeeze=False)[0]
    _draw_losses(left, steps, curve, losses)
    for axes in right:
        _draw_metrics(axes, curve, metrics)
    for axes in (left, *right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="epoch")
        axes.legend(loc="upper right" if axes is left else "lower right")
        axes.grid(alpha=0.3)
    _save(figure, path)


def _any_figure(curve: Sequence[Point], name: str) -> bool:
    """Whether any epoch has one: without validation rows none does."""
    return not all(math.isnan(point.metrics.get(name, math.nan)) for point in curve)


def _draw_losses(
    axes: Axes, steps: Sequence[StepLog], curve: Sequence[Point], names: Sequence[str]
) -> None:
    # An epoch ends at its own number; of one under way it isn't known how many steps it has.
    per_epoch = max(Counter(step.epoch for step in steps).values(), default=1)
    places = [(step.step + 1) / per_epoch for step in steps]
    axes.plot(
        places, [step.loss for step in steps], color=_GREY, linewidth=0.8, label="train, step"
    )
    epochs = [point.epoch for point in curve]
    if curve:
        means = [point.loss for point in curve]
        axes.plot(epochs, means, color=_BLUE, marker=".", label="train, mean of the epoch")
    for name in names:
        values = [point.metrics.get(name, math.nan) for point in curve]
        axes.plot(epochs, values, color=_RED, marker=".", label=title_of(name))
    axes.set(title="Loss")


def _draw_metrics(axes: Axes, curve: Sequence[Point], names: Sequence[str]) -> None:
    epochs = [point.epoch for point in curve]
    values = {name: [point.metrics.get(name, math.nan) for point in curve] for name in names}
    shares = all(is_share(name, points) for name, points in values.items())
    for name, points in values.items():
        shown = [100 * value for value in points] if shares else points
        axes.plot(epochs, shown, marker=".", label=title_of(name))
    axes.set(title="Validation, in per cent" if shares else "Validation")
    if shares:
        axes.set_ylim(-2, 102)


def draw_sheet(path: Path, names: Sequence[str], images: Sequence[bytes],
               predictions: Sequence[Prediction]) -> None:  # fmt: skip
    """Each sticker's key frame over its highest tags, drawn as bars from 0 to 1."""
    columns = min(_COLUMNS, len(images))
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(2.6 * columns, 3.9 * rows), dpi=100, layout="constrained")
    grid = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=[3, 2] * rows)
    font = chinese_font()
    for axes in grid.flat:
        axes.set_axis_off()
    for number, (name, data, prediction) in enumerate(zip(names, images, predictions, strict=True)):
        row, column = divmod(number, columns)
        picture: Axes = grid[2 * row, column]
        picture.imshow(decode_key_frame(data, _THUMBNAIL))
        # A name may hold dollar signs, which would be set as mathematics.
        picture.set_title(name[:28], fontsize=8, parse_math=False, **_font(font))
        _draw_bars(grid[2 * row + 1, column], prediction[:_SHOWN], font)
    _save(figure, path)


def draw_attention(
    path: Path, names: Sequence[str], images: Sequence[bytes], maps: Sequence[HeatMaps]
) -> None:
    """A row for each sticker: its key frame, then each heat map laid over it."""
    titles = list(maps[0])
    columns, rows = 1 + len(titles), len(images)
    figure = Figure(figsize=(2 * columns, 2.2 * rows), dpi=100, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    font = chinese_font()
    for axes in grid.flat:
        axes.set_axis_off()
    for row, (name, data, found) in enumerate(zip(names, images, maps, strict=True)):
        frame = decode_key_frame(data, _THUMBNAIL)
        grid[row, 0].imshow(frame)
        grid[row, 0].set_title(name[:24], fontsize=8, parse_math=False, **_font(font))
        for column, title in enumerate(titles, start=1):
            _lay_over(grid[row, column], frame, found[title])
            if row == 0:
                grid[row, column].set_title(title[:24], fontsize=8)
    _save(figure, path)


def draw_clips(path: Path, captions: Sequence[str], clips: Sequence[Images]) -> None:
    """A row for each clip: its frames in order, under its caption."""
    columns = max(len(clip) for clip in clips)
    figure = Figure(figsize=(1.3 * columns, 1.7 * len(clips)), dpi=100, layout="constrained")
    grid = figure.subplots(len(clips), columns, squeeze=False)
    font = chinese_font()
    for axes in grid.flat:
        axes.set_axis_off()
    for row, (caption, clip) in enumerate(zip(captions, clips, strict=True)):
        for column, frame in enumerate(clip):
            grid[row, column].imshow(frame)
        grid[row, 0].set_title(
            caption[:80], fontsize=8, loc="left", parse_math=False, **_font(font)
        )
    _save(figure, path)


def _lay_over(axes: Axes, frame: Images, heat: NDArray[np.float32]) -> None:
    axes.imshow(frame.mean(-1), cmap="gray", vmin=0, vmax=255)
    extent = (-0.5, _THUMBNAIL - 0.5, _THUMBNAIL - 0.5, -0.5)
    axes.imshow(heat, cmap="inferno", alpha=0.6, extent=extent, vmin=0, vmax=1)


def _draw_bars(axes: Axes, prediction: Prediction, font: Path | None) -> None:
    places = range(len(prediction))
    axes.barh(places, [score for _, score in prediction], color=_GREY)
    for place, (tag, score) in zip(places, prediction, strict=True):
        text = f"{tag[:24]}  {score:.2f}"
        axes.text(0.02, place, text, va="center", fontsize=8, parse_math=False, **_font(font))
    axes.set(xlim=(0, 1), ylim=(_SHOWN - 0.5, -0.5))


def _font(font: Path | None) -> dict[str, Any]:
    return {} if font is None else {"fontproperties": FontProperties(fname=str(font), size=8)}


def _save(figure: Figure, path: Path) -> None:
    with warnings.catch_warnings():
        # Emoji in a tag are in no text font; an empty box in a picture is no news.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        # matplotlib would stamp its version on the file.
        figure.savefig(path, format="png", metadata={"Software": None})
