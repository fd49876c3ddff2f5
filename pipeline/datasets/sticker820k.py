"""Sticker820K's own layout: two LMDB environments and a list of names for each split.

As its released code reads it (``emoji_dataV2.py``; the data itself was not at hand to compare)::

    infos/data.mdb   file name -> pickled dict with the keys of ``INFO`` and ``LABEL``, each a text
    imgs/data.mdb    file name -> the bytes of the image, a GIF or a still
    train.txt        file names, one a line
    valid.txt
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import compress, islice
from pathlib import Path
from typing import Any

from pipeline.datasets.layout import Layout, Row
from pipeline.datasets.lmdb_apart import LmdbReader, read_lmdb
from pipeline.datasets.pickles import (
    DamagedPickleError,
    RefusedPickleError,
    load_plain,
)
from pipeline.datasets.pictures import why_unusable
from pipeline.datasets.problems import Problem, shown
from pipeline.engine.errors import StickerworksError

INFO: Mapping[str, str] = {
    "caption": "caption_zh",
    "ocr_text": "ocr_text",
    "emotion_class": "emotion",
    "style_class": "style",
}
"""Keys of an info and the columns that they become."""

LABEL = "emotion_label"
"""Key of an info that becomes the row's one target."""

LMDB_KEY = "lmdb_key"
"""Key of a record that is the row's name; no other layout's record has it."""

LISTS: Mapping[str, str] = {"train": "train.txt", "validation": "valid.txt", "test": "test.txt"}
"""List of names of each split. The released code has no test split; a missing list is no row."""

_INFOS, _IMAGES = "infos/data.mdb", "imgs/data.mdb"
_CLASSES = {"style": "style_class"}
_INFO_AT_MOST = 2**20
_LONGEST_LINE = 4096
_ROWS = 64
"""Of which infos are in memory at once."""
_TOLD = 5


@dataclass(frozen=True)
class ListLine:
    """A line of a list: its sticker, None for a name's second line, and what is wrong with it."""

    row: Row | None
    problems: tuple[Problem, ...] = ()


def read_sticker820k(path: Path, split: str, with_bytes: bool = True) -> Iterator[ListLine]:
    """Lines of a split's list in order, those with problems as well.

    Infos are read as data and run nothing (see ``pickles.py``). A name that isn't there, an info
    that is damaged or asks for more than plain values, a field that is no text: each is named,
    and the row has no bytes if it can't be used. Without ``with_bytes`` no row has any. Raises
    StickerworksError when an environment can't be read or is cut off.
    """
    lines = _listed(path, split)
    if lines is None:
        return
    seen: set[bytes] = set()
    with _open(path) as reader:
        for places in _batches(LISTS[split], lines):
            fresh = []
            for place in places:
                fresh.append(place.name not in seen)
                seen.add(place.name)
            read = _read(reader, list(compress(places, fresh)), with_bytes)
            for place, new in zip(places, fresh, strict=True):
                earlier = place.problem("name", "stood in an earlier line", left_out=True)
                yield next(read) if new else ListLine(None, (earlier,))


def read_unlisted(path: Path, with_bytes: bool = True) -> Iterator[ListLine]:
    """The same for names that have an info and stand in no list, in the order of their bytes."""
    listed: set[bytes] = set()
    for split in LISTS:
        listed.update(_listed(path, split) or ())
    with _open(path) as reader:
        for places in _batches(_INFOS, reader.names(0)):
            new = [place for place in places if place.name not in listed]
            yield from _read(reader, new, with_bytes)


def _listed(path: Path, split: str) -> Iterator[bytes] | None:
    """Names in a split's list, of which none is kept beyond ``_LONGEST_LINE`` bytes."""
    file = path / LISTS[split]
    if not os.path.lexists(file):
        return None
    _check(path, LISTS[split])
    return _lines(file)


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as lines:
        while line := lines.readline(_LONGEST_LINE):
            whole = line
            while len(whole) == _LONGEST_LINE and not whole.endswith(b"\n"):
                whole = lines.readline(_LONGEST_LINE)
            yield line.rstrip(b"\r\n")


def _check(root: Path, part: str) -> None:
    reason = why_unusable(root, root / part)
    if reason is not None:
        raise StickerworksError(
            f"{root / part} can't be read as Sticker820K's: {reason}.", "Get that file again."
        )


@dataclass(frozen=True)
class _Place:
    file: str
    line: int
    name: bytes

    def problem(self, column: str, reason: str, left_out: bool = False) -> Problem:
        value = shown(self.name.decode("utf-8", "backslashreplace"))
        return Problem(self.file, self.line, column, value, reason, left_out)


