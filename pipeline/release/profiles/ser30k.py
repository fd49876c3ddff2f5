"""SER30K's annotation files: images by topic, text, three votes and an emotion from 1 to 7."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.datasets.emotion_layouts import SER30K as LAYOUT
from pipeline.datasets.ser30k import EMOTIONS, VOTES, Ser30kRow, Split, parse_label
from pipeline.datasets.ser30k_files import Ser30kWriter
from pipeline.release.profiles.annotations import (
    LABELLING,
    LISTED,
    LeftOut,
    Names,
    Sticker,
    emotion_of,
    write_annotations,
)
from pipeline.release.profiles.full import FullRelease
from pipeline.release.profiles.layouts import verify_layout
from pipeline.release.profiles.profile import ExportCounts, ExportRun, Profile

_VIEWS = {
    "intention": "intention",
    "style": "overall_style",
    "main_role": "main_role",
    "character_details": "character_details",
}
"""Views of MGHFT by the columns of a release that hold them."""

_SPLITS: dict[str, Split] = {"train": "train", "validation": "val", "test": "test"}
_TOPIC_LENGTH = 60
_NO_EMOTION = LeftOut("it has no emotion of SER30K's seven")


def _write(full: FullRelease, profile: Profile, folder: Path, run: ExportRun) -> ExportCounts:
    names = Names()
    columns = (*LABELLING, "ocr_text", "pack", *_VIEWS.values())
    said_by = Counter[str]()
    with Ser30kWriter(folder) as writer:

        def add(sticker: Sticker) -> list[str] | LeftOut:
            found = (_row(sticker, said, names) for said in _records(sticker))
            rows = []
            for row, who in filter(None, found):
                rows.append(row)
                said_by[who] += 1
                writer.add(row, _SPLITS[sticker.split], sticker.data, _views(sticker))
            return [row.image for row in rows] or _NO_EMOTION

        return replace(write_annotations(full, folder, run, columns, add), said_by=dict(said_by))


def _records(sticker: Sticker) -> list[Mapping[str, Any]]:
    """The rows that SER30K itself has of a sticker, or none of its words."""
    return [said.record for said in sticker.imported if "topic" in said.record] or [{}]


def _row(sticker: Sticker, said: Mapping[str, Any], names: Names) -> tuple[Ser30kRow, str] | None:
    """A row, and who says its emotion."""
    emotion = emotion_of(sticker, EMOTIONS, parse_label(said.get("anno")))
    if emotion is None:
        return None
    topic, name = said.get("topic"), said.get("file_name")
    if not names.free(sticker, topic, name):
        topic, name = _topic(sticker.values["pack"]), sticker.file_name
        # Two rows of the same bytes, neither under its own name, are one.
        if not names.free(sticker, topic, name):
            return None
    text = said["text"] if isinstance(said.get("text"), str) else sticker.values["ocr_text"]
    first, second, third = (parse_label(said.get(vote)) for vote in VOTES)
    votes = (first, second, third)
    row = Ser30kRow(str(topic), str(name), text or "", votes, emotion.number)
    return row, emotion.said_by


def _topic(pack: str | None) -> str:
    """A folder's name made of a pack's title, whatever that is."""
    kept = "".join(sign if sign.isalnum() else "_" for sign in (pack or "")[:_TOPIC_LENGTH])
    return kept.strip("_") or "none"


def _views(sticker: Sticker) -> dict[str, str]:
    found = {view: sticker.values[column] for view, column in _VIEWS.items()}
    return {view: text for view, text in found.items() if text}


SER30K = Profile(
    name="ser30k",
    about=(
        "SER30K's layout: `Images/<topic>/<file>`, and as JSON in `Annotations` the topic, file "
        "name, text, three votes and emotion (1 to 7: "
        + ", ".join(EMOTIONS.values())
        + ") of each row, one file a split. `Annotations_mg` is there where rows have MGHFT's four "
        "views. The emotion is what people answered to the question `emotion`, else the one tag of "
        "people that names one of the seven, or what SER30K itself said, or else what a model "
        "wrote; rows without one are left out. Votes are "
        "SER30K's own: other rows have none. SER30K holds stills alone, a release may hold "
        "animations."
    ),
    loading="Read as SER30K is: `stickerworks train mghft` learns from this folder as it stands.",
    columns=LISTED,
    write=_write,
    verify=verify_layout(LAYOUT),
    parquet=False,
)
