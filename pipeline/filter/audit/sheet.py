"""The contact sheet of an explanation: what each rule drops and keeps nearest to its bounds."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image, ImageDraw, ImageFont

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.images import reading_images
from pipeline.engine.text import one_line
from pipeline.engine.withheld import withheld_stickers
from pipeline.engine.workspace import Workspace
from pipeline.filter.audit.explain import Explained
from pipeline.filter.audit.ladder import nearest
from pipeline.filter.audit.outcomes import ids_of

_ACROSS, _SIDE, _GAP = 10, 96, 8
_TITLE, _LABEL = 22, 14
_INK, _SOFT, _GROUND, _TILE = "#1b2330", "#5d6878", "#ffffff", "#eef0f4"
_TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)


@dataclass(frozen=True)
class _Strip:
    """One row of pictures: its title, and sticker and value of each."""

    title: str
    pictures: tuple[tuple[str, float], ...]


def draw_sheet(workspace: Workspace, explained: Explained, target: Path) -> Path | None:
    """Write a PNG with two strips a rule, dropped and kept; None where there is nothing to show.

    Stickers that people flagged, and their near-duplicates, are not on it.
    """
    strips = _strips(workspace, explained)
    if not strips:
        return None
    stills = _stills(workspace, {sticker for strip in strips for sticker, _ in strip.pictures})
    high = _TITLE + _SIDE + _LABEL + _GAP
    size = _ACROSS * (_SIDE + _GAP) + _GAP, len(strips) * high + _GAP
    sheet = Image.new("RGB", size, _GROUND)
    pen = ImageDraw.Draw(sheet)
    large, small = ImageFont.load_default(14), ImageFont.load_default(11)
    for row, strip in enumerate(strips):
        top = row * high + _GAP
        # The font that Pillow brings has Latin letters; names of strangers may have others.
        pen.text((_GAP, top), one_line(strip.title, 110), fill=_INK, font=large)
        for column, (sticker, value) in enumerate(strip.pictures):
            left, upper = _GAP + column * (_SIDE + _GAP), top + _TITLE
            pen.rectangle((left, upper, left + _SIDE - 1, upper + _SIDE - 1), fill=_TILE)
            if sticker in stills:
                still = stills[sticker]
                corner = left + (_SIDE - still.width) // 2, upper + (_SIDE - still.height) // 2
                sheet.paste(still, corner)
            label = f"{value:.4g}  {sticker[:6]}"
            pen.text((left, upper + _SIDE + 1), label, fill=_SOFT, font=small)
    with atomic_file(target) as temporary:
        sheet.save(temporary, "PNG")
    return target


def _strips(workspace: Workspace, explained: Explained) -> list[_Strip]:
    withheld = withheld_stickers(workspace)
    verdicts, values = explained.verdicts, explained.values
    # More than are shown, since some may be withheld.
    most = _ACROSS + len(withheld)
    chosen: list[tuple[str, list[int], str]] = []
    for rule in explained.explanation.rules:
        if rule.bounds is None:
            continue
        sides = (f"at least {rule.bounds.min:g}" if rule.bounds.min is not None else "",
                 f"at most {rule.bounds.max:g}" if rule.bounds.max is not None else "")  # fmt: skip
        told = f"{rule.name} {' and '.join(filter(None, sides))} {rule.unit}".strip()
        for mask, what in ((verdicts.dropped_by(rule.name), "dropped"), (verdicts.kept, "kept")):
            rows = nearest(values[rule.name], rule.bounds, np.flatnonzero(mask), most)
            chosen.append((f"{told}: {what}, nearest first", rows, rule.name))
    ids = ids_of(workspace, (row for _, rows, _ in chosen for row in rows))
    strips = [
        _Strip(
            title,
            tuple((ids[row], float(values[name][row])) for row in rows if ids[row] not in withheld)[
                :_ACROSS
            ],
        )
        for title, rows, name in chosen
    ]
    return [strip for strip in strips if strip.pictures]


def _stills(workspace: Workspace, wanted: Iterable[str]) -> Mapping[str, Image.Image]:
    """The first key frame of each sticker that has one, shrunk."""
    chosen = pa.array(sorted(wanted), pa.string())
    found: dict[str, Image.Image] = {}
    for part in workspace.parts:
        ids = workspace.read("stickers", part, ["id"])["id"]
        if not pc.any(pc.is_in(ids, value_set=chosen)).as_py():
            continue
        frames = workspace.read("frames", part, ["id", "key_frames"])
        for row in frames.filter(pc.is_in(frames["id"], value_set=chosen)).to_pylist():
            still = _still(row["key_frames"][0]["jpeg"]) if row["key_frames"] else None
            if still is not None:
                found[row["id"]] = still
    return found


def _still(jpeg: bytes | None) -> Image.Image | None:
    """The picture, no larger than a tile; None for a table that holds something else."""
    try:
        with reading_images(), Image.open(io.BytesIO(jpeg or b""), formats=["JPEG"]) as image:
            picture = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, *_TOO_LARGE):
        return None
    picture.thumbnail((_SIDE, _SIDE))
    return picture
