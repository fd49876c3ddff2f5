"""Verifies a release from its own files alone."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from pipeline.datasets.asked import QUESTIONS, read_questions
from pipeline.engine.errors import StickerworksError
from pipeline.engine.safe_yaml import parse_yaml
from pipeline.engine.split_leaks import NEVER_SPLIT, LeakCheck
from pipeline.engine.text import one_line, quoted
from pipeline.release.answers_checked import wrong_answers
from pipeline.release.checksums import check_checksums, listed_sums
from pipeline.release.diff import TAKEN_DOWN
from pipeline.release.features import shard_schema
from pipeline.release.signing import UNSIGNED, Signature, check_signature
from schemas.release import SPLITS, AskedQuestion

_SHOWN = 20
_ID = "^[0-9a-f]{64}$"
_FILES = (
    "counts.json",
    "croissant.json",
    "decisions.parquet",
    "hosts.parquet",
    "legal/index.html",
    "legal/legal.json",
    "legal/licences.csv",
    "statistics.json",
    "tagset.json",
    "unfetched.parquet",
)
# A fetched copy has other shards than the metadata knew; a takedown removes pages that name it.
_WITHOUT = {"croissant.json": ("fetched.json",), "legal/index.html": (TAKEN_DOWN,)}
_FENCE = re.compile(r"^---$", re.MULTILINE)  # before and behind a card's front matter


Check = Callable[[pa.Table], Iterator[str]]
"""Lines about what is wrong with some rows."""


@dataclass(frozen=True)
class Verification:
    """What was read and every problem found; sound when there is none.

    ``bare`` counts rows without any picture, where the validator of a profile does.
    """

    path: Path
    rows: dict[str, int]
    files: int
    problems: tuple[str, ...]
    signature: Signature = UNSIGNED
    bare: int = 0


@dataclass
class _Reading:
    """What has been seen so far, over all shards."""

    check: Check
    schema: pa.Schema | None = None
    whose_schema: str = ""
    of_release: bool = True
    questions: tuple[AskedQuestion, ...] = ()
    rows: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    ids: list[pa.Table] = field(default_factory=list)
    leaks: LeakCheck = field(default_factory=LeakCheck)


def check_images(rows: pa.Table) -> Iterator[str]:
    """A line for each row whose image isn't the sticker that its id names."""
    rows = rows.filter(pc.is_valid(rows["image"]))
    files = pc.struct_field(rows["image"], "bytes").to_pylist()
    for id_, data in zip(rows["id"].to_pylist(), files, strict=True):
        if data is None:
            yield f"sticker {id_} has an image without bytes"
        elif hashlib.sha256(data).hexdigest() != id_:
            yield f"the bytes of sticker {id_} are not those of its id"


