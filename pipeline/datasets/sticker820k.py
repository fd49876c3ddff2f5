"""Sticker820K's own layout: two LMDB environments and a list of names for each split.

As its released code reads it (``emoji_dataV2.py``; the data itself was not at hand to compare)::

    infos/data.mdb   file name -> pickled dict with the keys of ``INFO`` and ``LABEL``, each a text
    imgs/data.mdb    file name -> the bytes of the image, a GIF or a still
    train.txt        file names, one a line
    valid.txt
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.datasets.layout import Layout, Row
from pipeline.datasets.pickles import (
    DamagedPickleError,
    RefusedPickleError,
    load_plain,
)
from pipeline.datasets.problems import Problem, shown
from pipeline.engine.errors import StickerworksError
from pipeline.engine.extras import need_extra

INFO: Mapping[str, str] = {
    "caption": "caption_zh",
    "ocr_text": "ocr_text",
    "emotion_class": "emotion",
    "style_class": "style",
}
"""Keys of an info and the columns that they become."""

LABEL = "emotion_label"
"""Key of an info that becomes the row's one target."""

LISTS: Mapping[str, str] = {"train": "train.txt", "validation": "valid.txt", "test": "test.txt"}
"""List of names of each split. The released code has no test split; a missing list is no row."""

_INFOS = "infos/data.mdb"
_CLASSES = {"style": "style_class"}
_INFO_AT_MOST = 2**20
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
    names = path / LISTS[split]
    if not names.exists():
        return
    with _open(path / "infos") as infos, _open(path / "imgs") as images, names.open("rb") as lines:
        seen: set[bytes] = set()
        for number, line in enumerate(lines, 1):
            name = line.rstrip(b"\r\n")
            place = _Place(names.name, number, name)
            if name in seen:
                earlier = place.problem("name", "stood in an earlier line", left_out=True)
                yield ListLine(None, (earlier,))
            elif name:
                seen.add(name)
                yield _read(place, infos.get(name), images.get(name), with_bytes)


def read_unlisted(path: Path, with_bytes: bool = True) -> Iterator[ListLine]:
    """The same for names that have an info and stand in no list, in the order of their bytes."""
    with _open(path / "infos") as infos, _open(path / "imgs") as images:
        listed: set[bytes] = set()
        for file in LISTS.values():
            if (path / file).exists():
                with (path / file).open("rb") as lines:
                    listed.update(line.rstrip(b"\r\n") for line in lines)
        for number, name in enumerate(infos.names(), 1):
            if name not in listed:
                place = _Place(_INFOS, number, name)
                yield _read(place, infos.get(name), images.get(name), with_bytes)


@dataclass(frozen=True)
class _Place:
    file: str
    line: int
    name: bytes

    def problem(self, column: str, reason: str, left_out: bool = False) -> Problem:
        value = shown(self.name.decode("utf-8", "backslashreplace"))
        return Problem(self.file, self.line, column, value, reason, left_out)


def _read(
    place: _Place, info: memoryview | None, image: memoryview | None, with_bytes: bool
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
    row = Row(
        id=place.name.decode("utf-8", "backslashreplace"),
        data=bytes(image) if image is not None and with_bytes and not unusable else None,
        targets=frozenset({told[LABEL].strip()} if LABEL in told else ()),
        texts={column: told[key] for key, column in INFO.items() if key in told},
        # Nothing at hand says who labelled.
        voted=False,
        problem=unusable,
        record=told,
    )
    return ListLine(row, tuple(problems))


def _texts(info: memoryview | None) -> tuple[dict[str, Any], str | None]:
    """What an info has under our keys, and why it has nothing."""
    if info is None:
        return {}, "isn't there"
    if len(info) > _INFO_AT_MOST:
        return {}, f"is longer than {_INFO_AT_MOST:,} bytes"
    try:
        found = load_plain(bytes(info))
    except RefusedPickleError as error:
        # The name is a stranger's: a terminal must not obey it.
        return {}, f"is refused: it asks for {shown(error.what)}"
    except DamagedPickleError as error:
        return {}, f"is damaged: {shown(str(error.__cause__))}"
    if not isinstance(found, dict):
        return {}, f"is no dict but {type(found).__name__}"
    return {key: found[key] for key in (*INFO, LABEL) if key in found}, None


class _Reader:
    """Values by name, as views that live as long as the environment is open."""

    def __init__(self, transaction: Any, longest: int) -> None:
        self._transaction, self._longest = transaction, longest

    def names(self) -> Iterator[bytes]:
        for name in self._transaction.cursor().iternext(keys=True, values=False):
            yield bytes(name)

    def get(self, name: bytes) -> memoryview | None:
        found: memoryview | None = None
        if len(name) <= self._longest:
            found = self._transaction.get(name)
        return found


@contextmanager
def _open(folder: Path) -> Iterator[_Reader]:
    lmdb = need_extra("lmdb", "baselines", "Sticker820K")
    try:
        with lmdb.open(
            str(folder), readonly=True, create=False, lock=False, readahead=False, meminit=False
        ) as environment:
            _check_whole(folder, environment)
            with environment.begin(buffers=True) as transaction:
                yield _Reader(transaction, environment.max_key_size())
    except lmdb.Error as error:
        raise _unreadable(folder, " ".join(str(error).split())) from error


def _check_whole(folder: Path, environment: Any) -> None:
    # LMDB maps the file: to read beyond its end kills the process.
    needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    there = (folder / "data.mdb").stat().st_size
    if there < needed:
        raise _unreadable(folder, f"it has {there:,} bytes of {needed:,}")


def _unreadable(folder: Path, reason: str) -> StickerworksError:
    return StickerworksError(
        f"{folder / 'data.mdb'} can't be read as Sticker820K's: {reason}.", "Get that file again."
    )


def _recognises(path: Path) -> bool:
    parts = (_INFOS, "imgs/data.mdb", LISTS["train"])
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
