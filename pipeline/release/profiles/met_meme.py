"""MET-MEME's annotation files: images, and labels and texts as CSV in GB18030."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.datasets.emotion_layouts import MET_MEME as LAYOUT
from pipeline.datasets.met_meme import DETAILS, EMOTIONS, MetMemeRow, parse_emotion
from pipeline.datasets.met_meme_files import Language, MetMemeWriter
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

_NAME, _LABEL = "file_name", "sentiment category"
_NO_EMOTION = LeftOut("it has no emotion of MET-MEME's seven")


def _write(full: FullRelease, profile: Profile, folder: Path, run: ExportRun) -> ExportCounts:
    names, said_by = Names(), Counter[str]()
    with ExitStack() as opened:
        writers: dict[Language, MetMemeWriter] = {}

        def writer(language: Language) -> MetMemeWriter:
            if language not in writers:
                writers[language] = opened.enter_context(MetMemeWriter(folder, language))
            return writers[language]

        def add(sticker: Sticker) -> list[str] | LeftOut:
            return list(_add(sticker, names, writer, said_by)) or _NO_EMOTION

        counts = write_annotations(full, folder, run, (*LABELLING, "ocr_text"), add)
        if not writers:
            writer("E")
    return replace(counts, said_by=dict(said_by))


def _add(
    sticker: Sticker,
    names: Names,
    writer: Callable[[Language], MetMemeWriter],
    said_by: Counter[str],
) -> Iterator[str]:
    for said in _records(sticker):
        emotion = emotion_of(sticker, EMOTIONS, _emotion(said.get(_LABEL)))
        language: Language = "C" if said.get("language") == "C" else "E"
        name = said.get(_NAME)
        if emotion is None or not (
            names.free(sticker, language, name)
            or names.free(sticker, language, name := sticker.file_name)
        ):
            continue
        details = tuple(_text(said.get(column)) for column in DETAILS)
        text = _text(said.get("text") if said else sticker.values["ocr_text"])
        row = MetMemeRow(str(name), emotion.number, details)
        said_by[emotion.said_by] += 1
        yield writer(language).add(row, text, sticker.data)


def _records(sticker: Sticker) -> list[Mapping[str, Any]]:
    """The rows that MET-MEME itself has of a sticker, or none of its words."""
    return [said.record for said in sticker.imported if _LABEL in said.record] or [{}]


def _emotion(cell: object) -> int | None:
    number = parse_emotion(cell) if isinstance(cell, str) else None
    return number if isinstance(number, int) else None


def _text(cell: object) -> str:
    return cell if isinstance(cell, str) else ""


MET_MEME = Profile(
    name="met-meme",
    about=(
        "MET-MEME's layout: images in `Eimages` (English, or memes of no data set) or `Cimages` "
        "(Chinese), emotions (1 to 7: "
        + ", ".join(EMOTIONS.values())
        + ") and what else MET-MEME says in `label_E.csv`, texts in `E_text.csv`, all in GB18030. "
        "The emotion is what people answered to the question `emotion`, else the one tag of people "
        "that names one of the seven, or what MET-MEME itself said, or else what a model wrote; "
        "rows without one are left out. MET-MEME has no splits: "
        "`stickers.parquet` keeps the release's."
    ),
    loading="Read as MET-MEME is: `stickerworks train mghft` learns from this folder as it stands.",
    columns=LISTED,
    write=_write,
    verify=verify_layout(LAYOUT, has_splits=False),
    parquet=False,
)
