"""Plots as PNG data URIs on a transparent ground, in colours that read on light and on dark."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pipeline.engine.figures import is_share
from pipeline.engine.fonts import chinese_font

_TEXT, _GRID = "#7f8894", "#7f889440"
_BLUE, _RED, _GREEN, _AMBER = "#4f8ff7", "#ef6a5b", "#2fae7a", "#e8a33d"


@dataclass(frozen=True)
class Histogram:
    """Counts between edges, kept and not kept, and the thresholds drawn over them."""

    title: str
    edges: NDArray[Any]
    kept: NDArray[Any]
    dropped: NDArray[Any]
    thresholds: Sequence[float]


def draw_histogram(data: Histogram) -> str:
    """A stacked histogram; the last bin holds everything beyond it."""
    figure, axes = _figure(4.8, 2.7)
    width = np.diff(data.edges)
    axes.bar(data.edges[:-1], data.kept, width, align="edge", color=_BLUE, label="kept")
    axes.bar(
        data.edges[:-1], data.dropped, width, data.kept, align="edge", color=_RED, label="not kept"
    )
    axes.set_ylim(0, 1.22 * max(1.0, float((data.kept + data.dropped).max())))
    for threshold in data.thresholds:
        _mark(axes, threshold, f"{threshold:g}")
    axes.set_xlim(data.edges[0], data.edges[-1])
    axes.set_ylabel("stickers")
    _legend(axes)
    return _uri(figure)


def draw_elbow(rows: Sequence[dict[str, Any]]) -> str:
    """Inertia over the number of clusters, with the chosen number marked."""
    figure, axes = _figure(4.8, 2.7)
    ordered = sorted(rows, key=lambda row: row["k"])
    axes.plot(
        [row["k"] for row in ordered], [row["inertia"] for row in ordered], color=_BLUE, marker="."
    )
    for row in ordered:
        if row["chosen"]:
            _mark(axes, row["k"], f"K = {row['k']}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("clusters (K)")
    axes.set_ylabel("inertia")
    return _uri(figure)


def draw_bars(labels: Sequence[str], values: Sequence[float], unit: str) -> str:
    """Horizontal bars, first on top, with labels in a font that has Chinese glyphs."""
    figure, axes = _figure(4.8, 0.7 + 0.22 * len(labels))
    places = np.arange(len(labels))[::-1]
    axes.barh(places, values, color=_BLUE, height=0.72)
    path = chinese_font()
    font = None if path is None else FontProperties(fname=str(path), size=9)
    # A "$" in a label would be read as mathematics.
    shown = [
        label.replace("$", "\\$") if path or label.isascii() else f"#{rank}"
        for rank, label in enumerate(labels, 1)
    ]
    axes.set_yticks(places, shown)
    for tick in axes.get_yticklabels():
        tick.set_fontproperties(font) if font else tick.set_fontsize(9)
    axes.set_xlabel(unit)
    axes.set_ylim(-0.6, len(labels) - 0.4)
    return _uri(figure)


def draw_shares(edges: NDArray[Any], counts: NDArray[Any], unit: str) -> str:
    """A plain histogram of probabilities."""
    figure, axes = _figure(4.8, 2.4)
    axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=_BLUE)
    axes.axvline((edges[0] + edges[-1]) / 2, color=_AMBER, linestyle="--", linewidth=1.6)
    axes.set_xlabel(unit)
    axes.set_ylabel("stickers")
    return _uri(figure)


def draw_curves(curves: dict[str, list[dict[str, Any]]], field: str, title: str) -> str:
    """One figure over the epochs of each run: the real labels and their shuffled control.

    Shares are drawn in per cent, from 0 to 100; losses on a scale of their own.
    """
    figure, axes = _figure(4.8, 2.7)
    points = {
        name: [
            (row["epoch"], row[field])
            for row in curves.get(name, [])
            if isinstance(row.get(field), (int, float))
        ]
        for name in ("real", "control")
    }
    share = is_share(field, [value for run in points.values() for _, value in run])
    for name, colour, label in (
        ("real", _GREEN, "real labels"),
        ("control", _RED, "shuffled control"),
    ):
        if points[name]:
            epochs, values = zip(*points[name], strict=True)
            shown = [100 * value for value in values] if share else values
            axes.plot(epochs, shown, color=colour, marker=".", label=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"{title}, in per cent" if share else title)
    if share:
        axes.set_ylim(-2, 102)
    if axes.lines:
        _legend(axes)
    return _uri(figure)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=124, layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    axes.tick_params(colors=_TEXT, labelsize=9)
    axes.grid(color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(_TEXT)
    axes.xaxis.label.set_color(_TEXT)
    axes.yaxis.label.set_color(_TEXT)
    return figure, axes


def _mark(axes: Axes, place: float, label: str) -> None:
    axes.axvline(place, color=_AMBER, linestyle="--", linewidth=1.6)
    axes.annotate(
        label,
        (place, 1),
        xycoords=("data", "axes fraction"),
        xytext=(4, -11),
        textcoords="offset points",
        color=_AMBER,
        fontsize=10,
        fontweight="bold",
    )


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, labelcolor=_TEXT, fontsize=9)


def _uri(figure: Figure) -> str:
    target = io.BytesIO()
    with warnings.catch_warnings():
        # An emoji in a label is in no text font; an empty box in a plot is no news.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        # matplotlib would stamp its version on the file.
        figure.savefig(target, format="png", metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(target.getvalue()).decode()
