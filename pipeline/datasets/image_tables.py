"""Hugging Face image data sets on disk: a folder of Parquet or Arrow files, by a column map."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.datasets.class_labels import Names, names_of
from pipeline.datasets.column_map import (
    FIELDS,
    IMAGE,
    NAME,
    ORIGIN,
    TAGS,
    TEST_SETS,
    TEXTS,
    TRIGGER_WORDS,
    ColumnMap,
    read_mapping,
)
from pipeline.datasets.layout import Layout, Row
from pipeline.datasets.pictures import why_unusable, with_bytes
from pipeline.datasets.problems import Problem, bad_name, shown
from pipeline.datasets.table_batches import File, batches, data_files
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import one_line

COLUMNS_FILE = "stickerworks-columns.yaml"
"""File beside a data set's tables that maps their columns."""

VSD2M_COLUMNS = {field: field for field in FIELDS} | {NAME: "id"}
"""The profile's columns are called as ours."""

_CAPTIONS = ("caption_en", "caption_zh")
_LISTS = frozenset({TAGS, TRIGGER_WORDS, TEST_SETS})
_LONGEST_NAME = 1000

_ODD = (ValueError, OverflowError, KeyError, pa.ArrowException)
"""What reading a cell raises; an unknown time zone is a KeyError."""

Report = Callable[[Problem], None]


def image_tables(
    name: str,
    columns: Callable[[Path], ColumnMap],
    recognises: Callable[[Path], bool] = lambda path: False,
) -> Layout:
    """The layout of a folder of tables with the ``columns`` that are mapped for it.

    A file's split is that in its name or its folder's (``train-00000-of-00001.parquet``,
    ``validation/``); class labels become their names.
    """

    def every(path: Path) -> Iterator[Row]:
        return _every(path, columns(path))

    def rows(path: Path, split: str) -> Iterator[Row]:
        return (with_bytes(row) for row in every(path) if row.split == split)

    def problems(path: Path) -> Iterator[Problem]:
        return _problems(path, columns(path))

    return Layout(name=name, recognises=recognises, rows=rows, every=every, problems=problems)


def _of_file(path: Path) -> ColumnMap:
    return read_mapping(str(path / COLUMNS_FILE))


HF = image_tables("hf", _of_file, lambda path: (path / COLUMNS_FILE).is_file())
"""Any data set, once a file beside it says which columns hold what."""

_PROFILE = ColumnMap(VSD2M_COLUMNS, optional=True)


def _vsd2m_rows(path: Path) -> Iterator[Row]:
    for row in _every(path, _PROFILE):
        # The template quotes keywords: it is no text of the data set.
        told = row.record.get("captioner") == "template"
        texts = {name: text for name, text in row.texts.items() if name not in _CAPTIONS}
        yield replace(row, texts=texts) if told else row


VSD2M = replace(image_tables("vsd2m", lambda path: _PROFILE), every=_vsd2m_rows)
"""VSD2M as our profile of that name writes it."""


@dataclass(frozen=True)
class _Source:
    """A file, its columns by field, and the names of its class labels by field."""

    root: Path
    file: File
    columns: Mapping[str, str]
    labels: Mapping[str, Names]


def _every(root: Path, mapping: ColumnMap) -> Iterator[Row]:
    for file in data_files(root):
        number, source = 0, None
        for schema, batch in batches(file):
            source = source or _source(root, file, schema, mapping)
            for cells in _cells(file, batch, number, lambda problem: None):
                number += 1
                yield _row(source, number, cells)


def _problems(root: Path, mapping: ColumnMap) -> Iterator[Problem]:
    """All cells that can't be taken as they are; images aren't read."""
    found: list[Problem] = []
    for file in data_files(root):
        number, source = 0, None
        for schema, batch in batches(file, mapping.columns[IMAGE]):
            source = source or _source(root, file, schema, mapping)
            for cells in _cells(file, batch, number, found.append):
                number += 1
                _fields(source, number, cells, found.append)
            yield from found
            found.clear()


def _source(root: Path, file: File, schema: Any, mapping: ColumnMap) -> _Source:
    there = {f: column for f, column in mapping.columns.items() if column in schema.names}
    missing = [column for field, column in mapping.columns.items() if field not in there]
    if IMAGE not in there or (missing and not mapping.optional):
        raise StickerworksError(
            f"{file.relative} has no column {(missing or [mapping.columns[IMAGE]])[0]}; it has "
            f"{', '.join(schema.names[:20])}.",
            "Correct --map.",
        )
    labels = {field: names_of(schema, column) for field, column in there.items()}
    return _Source(root, file, there, {field: names for field, names in labels.items() if names})


