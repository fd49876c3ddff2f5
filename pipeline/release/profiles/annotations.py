"""Profiles that are annotation files: rows of a release under names of published data sets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.datasets.problems import bad_name
from pipeline.engine.errors import StickerworksError
from pipeline.release.features import features_of
from pipeline.release.profiles.full import FullRelease
from pipeline.release.profiles.profile import (
    ATTRIBUTION,
    Column,
    ExportCounts,
    ExportRun,
    described,
)
from schemas.release import SPLITS, VOTED

STICKERS = "stickers.parquet"
"""The file that says which sticker lies under which name."""

LISTED = (
    Column("file", "string", "the row's name in the annotation files"),
    Column("id", "string", "sha256 of the sticker's bytes, in hex"),
    Column("split", "string", "its split in the release"),
    Column("simulated", "bool", "true where the votes are simulated: no person voted"),
    *ATTRIBUTION,
)
"""Columns of that file."""

VOTED_EMOTION, VOTED_STYLE = f"{VOTED}emotion", f"{VOTED}style"
LABELLING = (VOTED_EMOTION, "tags", "label_provenance", "emotion", "imported")
"""Columns of a release that say which emotion a sticker has."""

_EXTENSION = re.compile(r"[a-z0-9]{1,8}")
_USUAL = {"jpeg": "jpg", "apng": "png"}
_LONGEST_NAME = 240
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Imported:
    """What a data set says of a sticker: the row's name there, and the row in its own words."""

    name: str
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Sticker:
    """A row of a release that has bytes: its values by column, and where it was imported from."""

    id: str
    split: str
    data: bytes
    values: Mapping[str, Any]
    imported: tuple[Imported, ...]

    @property
    def file_name(self) -> str:
        """A name of ours: nobody else's sticker has it."""
        return f"{self.id}.{file_extension(self.values['format'])}"


@dataclass(frozen=True)
class LeftOut:
    """Why a layout has no place for a row."""

    reason: str


Add = Callable[[Sticker], list[str] | LeftOut]
"""Writes a sticker, and says under which names of the layout."""


def file_extension(kind: str | None) -> str:
    """The extension that viewers expect of a format."""
    name = _USUAL.get(kind or "", kind or "")
    return name if _EXTENSION.fullmatch(name) else "bin"


def write_annotations(
    full: FullRelease, folder: Path, run: ExportRun, columns: Iterable[str], add: Add
) -> ExportCounts:
    """Hand every row with bytes to ``add``, and write ``stickers.parquet`` about what it wrote."""
    counts = ExportCounts()
    listed = [column.name for column in LISTED if column.name not in ("file", "split")]
    wanted = list(dict.fromkeys([*listed, "image", "format", "imported", *columns]))
    schema = features_of(described(LISTED)).arrow_schema
    with pq.ParquetWriter(folder / STICKERS, schema, compression="zstd") as writer:
        for split in SPLITS:
            done = 0
            for rows in full.groups(split, wanted) if full.rows.get(split) else ():
                names, places = _write_group(rows, split, counts, add)
                about = rows.select(listed).take(pa.array(places, pa.int64()))
                about = about.append_column("file", pa.array(names, pa.string()))
                about = about.append_column("split", pa.repeat(split, len(about)))
                if len(about):
                    counts.simulated += pc.sum(about["simulated"]).as_py() or 0
                    counts.rows[split] = counts.rows.get(split, 0) + len(about)
                    writer.write_table(about.select(schema.names).cast(schema))
                run.tell(split, done, done + len(rows), full.rows[split])
                done += len(rows)
    return counts


def _write_group(
    rows: pa.Table, split: str, counts: ExportCounts, add: Add
) -> tuple[list[str], list[int]]:
    names: list[str] = []
    places: list[int] = []
    for place, row in enumerate(rows.to_pylist()):
        data = (row.pop("image") or {}).get("bytes")
        found: list[str] | LeftOut
        if data is None:
            found = LeftOut("the release carries no image")
        else:
            found = add(Sticker(row["id"], split, data, row, _imported(row)))
        if isinstance(found, LeftOut):
            counts.left_out[found.reason] = counts.left_out.get(found.reason, 0) + 1
            continue
        names += found
        places += [place] * len(found)
    return names, places


def _imported(row: Mapping[str, Any]) -> tuple[Imported, ...]:
    text = row["imported"]
    if text is None:
        return ()
    try:
        first = json.loads(text)
        return tuple(
            Imported(str(said["name"]), dict(said["record"]))
            for said in (first, *first.get("others", ()))
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StickerworksError(
            f"The column imported of sticker {row['id']} isn't what an import writes: "
            f"{type(error).__name__}.",
            "Get the release again; `stickerworks release verify` says what is wrong.",
        ) from error


@dataclass
class Names:
    """Names that a data set gave and that may be a file's here: plain, and each there once.

    Not ``of_files`` are keys: they may begin with a dot, and differ by upper and lower case alone.
    """

    longest: int = _LONGEST_NAME
    of_files: bool = True
    _taken: set[tuple[str, ...]] = field(default_factory=set)

    def free(self, sticker: Sticker, *parts: object) -> bool:
        """Take the parts of a path, unless they could be another's, or lead elsewhere."""
        if any(bad_name(part) or self._is_odd(str(part)) for part in parts):
            return False
        last = str(parts[-1])
        if _SHA256.match(last) and not last.startswith(sticker.id):
            return False
        # File systems of some don't tell upper from lower case.
        key = tuple(str(part).casefold() if self.of_files else str(part) for part in parts)
        if key in self._taken:
            return False
        self._taken.add(key)
        return True

    def _is_odd(self, name: str) -> bool:
        odd_file = name != name.strip() or name.startswith(".")
        return len(name.encode()) > self.longest or (self.of_files and odd_file)


class Emotion(NamedTuple):
    """A sticker's emotion by its number in a data set, and who says so."""

    number: int
    said_by: str


def emotion_of(
    sticker: Sticker, emotions: Mapping[int, str], said: int | None = None
) -> Emotion | None:
    """A sticker's emotion: as people answered, as they tagged, as its data set ``said``, or as
    models say."""
    numbers = {name: number for number, name in emotions.items()}
    if answer := _folded(sticker.values[VOTED_EMOTION]):
        if answer in numbers:
            return Emotion(numbers[answer], "people's answers to the question emotion")
        # No class of this data set: what a model says against people is none either.
        return None if said is None else Emotion(said, "its data set")
    tags = {numbers[tag] for tag in map(_folded, sticker.values["tags"] or ()) if tag in numbers}
    people = sticker.values["label_provenance"] in ("votes", "adjudication", "review")
    if len(tags) == 1 and (people or said is None):
        return Emotion(tags.pop(), "a tag of people" if people else "a tag of a data set")
    if said is not None:
        return Emotion(said, "its data set")
    written = numbers.get(_folded(sticker.values["emotion"]))
    return None if written is None else Emotion(written, "a model or data set (emotion)")


def _folded(value: object) -> str:
    return value.strip().casefold() if isinstance(value, str) else ""
