"""Pictures of a run: its curves, and sheets of stickers with tags, attention or frames."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from numpy.typing import NDArray

from pipeline.baselines.contract import HeatMaps, Images, Prediction
from pipeline.baselines.frames import decode_key_frame
from pipeline.baselines.training import Point, StepLog
from pipeline.engine.fonts import chinese_font

_BLUE, _GREY = "#3b6ea5", "#b8c4d0"
_COLUMNS, _THUMBNAIL, _SHOWN = 4, 160, 5
_NAMES = {"map": "mAP"}


def draw_curves(path: Path, steps: Sequence[StepLog], curve: Sequence[Point]) -> None:
    """Loss of each step with the mean of each epoch, and every validation metric."""
    figure = Figure(figsize=(11, 4), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2)
    done = [step.step + 1 for step in steps]
    left.plot(done, [step.loss for step in steps], color=_GREY, linewidth=0.8, label="step")
    if curve:
        ends = {step.epoch: step.step + 1 for step in steps}
        epochs = [point.epoch for point in curve]
        left.plot(
            [ends[epoch] for epoch in epochs],
            [point.loss for point in curve],
            color=_BLUE,
            label="mean of the epoch",
        )
        for name in curve[0].metrics:
            values = [point.metrics[name] for point in curve]
            right.plot(epochs, values, marker=".", label=_NAMES.get(name, name))
        right.legend()
    left.legend()
    left.set(title="Train loss", xlabel="step")
    right.set(title="Validation", xlabel="epoch")
    if all(0 <= value <= 1 for point in curve for value in point.metrics.values()):
        right.set_ylim(0, 1)
    _save(figure, path)


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