def verify_release(
    folder: Path, check: Check = check_images, schema: pa.Schema | None = None
) -> Verification:
    """Read every file to its end; check checksums, rows, schemas, ids and leaks across splits.

    ``check`` looks at the rows; with a ``schema``, every shard must have it, else the columns of a
    release, whose other files must be there. Raises StickerworksError when there is no release at
    ``folder``.
    """
    files = sorted((folder / "data").glob("*.parquet"))
    if not files:
        raise StickerworksError(
            f"There is no release at {folder}.",
            "Give the folder that holds `data/` and README.md; `stickerworks release` makes one.",
        )
    problems = check_checksums(folder)
    if schema is None:
        problems += _missing(folder)
    reading = _Reading(check, schema, "the profile", schema is None, problems=problems)
    if schema is None:
        reading.questions = _asked(folder, problems)
    for file in files:
        split = file.name.partition("-")[0]
        if split not in SPLITS:
            reading.problems.append(f"data/{file.name} is of no known split")
            continue
        try:
            _read_shard(file, split, reading)
        except (pa.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
            told = f"data/{file.name} can't be read to its end: {one_line(error, 200)}"
            reading.problems.append(told)
    reading.problems += _compare_with_card(folder, reading.rows)
    if reading.ids:
        reading.problems += cut(_repeated(pa.concat_tables(reading.ids)))
    for leaks in reading.leaks.problems():
        reading.problems += cut(leaks)
    signature = check_signature(folder)
    if signature.state == "bad":
        reading.problems.append(f"bad signature: {signature.detail}")
    return Verification(folder, dict(reading.rows), len(files), tuple(reading.problems), signature)


def _missing(folder: Path) -> Iterator[str]:
    """A line for each file that every release has."""
    listed = listed_sums(folder)
    for name in _FILES:
        excused = any((folder / beside).is_file() for beside in _WITHOUT.get(name, ()))
        # What the checksums list is told by them.
        if not (folder / name).is_file() and not excused and name not in listed:
            yield f"{name} is missing, which every release has"


def _asked(folder: Path, problems: list[str]) -> tuple[AskedQuestion, ...]:
    try:
        return read_questions(folder)
    except StickerworksError as error:
        problems.append(f"{QUESTIONS} can't be read: {one_line(error.message, 300)}")
        return ()


def _read_shard(file: Path, split: str, reading: _Reading) -> None:
    with pq.ParquetFile(file) as shard:
        _compare_schema(file.name, shard.schema_arrow, reading)
        wrong: list[str] = []
        for group in range(shard.num_row_groups):
            table = shard.read_row_group(group)
            reading.rows[split] += table.num_rows
            table.validate(full=True)
            wrong += [f"data/{file.name}: {line}" for line in _wrong_ids(table["id"])]
            wrong += [f"data/{file.name}: {line}" for line in reading.check(table)]
            lines = wrong_answers(table, reading.questions)
            wrong += [f"data/{file.name}: {line}" for line in lines]
            reading.leaks.add(table.select(NEVER_SPLIT), split)
            name = pa.repeat(file.name, len(table))
            reading.ids.append(pa.table({"id": table["id"], "file": name}))
        reading.problems += cut(wrong)


def _wrong_ids(ids: pa.ChunkedArray) -> Iterator[str]:
    named = pc.fill_null(pc.match_substring_regex(ids, _ID), False)
    for id_ in ids.filter(pc.invert(named)).to_pylist():
        yield "a row has no id" if id_ is None else f"the id {quoted(id_)} is no sha256"


def _repeated(ids: pa.Table) -> list[str]:
    found = ids.group_by("id").aggregate([([], "count_all"), ("file", "max")])
    found = found.filter(pc.greater(found["count_all"], 1)).sort_by("id")
    return [
        f"data/{row['file_max']}: sticker {row['id']} stands in the release twice"
        for row in found.to_pylist()
    ]


def _compare_schema(name: str, schema: pa.Schema, reading: _Reading) -> None:
    expected = shard_schema(schema.names, reading.questions) if reading.of_release else schema
    if not schema.equals(expected, check_metadata=True):
        reading.problems.append(
            f"data/{name} has other columns than a release: {_differing(schema, expected)} differ"
        )
    if reading.schema is None:
        reading.schema, reading.whose_schema = schema, f"data/{name}"
    elif not schema.equals(reading.schema, check_metadata=True):
        # `datasets` would load these with the first shard's features, silently.
        reading.problems.append(
            f"data/{name} has another schema than {reading.whose_schema}: "
            f"{_differing(schema, reading.schema)} differ"
        )


def _differing(schema: pa.Schema, other: pa.Schema) -> str:
    names = {*schema.names} ^ {*other.names}
    both = {*schema.names} & {*other.names}
    if not names and schema.names == other.names:  # a name that stands twice has no one field
        names = {n for n in both if not schema.field(n).equals(other.field(n))}
    return ", ".join(map(quoted, sorted(names))) or "types or features"


def _compare_with_card(folder: Path, rows: Counter[str]) -> list[str]:
    try:
        text = (folder / "README.md").read_text("utf-8")
        front = parse_yaml(_FENCE.split(text, 2)[1])
        said = {split["name"]: split["num_examples"] for split in front["dataset_info"]["splits"]}
        if not all(isinstance(name, str) and type(said[name]) is int for name in said):
            raise TypeError("a name that is no text, or a number of rows that is none")
    except (OSError, ValueError, IndexError, KeyError, TypeError, yaml.YAMLError) as error:
        return [f"README.md doesn't say how many rows there are: {type(error).__name__}"]
    return [
        f"README.md says {said.get(split, 0)} rows of {split}, its shards hold {rows[split]}"
        for split in sorted(said.keys() | rows.keys())
        if said.get(split, 0) != rows[split]
    ]


def cut(problems: list[str]) -> list[str]:
    """The first of many lines, and how many more there are."""
    left = len(problems) - _SHOWN
    return problems[:_SHOWN] + ([f"... and {left:,} more like these"] if left > 0 else [])
