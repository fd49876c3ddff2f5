"""Corrected transcriptions as PaddleOCR's training sets of text detection and recognition.

Format: https://paddlepaddle.github.io/PaddleOCR (ppocr/data/simple_dataset.py, DetLabelEncode).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from PIL import Image

from annotation.handoff.answers import read_answers
from annotation.handoff.crops import cut_out, open_jpeg, write_jpeg
from annotation.handoff.eligibility import Eligibility, read_eligibility
from annotation.handoff.folder import check_output, export_folder, json_line, write_lines
from annotation.handoff.paddle_readme import OcrSummary, readme
from annotation.handoff.stickers import StickerRows, read_stickers
from annotation.handoff.text_boxes import (
    BROKEN,
    Boxed,
    boxed_lines,
    complete_frames,
    label_lines,
    read_lines,
)
from annotation.handoff.transcription import settle
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace

KIND = "ocr"
SET_NAMES = {"train": "train", "validation": "val"}
"""Of the splits, as PaddleOCR calls them."""


def export_ocr(
    workspace: Workspace,
    output: Path,
    *,
    simulated: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> OcrSummary:
    """Write recognition crops, detection pictures and their label files below ``output``.

    Only stickers in train and validation leave. Raises StickerworksError when there is no split
    or no transcription yet, and for an ``output`` that something else lies in.
    """
    check_output(output, KIND)
    answers = read_answers(workspace, "ocr", simulated=simulated)
    eligibilities = read_eligibility(workspace, answers.texts)
    summary = OcrSummary(simulated=simulated, simulated_left_out=answers.simulated)
    with export_folder(output, KIND) as folder, ExitStack() as stack:
        files = _PaddleFiles.open(folder, stack)
        for sticker in read_stickers(workspace, answers.texts, ("frames", "ocr")):
            texts, eligibility = answers.texts[sticker.id], eligibilities[sticker.id]
            row = _export(sticker, texts, eligibility, files, summary)
            files.manifest.write(json_line(row) + "\n")
        for id_ in sorted(set(answers.texts) - files.seen):
            files.manifest.write(json_line(_row(id_, eligibilities[id_], summary)) + "\n")
        characters = sorted(summary.characters - {" "})  # PaddleOCR adds the space by a setting
        write_lines(folder / "rec" / "dict.txt", characters)
        (folder / "README.md").write_text(readme(summary), "utf-8")
    say(
        f"{sum(summary.crops.values())} lines and {sum(summary.pictures.values())} pictures of "
        f"{summary.stickers} stickers; {sum(summary.left_out.values())} stickers are left out."
    )
    return summary


@dataclass
class _PaddleFiles:
    """The files of one export, open."""

    folder: Path
    manifest: IO[str]
    labels: Mapping[tuple[str, str], IO[str]]
    seen: set[str] = field(default_factory=set)

    @classmethod
    def open(cls, folder: Path, stack: ExitStack) -> _PaddleFiles:
        labels = {}
        for task in ("det", "rec"):
            for name in SET_NAMES.values():
                (folder / task / name).mkdir(parents=True)
                path = folder / task / f"{task}_gt_{name}.txt"
                labels[task, name] = stack.enter_context(_write(path))
        return cls(folder, stack.enter_context(_write(folder / "manifest.jsonl")), labels)

    def add(self, task: str, name: str, file: str, jpeg: bytes, label: str) -> None:
        """A picture and its line; paths are relative to the folder of the task."""
        (self.folder / task / name / file).write_bytes(jpeg)
        self.labels[task, name].write(f"{name}/{file}\t{label}\n")


def _write(path: Path) -> IO[str]:
    return path.open("w", encoding="utf-8", newline="\n")


def _export(
    sticker: StickerRows,
    texts: Sequence[str],
    eligibility: Eligibility,
    files: _PaddleFiles,
    summary: OcrSummary,
) -> dict[str, Any]:
    """Write what a sticker gives; its row of the manifest."""
    files.seen.add(sticker.id)
    if eligibility.split is None:
        return _row(sticker.id, eligibility, summary)
    found = _find(sticker, texts)
    if isinstance(found, str):
        return _row(sticker.id, Eligibility(eligibility.split, found), summary)
    name = SET_NAMES[eligibility.split]
    for file, jpeg, label in _crops(sticker.id, found):
        files.add("rec", name, file, jpeg, label)
        summary.characters |= set(label)
        summary.longest = max(summary.longest, len(label))
    for index, boxed in found.whole.items():
        files.add("det", name, f"{sticker.id}-{index}.jpg", found.jpegs[index], _boxes(boxed))
    summary.stickers += 1
    summary.crops[name] += len(found.boxed)
    summary.pictures[name] += len(found.whole)
    summary.bases[found.basis] += 1
    summary.withheld_bytes += not sticker.redistribute
    if found.no_detection is not None:
        summary.no_detection[found.no_detection] += 1
    return {
        "id": sticker.id,
        "split": eligibility.split,
        "recognition": len(found.boxed),
        "detection": len(found.whole),
        "basis": found.basis,
        "no_detection": found.no_detection,
        "redistribute": sticker.redistribute,
    }


@dataclass(frozen=True)
class _StickerText:
    """What a sticker gives; ``whole`` holds the frames for detection by index."""

    basis: str
    boxed: Sequence[Boxed]
    whole: Mapping[int, Sequence[Boxed]]
    no_detection: str | None
    jpegs: Mapping[int, bytes]
    pictures: Mapping[int, Image.Image]


def _find(sticker: StickerRows, texts: Sequence[str]) -> _StickerText | str:
    """What a sticker gives, or why nothing."""
    lines = sticker.rows["ocr"].get("lines") or []
    settled = settle(texts, read_lines(lines))
    if isinstance(settled, str):
        return settled
    labels = label_lines(lines, settled.lines)
    if not labels.of and labels.reason is not None:
        return labels.reason
    jpegs = {frame["index"]: frame["jpeg"] for frame in sticker.key_frames}
    try:
        pictures = {index: open_jpeg(jpeg) for index, jpeg in jpegs.items()}
    except StickerworksError:
        return "a key frame can't be opened"
    boxed = list(boxed_lines(lines, labels, pictures))
    whole, reason = complete_frames(boxed, labels)
    usable = [line for line in boxed if line is not None]
    return _StickerText(settled.basis, usable, whole, reason, jpegs, pictures) if usable else BROKEN


def _crops(id_: str, found: _StickerText) -> Iterator[tuple[str, bytes, str]]:
    """File names, JPEGs and labels for recognition."""
    numbers: Counter[int] = Counter()
    for line in found.boxed:
        file = f"{id_}-{line.index}-{numbers[line.index]}.jpg"
        numbers[line.index] += 1
        yield file, write_jpeg(cut_out(found.pictures[line.index], line.corners)), line.label


def _boxes(found: Sequence[Boxed]) -> str:
    """A detection label: JSON without tabs or line breaks, whatever the text."""
    boxes = [
        {
            "transcription": line.label,
            "points": [[round(x), round(y)] for x, y in line.corners],
        }
        for line in found
    ]
    return json_line(boxes)


def _row(id_: str, eligibility: Eligibility, summary: OcrSummary) -> dict[str, Any]:
    """The row of a sticker that gives nothing."""
    assert eligibility.reason is not None
    summary.left_out[eligibility.reason] += 1
    return {
        "id": id_,
        "split": eligibility.split,
        "recognition": 0,
        "detection": 0,
        "reason": eligibility.reason,
    }
