"""What people's text says of the boxes that OCR found: labels of lines, and complete pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from annotation.handoff.aligning import ALIKE, Pair, align, comparable, similarity
from annotation.handoff.crops import Corners, corners
from pipeline.engine.text import one_line

NO_LINES = "OCR found no line in it"
NO_MATCH = "no line that OCR found matches the text"
ADDED = "a line was added that OCR has no box for"
JOINED = "lines that OCR found were joined to one"
UNSURE = "a line that was deleted may be text all the same"
PARTIAL = "a frame doesn't show every line"
BROKEN = "a box is no quadrilateral within its frame"

Line = Mapping[str, Any]
"""Of the table ``ocr``: frame, text, score and box."""


@dataclass(frozen=True)
class TextLabels:
    """Labels by the text that OCR read; ``deleted`` holds what people say is no text.

    ``reason`` says why nothing can be said of where all the text is; None when it can.
    """

    of: Mapping[str, str]
    deleted: frozenset[str]
    reason: str | None


@dataclass(frozen=True)
class Boxed:
    """A line with its label and corners; ``index`` is that of its key frame."""

    index: int
    label: str
    corners: Corners


def read_lines(lines: Sequence[Line]) -> list[str]:
    """The distinct lines that annotators were shown, cleaned, in order."""
    return list(
        dict.fromkeys(text for line in lines if (text := one_line(line["text"] or "", None)))
    )


def label_lines(lines: Sequence[Line], corrected: Sequence[str]) -> TextLabels:
    """Align what was read with what people left of it.

    A line that is split in several keeps its box and gets all of their words; of several lines
    joined to one, nobody said which box has which words, so they get no label.
    """
    read = read_lines(lines)
    pairs = align(read, corrected)
    labels = {read[p.read[0]]: _joined(p, corrected) for p in pairs if len(p.read) == 1}
    matched = {n for pair in pairs for n in pair.corrected}
    deleted = [line for n, line in enumerate(read) if not any(n in p.read for p in pairs)]
    reasons = {
        NO_LINES: not read,
        NO_MATCH: not pairs,
        JOINED: any(len(pair.read) > 1 for pair in pairs),
        ADDED: len(matched) < len(corrected),
        UNSURE: any(_resembles(line, corrected) for line in deleted),
    }
    reason = next((reason for reason, holds in reasons.items() if holds), None)
    return TextLabels(labels, frozenset(deleted), reason)


def boxed_lines(
    lines: Sequence[Line], labels: TextLabels, pictures: Mapping[int, Image.Image]
) -> Iterator[Boxed | None]:
    """The labelled lines in key frames by index; None for one whose box can't be used."""
    for line in lines:
        label = labels.of.get(one_line(line["text"] or "", None))
        if label is None:
            continue
        picture = pictures.get(line["frame"])
        found = None if picture is None else corners(line["box"], picture.size)
        yield None if found is None else Boxed(line["frame"], label, found)


def complete_frames(
    boxed: Sequence[Boxed | None], labels: TextLabels
) -> tuple[dict[int, list[Boxed]], str | None]:
    """Frames whose every text has its box, by index; and why others, or all, are not among them.

    People correct the text of a sticker as a whole. Where its lines come and go, nobody said which
    of them a frame shows, so a frame counts when OCR found all of them in it.
    """
    if labels.reason is not None:
        return {}, labels.reason
    if None in boxed:
        return {}, BROKEN
    frames: dict[int, list[Boxed]] = {}
    for line in boxed:
        if line is not None:
            frames.setdefault(line.index, []).append(line)
    wanted = set(labels.of.values())
    whole = {n: found for n, found in frames.items() if {b.label for b in found} == wanted}
    return whole, None if len(whole) == len(frames) else PARTIAL


def _joined(pair: Pair, corrected: Sequence[str]) -> str:
    return " ".join(corrected[n] for n in pair.corrected)


def _resembles(line: str, corrected: Sequence[str]) -> bool:
    """Whether a deleted line is likely a second reading of a text that was left."""
    short = comparable(line)
    return any(
        short in comparable(other) or similarity(line, other) >= ALIKE for other in corrected
    )
