"""A naming as people hand it in, before anything of it is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import plain

COLUMNS = (
    "key", "decision", "name", "english", "group", "aliases", "into", "keywords", "words", "note",
    "version",
)  # fmt: skip
"""Columns that are read back; what else stands on a sheet is there for people."""

DECISIONS = ("keep", "merge", "drop", "block")
ADD = "add"
"""The decision of a tag added by hand: it has no key, but keywords or words."""


@dataclass(frozen=True)
class NamingRow:
    """One row: texts as they were written, blank where nothing was.

    ``key`` is that of a proposal, blank for a tag added by hand. ``into`` names what a row is
    merged into: a name or a key. ``keywords`` are taken from wherever they are; ``words`` take
    every keyword that has one of them. ``cells`` says where each column stands: clusters!F12.
    ``exemplars`` are the keywords that were shown for the proposal, as far as the file has them.
    """

    key: str = ""
    decision: str = ""
    name: str = ""
    english: str = ""
    group: str = ""
    aliases: tuple[str, ...] = ()
    into: str = ""
    keywords: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    note: str = ""
    version: str = ""
    cells: Mapping[str, str] = field(default_factory=dict, compare=False)
    exemplars: tuple[str, ...] = field(default=(), compare=False)

    def where(self, column: str) -> str:
        """Where people find a column of this row."""
        return self.cells.get(column, f"{self.key or self.name or 'a row'}, {column}")


@dataclass(frozen=True)
class Naming:
    """All rows of a sheet or a saved page, in order, and who filled it in, if it says so."""

    source: str
    rows: tuple[NamingRow, ...]
    who: str | None = None


@dataclass(frozen=True)
class Problem:
    """Something that can't be applied: the cell, what is wrong there, and the remedy."""

    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return plain(f"{self.where}: {self.what}. {self.remedy}")


class NamingError(StickerworksError):
    """A naming of which nothing was applied; ``problems`` are all that were found in it."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        count = len(problems)
        cells = "a cell is wrong" if count == 1 else f"{count:,} cells are wrong"
        super().__init__(
            f"{plain(source)} can't be applied, {cells}: {problems[0]}",
            "Nothing was changed; correct the file and run the same command again.",
        )
        self.source = source
        self.problems = tuple(problems)
