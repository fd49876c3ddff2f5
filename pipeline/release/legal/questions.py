"""Questions about a data set with their answers, and who gave them: the tables, people, nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Rows:
    """A table within an answer; ``more`` says where the rest is."""

    header: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]
    more: str = ""


@dataclass(frozen=True)
class Answer:
    """A question with what is known: lines of text, from the tables or from people."""

    question: str
    tables: tuple[str, ...] = ()
    people: str = ""
    rows: Rows | None = None
    key: str = ""
    to_complete: bool = False

    @property
    def open(self) -> bool:
        """Nobody has answered it, or the tables know a part of the answer alone."""
        return self.to_complete or not (self.tables or self.people or self.rows)


@dataclass(frozen=True)
class Section:
    """Questions under one heading."""

    title: str
    answers: tuple[Answer, ...]


def count_open(sections: Sequence[Section]) -> int:
    """How many questions nobody has answered."""
    return sum(answer.open for section in sections for answer in section.answers)


def as_json(sections: Sequence[Section]) -> list[dict[str, object]]:
    """The same as JSON: each question with its answer's lines, or null."""
    return [
        {
            "section": section.title,
            "question": answer.question,
            "from_the_tables": list(answer.tables) or None,
            "from_people": answer.people or None,
            "rows": answer.rows
            and [dict(zip(answer.rows.header, row, strict=True)) for row in answer.rows.rows],
            "key": answer.key or None,
            "open": answer.open,
        }
        for section in sections
        for answer in section.answers
    ]
