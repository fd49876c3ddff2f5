"""The columns of a sheet, in order: what is shown, what people fill in, and how wide each is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.tags.naming.lists import join_list
from pipeline.tags.naming.sheet.contents import SheetRow

Value = str | int


@dataclass(frozen=True)
class Column:
    """A heading, its width in characters, what stands in it, and whether people fill it in."""

    name: str
    width: int
    value: Callable[[SheetRow], Value]
    filled: bool = False


SHOWN = (
    Column("key", 8, lambda row: row.filled.key),
    Column("stickers", 48, lambda row: ""),
    Column("suggested name", 14, lambda row: row.suggested),
    Column("suggested English", 14, lambda row: row.suggested_english),
    Column("terms", 26, lambda row: join_list(row.terms)),
    Column("exemplars", 30, lambda row: join_list(row.exemplars)),
    Column("keyword count", 10, lambda row: row.keywords),
    Column("sticker count", 10, lambda row: row.stickers),
    Column("flags", 11, lambda row: join_list(row.flags)),
)
ANSWERS = (
    Column("decision", 11, lambda row: row.filled.decision, filled=True),
    Column("name", 16, lambda row: row.filled.name, filled=True),
    Column("english", 16, lambda row: row.filled.english, filled=True),
    Column("group", 14, lambda row: row.filled.group, filled=True),
    Column("aliases", 20, lambda row: join_list(row.filled.aliases), filled=True),
    Column("into", 12, lambda row: row.filled.into, filled=True),
)
BY_HAND = (
    Column("keywords", 36, lambda row: join_list(row.filled.keywords), filled=True),
    Column("words", 24, lambda row: join_list(row.filled.words), filled=True),
)
NOTE = Column("note", 26, lambda row: row.filled.note, filled=True)
VERSION = Column("version", 15, lambda row: row.filled.version)

CLUSTERS = (*SHOWN, *ANSWERS, NOTE, VERSION)
ADDED = (*(column for column in ANSWERS if column.name not in ("decision", "into")), *BY_HAND, NOTE)
ONE_TABLE = (*(c for c in SHOWN if c.name != "stickers"), *ANSWERS, *BY_HAND, NOTE, VERSION)
"""Of a sheet's two tables, and of the one table of a CSV file."""
