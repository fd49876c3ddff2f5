"""Layouts of data sets on disk: a release's, and others that baselines can learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.datasets.problems import Problem
from pipeline.engine.errors import StickerworksError
from pipeline.engine.plugins import load_plugin, plugin_faults, plugin_names
from pipeline.engine.text import quoted
from schemas.release import SPLITS, AskedQuestion


@dataclass(frozen=True)
class Row:
    """One sticker: its file's bytes (None where there are none), what to learn, and its texts.

    ``targets`` are ``voted`` by people or else suggested; ``texts`` maps column names to text,
    empty ones left out. ``problem`` says why there are no bytes.

    What follows is for whoever imports a data set: the ``file`` with the bytes where they have one
    of their own, the data set's own ``split``, what the data set says in its own words
    (``record``), the queries that the sticker is an answer to, the named ``test_sets`` that it is
    in, and what is stated of its ``origin``: licence, licence_url, licence_basis, author and
    page_url.
    """

    id: str
    data: bytes | None
    targets: frozenset[str]
    texts: Mapping[str, str]
    voted: bool = True
    simulated: bool = False
    problem: str | None = None
    file: Path | None = None
    split: str | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    trigger_words: tuple[str, ...] = ()
    origin: Mapping[str, str] = field(default_factory=dict)
    test_sets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A value in the group ``stickerworks.layouts``.

    ``recognises`` looks at a folder's names alone. ``rows`` streams the rows of the split
    ``train``, ``validation`` or ``test``, in the same order every time, none for a name that it
    doesn't know (a release also has those of named test sets); ``notes`` are for people
    and say what of the folder was passed over. ``classes`` are all targets in the order that
    published models number them; empty when the rows of train decide.

    For import, ``every`` streams all rows of the data set, those of no split as well; their
    ``targets`` are labels alone and their ``texts`` have the columns of the table ``imported``.
    Without it the rows of the three splits are taken. ``problems`` are all cells that can't be
    taken as they are.

    ``questions`` are those that people answered about its stickers; ``answered`` streams the rows
    of a split as ``rows`` does, with the effective answers to one as targets.
    """

    name: str
    recognises: Callable[[Path], bool]
    rows: Callable[[Path, str], Iterator[Row]]
    notes: Callable[[Path, str], tuple[str, ...]] = lambda path, split: ()
    classes: tuple[str, ...] = ()
    every: Callable[[Path], Iterator[Row]] | None = None
    problems: Callable[[Path], Iterable[Problem]] = lambda path: ()
    questions: Callable[[Path], tuple[AskedQuestion, ...]] = lambda path: ()
    answered: Callable[[Path, str, AskedQuestion], Iterator[Row]] | None = None


def read_rows(layout: Layout, path: Path, split: str) -> Iterator[Row]:
    """Rows of a split; what a layout raises is told as its fault."""
    with plugin_faults("layouts", layout.name, f"on the split {split} of {path}"):
        yield from layout.rows(path, split)


def read_answered(layout: Layout, path: Path, split: str, question: AskedQuestion) -> Iterator[Row]:
    """Rows of a split whose targets are answers to a question of the layout's."""
    assert layout.answered is not None
    with plugin_faults("layouts", layout.name, f"on the split {split} of {path}"):
        yield from layout.answered(path, split, question)


def find_question(layout: Layout, path: Path, name: str) -> AskedQuestion:
    """A question whose answers can be learnt as classes.

    Raises StickerworksError when the data set has no such question, or one of another kind.
    """
    with plugin_faults("layouts", layout.name, f"on {path}"):
        questions = layout.questions(path) if layout.answered is not None else ()
    choices = [one.name for one in questions if one.kind in ("single", "several")]
    there = f"those that it has: {', '.join(choices)}" if choices else "it has none with choices"
    asked = next((one for one in questions if one.name == name), None)
    if asked is None:
        raise StickerworksError(
            f"{path} has no question {quoted(name)}, whose answers could be the target.",
            f"Name one of its questions ({there}), or leave the target out to learn its tags.",
        )
    if name not in choices:
        raise StickerworksError(
            f"The question {name} of {path} is a {asked.kind}: its answers are no classes.",
            f"Name a question with choices as the target ({there}).",
        )
    return asked


def read_every(layout: Layout, path: Path) -> Iterator[Row]:
    """All rows of a data set, for import; what a layout raises is told as its fault."""
    with plugin_faults("layouts", layout.name, f"on {path}"):
        if layout.every is not None:
            yield from layout.every(path)
            return
        for split in SPLITS:
            for row in layout.rows(path, split):
                yield replace(row, split=split)


def read_problems(layout: Layout, path: Path) -> Iterator[Problem]:
    """All cells that can't be taken as they are."""
    with plugin_faults("layouts", layout.name, f"on {path}"):
        yield from layout.problems(path)


def find_layout(path: Path) -> Layout:
    """The layout of the data set at ``path``; raises StickerworksError when it has none."""
    names = plugin_names("layouts")
    # The release first: it is what nearly everybody trains on.
    for name in sorted(names, key=lambda name: (name != "release", name)):
        layout = load_plugin("layouts", name, Layout)
        with plugin_faults("layouts", name, f"on {path}"):
            recognised = layout.recognises(path)
        if recognised:
            return layout
    raise StickerworksError(
        f"There is no release at {path}.",
        "Run `stickerworks release` first, or name an existing folder with --release "
        f"(layouts that are known: {', '.join(names)}).",
    )
