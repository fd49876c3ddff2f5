"""The questions that people were asked, as the table ``questions`` tells them."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from schemas.questions import Kind


@dataclass(frozen=True)
class AskedQuestion:
    """A question as votes answer it: its kind, and the values that may be given.

    ``values`` are empty for a text, and the points in order for a scale.
    """

    name: str
    kind: Kind
    values: tuple[str, ...]
    required: bool
    title: str = ""


def read_questions(table: pa.Table) -> tuple[AskedQuestion, ...]:
    """All questions ever asked, in the order of the table ``questions``.

    One that stands in several versions is as the last of them says, in the place of the first.
    """
    found: dict[str, AskedQuestion] = {}
    for row in table.to_pylist():
        found[row["name"]] = AskedQuestion(
            row["name"],
            row["kind"],
            tuple(row["values"] or ()),
            bool(row["required"]),
            row["title_en"] or row["title_zh"] or row["name"],
        )
    return tuple(found.values())


def newest_questions(table: pa.Table) -> tuple[AskedQuestion, ...]:
    """The questions that are asked now: those of the last version in the table ``questions``."""
    if not len(table):
        return ()
    return read_questions(table.filter(pc.equal(table["version"], table["version"][-1])))
