"""What the review page saves, read with care: a file from anybody becomes changes or an error."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from annotation.human.review.changes import Change
from pipeline.engine.page.saved import (
    Moment,
    Sticker,
    check_workspace,
    parse_saved,
    strange_file,
)
from pipeline.engine.text import storable
from schemas.section import Section

_MOST = 100_000
_HOLDS, _PAGE = "changes of labels", "label review"
Text = Annotated[str, Field(max_length=4000)]
Values = Annotated[tuple[Text, ...], Field(max_length=200)]


class _SavedChange(Section):
    id: Sticker
    field: Annotated[str, Field(max_length=60)]
    before: Values
    after: Values
    why: Text
    at: Moment


class _SavedReview(Section):
    stickerworks_review: Literal[1]
    workspace: Annotated[str, Field(max_length=64)]
    who: Text = ""
    changes: Annotated[list[_SavedChange], Field(max_length=_MOST)]


@dataclass(frozen=True)
class SavedReview:
    """Changes of one file, and the name that was typed on the page."""

    changes: tuple[Change, ...]
    who: str | None


def read_saved_review(path: Path, workspace: str) -> SavedReview:
    """The changes in a file that the page of the workspace of that identity saved.

    Raises StickerworksError for anything else, and where two of its changes contradict.
    """
    found = parse_saved(path, "label review --apply", _SavedReview, _HOLDS, _PAGE)
    check_workspace(path, found.workspace, workspace)
    changes: dict[tuple[str, str], Change] = {}
    for row in found.changes:
        change = Change(row.id, row.field, row.before, row.after, row.why)
        if changes.setdefault((row.id, row.field), change) != change:
            why = f"it changes {row.field} of {row.id[:10]} twice, differently"
            raise strange_file(path, _HOLDS, _PAGE, why)
    return SavedReview(tuple(changes.values()), storable(found.who, 100))