def _batches(file: str, names: Iterator[bytes]) -> Iterator[list[_Place]]:
    """Places of a few names at a time, but for empty ones."""
    numbered = enumerate(names, 1)
    while batch := list(islice(numbered, _ROWS)):
        yield [_Place(file, number, name) for number, name in batch if name]


def _read(reader: LmdbReader, places: Sequence[_Place], with_bytes: bool) -> Iterator[ListLine]:
    names = [place.name for place in places]
    infos = list(reader.values(0, names, _INFO_AT_MOST))
    images = reader.values(1, names) if with_bytes else reader.values(1, names, 0)
    for place, info, image in zip(places, infos, images, strict=True):
        yield _line(place, info, image, with_bytes)


def _line(
    place: _Place,
    info: tuple[int, bytes] | None,
    image: tuple[int, bytes] | None,
    with_bytes: bool,
) -> ListLine:
    texts, problem = _texts(info)
    problems = [place.problem("infos", problem)] if problem else []
    if image is None:
        problems.append(place.problem("imgs", "isn't there"))
    unusable = str(problems[0]) if problems else None
    problems += [
        place.problem(key, f"is no text but {type(value).__name__}")
        for key, value in texts.items()
        if not isinstance(value, str | None)
    ]
    told = {key: value for key, value in texts.items() if isinstance(value, str) and value.strip()}
    name = place.name.decode("utf-8", "backslashreplace")
    row = Row(
        id=name,
        data=image[1] if image is not None and with_bytes and not unusable else None,
        targets=frozenset({told[LABEL].strip()} if LABEL in told else ()),
        texts={column: told[key] for key, column in INFO.items() if key in told},
        # Nothing at hand says who labelled.
        voted=False,
        problem=unusable,
        record={
            LMDB_KEY: name,
            **{key: value for key, value in texts.items() if isinstance(value, str)},
        },
    )
    return ListLine(row, tuple(problems))


def _texts(info: tuple[int, bytes] | None) -> tuple[dict[str, Any], str | None]:
    """What an info has under our keys, and why it has nothing."""
    if info is None:
        return {}, "isn't there"
    if info[0] > _INFO_AT_MOST:
        return {}, f"is longer than {_INFO_AT_MOST:,} bytes"
    try:
        found = load_plain(info[1])
    except RefusedPickleError as error:
        # The name is a stranger's: a terminal must not obey it.
        return {}, f"is refused: it asks for {shown(error.what)}"
    except DamagedPickleError as error:
        return {}, f"is damaged: {shown(str(error.__cause__))}"
    if not isinstance(found, dict):
        return {}, f"is no dict but {type(found).__name__}"
    return {key: found[key] for key in (*INFO, LABEL) if key in found}, None


def _open(path: Path) -> AbstractContextManager[LmdbReader]:
    for part in (_INFOS, _IMAGES):
        _check(path, part)
    return read_lmdb([path / "infos", path / "imgs"], "Sticker820K")


def _recognises(path: Path) -> bool:
    parts = (_INFOS, _IMAGES, LISTS["train"])
    return all((path / part).exists() for part in parts)


def _rows(path: Path, split: str) -> Iterator[Row]:
    return (entry.row for entry in read_sticker820k(path, split) if entry.row is not None)


def _notes(path: Path, split: str) -> tuple[str, ...]:
    entries = read_sticker820k(path, split, with_bytes=False)
    problems = [problem for entry in entries for problem in entry.problems]
    if not problems:
        return ()
    return (f"{len(problems):,} problems in {LISTS[split]}", *map(str, islice(problems, _TOLD)))


def _every(path: Path) -> Iterator[Row]:
    for split, entries in _parts(path, with_bytes=True):
        for row in (entry.row for entry in entries if entry.row is not None):
            # Beside what other papers' models say, a class of style has a column of its own.
            texts = {_CLASSES.get(name, name): text for name, text in row.texts.items()}
            yield replace(row, split=split, texts=texts)


def _problems(path: Path) -> Iterator[Problem]:
    for _, entries in _parts(path, with_bytes=False):
        for entry in entries:
            yield from entry.problems


def _parts(path: Path, with_bytes: bool) -> Iterator[tuple[str | None, Iterator[ListLine]]]:
    for split in LISTS:
        yield split, read_sticker820k(path, split, with_bytes)
    yield None, read_unlisted(path, with_bytes)


LAYOUT = Layout(
    name="sticker820k",
    recognises=_recognises,
    rows=_rows,
    notes=_notes,
    every=_every,
    problems=_problems,
)
