"""What the page of machine texts saves, read with care: checks from anybody, or an error."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.engine.page.saved import Moment, Sticker, check_workspace, parse_saved
from pipeline.engine.text import storable
from schemas.section import Section

_MOST, MOST_CHARACTERS = 100_000, 20_000
_HOLDS, _PAGE = "checks of machine texts", "label texts"
Word = Annotated[str, Field(max_length=60)]


class _SavedCheck(Section):
    id: Sticker
    field: Word
    language: Word
    original: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    verdict: Literal["right", "corrected", "wrong"]
    corrected: Annotated[str, Field(max_length=MOST_CHARACTERS)] | None = None
    at: Moment

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.verdict == "corrected") != (self.text is not None):
            raise ValueError("a corrected text, and no other, says what it was corrected to")
        return self

    @property
    def text(self) -> str | None:
        """The corrected text as tables hold it, line by line."""
        if self.corrected is None:
            return None
        lines = (storable(line, MOST_CHARACTERS) for line in self.corrected.splitlines())
        return "\n".join(line for line in lines if line) or None


class _SavedTexts(Section):
    stickerworks_texts: Literal[1]
    workspace: Annotated[str, Field(max_length=64)]
    who: Annotated[str, Field(max_length=400)] = ""
    checks: Annotated[list[_SavedCheck], Field(max_length=_MOST)]


@dataclass(frozen=True)
class SavedCheck:
    """What somebody says of a text: right, wrong or ``corrected``, and when."""

    id: str
    field: str
    language: str
    original: str
    verdict: str
    corrected: str | None
    at: str


@dataclass(frozen=True)
class SavedTexts:
    """Checks of one file, in its order, and the name that was typed on the page."""

    checks: tuple[SavedCheck, ...]
    who: str | None


def read_saved_texts(path: Path, workspace: str) -> SavedTexts:
    """The checks in a file that the page of the workspace of that identity saved.

    Raises StickerworksError for anything else.
    """
    found = parse_saved(path, "label texts --apply", _SavedTexts, _HOLDS, _PAGE)
    check_workspace(path, found.workspace, workspace)
    return SavedTexts(tuple(_check(row) for row in found.checks), storable(found.who, 100))


def _check(row: _SavedCheck) -> SavedCheck:
    return SavedCheck(row.id, row.field, row.language, row.original, row.verdict, row.text, row.at)
