"""Releases as baselines read them: rows of a split, streamed from its Parquet shards."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.datasets.asked import read_questions
from pipeline.datasets.layout import Layout, Row
from pipeline.engine.errors import StickerworksError
from pipeline.engine.split_leaks import NEVER_SPLIT, LeakCheck
from pipeline.engine.text import plain, quoted
from schemas.release import (
    ANSWER_STATUS,
    COLUMNS,
    SETTLED,
    SPLITS,
    AskedQuestion,
    Column,
    answer_columns,
)
from schemas.tables import DESCRIPTION_FIELDS

NEEDED = ("id", "image", "tags", "label_status", "suggested_tags", "simulated")
TEXTS = ("captioner", "ocr_text", "domain", "pack", *(name for name, _ in DESCRIPTION_FIELDS))
"""Columns of text that a release may have."""
SETS = "test_sets"
"""Column of the named test sets of a row, which a release may have."""

_ORIGIN = ("licence", "licence_basis", "licence_url")
_RECORD = ("label_status", "label_provenance", "captioner", "written_by", "keywords", "imported")
_ALSO = (*TEXTS, "authors", "trigger_words", SETS, *_ORIGIN, *_RECORD)
MORE = tuple(name for name in _ALSO if name not in NEEDED)
"""Columns that a release may have, and that import takes beside those it needs."""


def read_release(folder: Path, split: str) -> Iterator[Row]:
    """Rows of a split, or of a named test set such as ``vsd_r``; every row group is read to its
    end.

    Targets are the effective tags where a row has them, else the suggested ones. Raises
    StickerworksError when a shard can't be read or lacks a column, there is no such test set, or
    a row outside of test is in one.
    """
    for row in _cells(folder, split, NEEDED):
        voted = row["label_status"] == "effective"
        tags = row["tags" if voted else "suggested_tags"] or ()
        yield _taught(row, frozenset(tag for tag in tags if tag), voted)


def read_answers(folder: Path, split: str, question: AskedQuestion) -> Iterator[Row]:
    """The rows of ``read_release`` whose targets are what enough people answered to a question;
    others, that nobody decided on, have none. Raises as that does.
    """
    column = question.column
    needed = ("id", "image", "simulated", column, f"{column}{ANSWER_STATUS}")
    for row in _cells(folder, split, needed, answer_columns(question)):
        given = row[column] if question.kind == "several" else [row[column]]
        settled = row[f"{column}{ANSWER_STATUS}"] in SETTLED
        targets = frozenset(given or ()) & {*question.values} if settled else frozenset()
        yield _taught(row, targets, bool(targets))


def _cells(
    folder: Path, split: str, needed: tuple[str, ...], more: Sequence[Column] = ()
) -> Iterator[dict[str, Any]]:
    read = _split if split in SPLITS else _test_set
    groups = read(folder, split, (*needed, *TEXTS, SETS), more)
    for row in itertools.chain.from_iterable(map(pa.Table.to_pylist, groups)):
        if row["id"] is None:
            raise StickerworksError(
                f"{folder} has a {split} row without an id.", "Get the release again."
            )
        yield row


def _taught(row: Mapping[str, Any], targets: frozenset[str], voted: bool) -> Row:
    data = (row["image"] or {}).get("bytes")
    return Row(
        id=row["id"],
        data=data,
        targets=targets,
        texts={name: row[name] for name in TEXTS if row.get(name)},
        voted=voted,
        simulated=bool(voted and row["simulated"]),
        problem=None if data is not None else "the release carries no bytes",
    )


def find_leaks(folder: Path) -> list[str]:
    """Ids, near-duplicate groups and templates that stand in more than one split."""
    check = LeakCheck()
    for split in SPLITS:
        for rows in read_groups(folder, split, NEVER_SPLIT):
            check.add(rows, split)
    return sorted(itertools.chain.from_iterable(check.problems()))


def _split(
    folder: Path, split: str, columns: tuple[str, ...], more: Sequence[Column]
) -> Iterator[pa.Table]:
    """Rows of a split, of which none that may be learnt from is in a named test set."""
    for rows in read_groups(folder, split, columns, (*TEXTS, SETS), more):
        if split != "test" and SETS in rows.schema.names:
            named = pc.fill_null(pc.greater(pc.list_value_length(rows[SETS]), 0), False)
            if pc.any(named).as_py():
                id_ = rows["id"].filter(named)[0].as_py()
                raise StickerworksError(
                    f"{folder} has the sticker {id_} in {split}, and in a named test set as well.",
                    "Get the release again: `stickerworks split` puts test sets into test alone.",
                )
        yield rows


def _test_set(
    folder: Path, name: str, columns: tuple[str, ...], more: Sequence[Column]
) -> Iterator[pa.Table]:
    found: set[str] = set()
    for rows in read_groups(folder, "test", columns, (*TEXTS, SETS), more):
        if SETS not in rows.schema.names or not pa.types.is_list(rows.schema.field(SETS).type):
            continue
        lists = rows[SETS].combine_chunks()
        sets = pc.list_flatten(lists).cast(pa.string())
        found.update(pc.unique(sets.drop_null()).to_pylist())
        here = pc.unique(pc.list_parent_indices(lists).filter(pc.equal(sets, name)))
        yield rows.take(here)
    if name not in found:
        there = ", ".join(sorted(found)) if found else "none"
        raise StickerworksError(
            f"{folder} has no split and no named test set {quoted(name)}.",
            f"Name train, validation, test or a named test set; of these it has: {plain(there)}.",
        )


def every_row(folder: Path) -> Iterator[Row]:
    """All rows of a release, for import: effective tags alone, and the texts of no template.

    A release's own columns are the record, what it was imported from among them.
    """
    for split in SPLITS:
        for group in read_groups(folder, split, (*NEEDED, *MORE), MORE):
            for cells in group.to_pylist():
                yield _whole(cells, split)


def _whole(cells: Mapping[str, Any], split: str) -> Row:
    if not cells["id"]:
        raise StickerworksError(f"The release has a {split} row without an id.", "Get it again.")
    voted = cells["label_status"] == "effective"
    data = (cells["image"] or {}).get("bytes")
    by_template = ("caption_en", "caption_zh") if cells.get("captioner") == "template" else ()
    stated = {name: cells[name] for name in _ORIGIN if cells.get(name)}
    authors = cells.get("authors") or ()
    return Row(
        id=cells["id"],
        data=data,
        targets=frozenset(filter(None, cells["tags"] or ())) if voted else frozenset(),
        texts={name: cells[name] for name in TEXTS if cells.get(name) and name not in by_template},
        voted=voted,
        simulated=bool(voted and cells["simulated"]),
        problem=None if data is not None else "the release carries no bytes",
        split=split,
        record={name: cells[name] for name in _RECORD if cells.get(name) not in (None, [])},
        trigger_words=tuple(filter(None, cells.get("trigger_words") or ())),
        origin={**stated, "author": authors[0]} if authors else stated,
        test_sets=tuple(filter(None, cells.get(SETS) or ())),
    )


def read_groups(
    folder: Path,
    split: str,
    columns: Sequence[str],
    optional: Sequence[str] = (),
    more: Sequence[Column] = (),
) -> Iterator[pa.Table]:
    """Columns of a split, a row group at a time; ``optional`` ones where a shard has them.

    ``more`` are those of its questions, beside those that every release has.

    Raises StickerworksError when a shard can't be read to its end, is missing, or lacks a column.
    """
    kinds = _KINDS | {name: kind for name, kind, _ in more}
    for file in shard_files(folder, split):
        try:
            with pq.ParquetFile(file) as shard:
                there = [name for name in columns if name in shard.schema_arrow.names]
                missing = sorted({*columns} - {*there} - {*optional})
                if missing:
                    raise pa.ArrowInvalid(f"it has no column {missing[0]}")
                _check_types(shard.schema_arrow, there, kinds)
                for group in range(shard.num_row_groups):
                    rows = shard.read_row_group(group, columns=there)
                    # Arrow takes texts as they are, which need not be UTF-8.
                    rows.validate(full=True)
                    yield rows
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise unreadable_shard(file, error) from error


def unreadable_shard(file: Path, error: Exception) -> StickerworksError:
    """What to say of a shard that is cut off or damaged."""
    return StickerworksError(
        f"{file} can't be read to its end: {error}.",
        "Get that file again, or delete the release and run `stickerworks release`.",
    )


def _recognises(path: Path) -> bool:
    return any((path / "data").glob("*.parquet"))


LAYOUT = Layout(
    name="release",
    recognises=_recognises,
    rows=read_release,
    every=every_row,
    questions=read_questions,
    answered=read_answers,
)


def shard_files(folder: Path, split: str) -> list[Path]:
    """Files of a split, which say how many they are: a part must not pass for all of it."""
    files = sorted((folder / "data").glob(f"{split}-*.parquet"))
    for file in files:
        match = re.search(r"-of-(\d+)\.parquet$", file.name)
        if match and int(match[1]) != len(files):
            raise StickerworksError(
                f"{file.parent} has {len(files)} of the {int(match[1])} files that {file.name} "
                "is one of.",
                "Get the missing ones, or delete the release and run `stickerworks release`.",
            )
    return files


def _check_types(schema: pa.Schema, columns: list[str], kinds: Mapping[str, str]) -> None:
    for name in columns:
        kind = schema.field(name).type
        if not (_FITS[kinds.get(name, "string")](kind) or pa.types.is_null(kind)):
            raise pa.ArrowInvalid(f"its column {name} is of the type {kind}")


def _is_image(kind: pa.DataType) -> bool:
    if not pa.types.is_struct(kind) or kind.get_field_index("bytes") < 0:
        return False
    return bool(pa.types.is_binary(kind.field("bytes").type))


def _is_texts(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_list(kind) else None
    return inner is not None and (pa.types.is_string(inner) or pa.types.is_null(inner))


_KINDS = {name: kind for name, kind, _ in COLUMNS}
_FITS: dict[str, Callable[[pa.DataType], bool]] = {
    "string": pa.types.is_string,
    "image": _is_image,
    "[string]": _is_texts,
    "bool": pa.types.is_boolean,
    "int32": pa.types.is_integer,
    "float64": pa.types.is_floating,
}