def _cells(file: File, batch: Any, before: int, report: Report) -> Iterator[dict[str, Any]]:
    """Rows of a batch; a cell that Python has no value for is told and empty."""
    names, columns = batch.schema.names, []
    for name, column in zip(names, batch.columns, strict=True):
        try:
            columns.append(_values(column))
        except _ODD:
            columns.append([])
            for place in range(len(column)):
                try:
                    columns[-1] += _values(column.slice(place, 1))
                except _ODD as error:
                    columns[-1].append(None)
                    number = before + place + 1
                    report(Problem(file.relative, number, name, *_why_odd(error, column.type)))
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def _values(column: Any) -> list[Any]:
    # Python has no nanoseconds, no year 10,000, and not every time zone.
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.string())
        if pc.any(pc.starts_with(column, "<")).as_py():  # what Arrow writes for such a year
            raise ValueError("it is out of range")
    values: list[Any] = column.to_pylist()
    return values


def _why_odd(error: Exception, kind: pa.DataType) -> tuple[str, str]:
    if isinstance(error, UnicodeDecodeError):
        return "its text", "is no UTF-8"
    return f"its {one_line(kind)}", f"can't be read: {one_line(error)}"


def _fields(
    source: _Source, number: int, cells: Mapping[str, Any], report: Report
) -> dict[str, tuple[str, ...]]:
    """The texts of each field but the image."""
    found: dict[str, tuple[str, ...]] = {}
    for field, column in source.columns.items():
        if field == IMAGE:
            continue
        texts = _texts(cells[column], source.labels.get(field))
        if texts is None or (field not in _LISTS and len(texts) > 1):
            reason = "is no text, class label or list of them; taken as empty"
            value = shown(cells[column])
            report(Problem(source.file.relative, number, column, value, reason))
        found[field] = texts or ()
    return found


def _row(source: _Source, number: int, cells: Mapping[str, Any]) -> Row:
    found = _fields(source, number, cells, lambda problem: None)
    data, file, problem = _image(source, cells[source.columns[IMAGE]])
    name = next(iter(found.get(NAME, ())), "")[:_LONGEST_NAME]
    single = {field: texts[0] for field, texts in found.items() if texts}
    return Row(
        id=name or f"{source.file.relative}/{number}",
        data=data,
        targets=frozenset(found.get(TAGS, ())),
        texts={field: single[field] for field in TEXTS if field in single},
        problem=problem,
        file=file,
        split=source.file.split,
        record=_record(cells, source.columns[IMAGE]),
        trigger_words=found.get(TRIGGER_WORDS, ()),
        origin=_origin(single),
        test_sets=found.get(TEST_SETS, ()),
    )


def _origin(single: Mapping[str, str]) -> dict[str, str]:
    stated = {field: single[field] for field in ORIGIN if field in single}
    return {**stated, "licence_basis": "item"} if "licence" in stated else stated


def _texts(value: Any, names: Names | None) -> tuple[str, ...] | None:
    """The texts of a cell, class labels by their names; None for what is neither."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    texts: list[str] = []
    for one in values:
        if names is not None and isinstance(one, int) and not isinstance(one, bool):
            if one >= len(names):
                return None
            if one >= 0:  # -1 stands for no label
                texts.append(names[one])
        elif isinstance(one, str):
            texts += [one.strip()] if one.strip() else []
        elif one is not None:
            return None
    return tuple(texts)


def _image(source: _Source, value: Any) -> tuple[bytes | None, Path | None, str | None]:
    """Bytes or file of an image, and why it has neither."""
    path: Any = value
    if isinstance(value, dict):
        path, value = value.get("path"), value.get("bytes")
    if isinstance(value, bytes):
        return value, None, None
    if not isinstance(path, str) or not path:
        return None, None, "its image has neither bytes nor a path"
    if any(bad_name(part) for part in path.split("/")):
        return None, None, "the path of its image leads out of the data set's folder"
    beside = (source.file.path.parent / path, source.root / path)
    file = next((place for place in beside if place.is_file()), beside[0])
    return None, file, why_unusable(source.root, file)


def _record(cells: Mapping[str, Any], image: str) -> dict[str, Any]:
    """What a row says beside its image, as JSON can hold it."""
    said = {name: _plain(value) for name, value in cells.items() if name != image}
    return {name: value for name, value in said.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(item) for item in value]
    return None if value is None or isinstance(value, bytes | bytearray) else str(value)
