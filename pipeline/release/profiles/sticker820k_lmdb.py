"""Sticker820K's own layout: infos and images in LMDB, and a list of names for each split."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.datasets.sticker820k import INFO, LABEL, LAYOUT, LMDB_KEY
from pipeline.datasets.sticker820k_files import LONGEST_NAME, Sticker820kWriter
from pipeline.release.profiles.annotations import (
    LABELLING,
    LISTED,
    VOTED_EMOTION,
    VOTED_STYLE,
    Imported,
    LeftOut,
    Names,
    Sticker,
    write_annotations,
)
from pipeline.release.profiles.full import FullRelease
from pipeline.release.profiles.layouts import verify_layout
from pipeline.release.profiles.profile import ExportCounts, ExportRun, Profile
from schemas.release import VOTED

_OURS: Mapping[str, tuple[str, ...]] = {
    "caption": ("description_zh", "caption_zh"),
    "ocr_text": ("ocr_text",),
    "emotion_class": (VOTED_EMOTION, "emotion"),
    "style_class": (VOTED_STYLE, "style_class"),
    LABEL: (VOTED_EMOTION, "emotion"),
}
"""Columns of a release, the best first, that a key of an info comes from."""

_TAKEN = LeftOut("another row has its name")


def _write(full: FullRelease, profile: Profile, folder: Path, run: ExportRun) -> ExportCounts:
    names = Names(LONGEST_NAME, of_files=False)
    columns = dict.fromkeys(name for origins in _OURS.values() for name in origins)
    with Sticker820kWriter(folder) as writer:

        def add(sticker: Sticker) -> list[str] | LeftOut:
            written = []
            for said in _rows(sticker):
                name = said.name if said else None
                if names.free(sticker, name) or names.free(sticker, name := sticker.file_name):
                    info = _info(sticker, said)
                    writer.add(str(name), sticker.split, info, sticker.data)
                    written.append(str(name))
            return written or _TAKEN

        return write_annotations(full, folder, run, (*LABELLING, *columns), add)


def _rows(sticker: Sticker) -> list[Imported | None]:
    """The rows that Sticker820K itself has of a sticker, or none of its words."""
    found = [said for said in sticker.imported if _is_ours(said.record)]
    return [*found] or [None]


def _is_ours(record: Mapping[str, Any]) -> bool:
    # Imports of earlier versions have no such key.
    return LMDB_KEY in record or bool(record and record.keys() <= {*INFO, LABEL})


def _info(sticker: Sticker, said: Imported | None) -> dict[str, str]:
    if said is not None:
        keys = (key for key in said.record if key != LMDB_KEY)
        record = {key: said.record[key] for key in keys if isinstance(said.record[key], str)}
        return record | {key: text for key in _OURS if (text := _answer(sticker, key))}
    info: dict[str, Any] = {}
    for key, columns in _OURS.items():
        texts = [
            text for text in map(sticker.values.get, columns) if isinstance(text, str) and text
        ]
        if texts:
            info[key] = texts[0]
    return info


def _answer(sticker: Sticker, key: str) -> str | None:
    """What people answered, where a key of an info has one of their questions."""
    answer = sticker.values.get(_OURS[key][0]) if _OURS[key][0].startswith(VOTED) else None
    return answer if isinstance(answer, str) else None


STICKER820K_LMDB = Profile(
    name="sticker820k-lmdb",
    about=(
        "Sticker820K's own layout, as its released code reads it: `imgs` and `infos` are LMDB "
        "environments with a file name as key and an image, or a pickled dict of texts, as value; "
        "`train.txt`, `valid.txt` and `test.txt` list the names. Emotion and style are what people "
        "answered to the questions `emotion` and `style` where they agreed, else what Sticker820K "
        "itself or a model said. Pickles run what they name: read "
        "others' with an unpickler that refuses to, as `pipeline/datasets/pickles.py` does."
    ),
    loading=(
        "Read as Sticker820K is: `stickerworks train stickerclip` learns from this folder as it is."
    ),
    columns=LISTED,
    write=_write,
    verify=verify_layout(LAYOUT),
    parquet=False,
)
