"""Generated clips beside real ones, in the layout of VSD2M's Table 4."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.baselines.sti.config import StiConfig
from pipeline.baselines.sti.scores import (
    Figures,
    text_similarity,
    video_distance,
    video_quality,
)
from pipeline.engine.errors import StickerworksError
from pipeline.training.arrays import Images

Table = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Clips:
    """As many real clips as generated ones, and what both are said to show."""

    real: Sequence[Images]
    drawn: Sequence[Images]
    descriptions: Sequence[str]


@dataclass(frozen=True)
class _Figure:
    """A figure of Table 4: the setting that it needs, how to get it, and its rows for clips."""

    title: str
    setting: str
    remedy: str
    note: str
    rows: Callable[[Clips, str], dict[str, Figures]]


_FIGURES = (
    _Figure(
        title="VQA",
        setting="quality",
        remedy="a scorer: module:function, or a plugin of the group stickerworks.video_quality",
        note="VQA is the mean of what {} gives",
        rows=lambda clips, name: {
            "drawn": video_quality(clips.drawn, name),
            "real": video_quality(clips.real, name),
        },
    ),
    _Figure(
        title="FVD",
        setting="i3d",
        remedy="the path of an I3D of Kinetics-400 as TorchScript (as StyleGAN-V ships it)",
        note="FVD: clips below 16 frames, real and drawn, are turned back at both ends to 16, so "
        "that figures compare with others' only where they do the same; it falls with the number "
        "of clips",
        rows=lambda clips, path: {"drawn": video_distance(clips.real, clips.drawn, path)},
    ),
    _Figure(
        title="CLIP similarity",
        setting="clip",
        remedy="a CLIP's or Chinese-CLIP's hub name or folder",
        note="CLIP is the mean cosine of frames and description by {}; R@1 has the description of "
        "every clip as candidate, equal ones once",
        rows=lambda clips, name: {
            "drawn": text_similarity(clips.drawn, clips.descriptions, name),
            "real": text_similarity(clips.real, clips.descriptions, name),
        },
    ),
)


def can_compare(config: StiConfig) -> bool:
    """Whether any figure has what it needs named."""
    return any(getattr(config, figure.setting) for figure in _FIGURES)


def missing_figures(config: StiConfig) -> list[str]:
    """A line for each figure that nothing is named for: what it's called, and how to get it."""
    return [
        f"{figure.title} is missing: set {figure.setting} to {figure.remedy}"
        for figure in _FIGURES
        if not getattr(config, figure.setting)
    ]


def compare_clips(clips: Clips, config: StiConfig) -> tuple[Table, list[str]]:
    """Figures of generated and of real clips, and notes.

    A figure whose network can't be had is left out, and a note says why.
    """
    table: Table = {"drawn": {}, "real": {}}
    notes = []
    for figure in _FIGURES:
        name = getattr(config, figure.setting)
        if not name:
            continue
        try:
            rows = figure.rows(clips, name)
        except StickerworksError as error:
            notes.append(f"{figure.title} is missing: {error}")
            continue
        notes.append(figure.note.format(name))
        for row, figures in rows.items():
            table[row] |= figures
    return {row: figures for row, figures in table.items() if figures}, notes
