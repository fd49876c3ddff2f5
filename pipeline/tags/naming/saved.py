"""What the naming page saves, read with care: a file from anybody becomes a naming or an error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from pipeline.engine.page.saved import parse_saved
from pipeline.engine.text import storable
from pipeline.tags.naming.rows import ADD, Naming, NamingRow
from schemas.section import Section

MOST = 100_000
_MOST_KEYWORDS = 1_000_000
_HOLDS, _PAGE = "naming of tags", "tags page"

Text = Annotated[str, Field(max_length=2000)]
Texts = Annotated[tuple[Text, ...], Field(max_length=_MOST_KEYWORDS)]


class _Names(Section):
    """What people give a tag; whether a name can be one is told when it is applied."""

    name: Text = ""
    english: Text = ""
    group: Text = ""
    aliases: Texts = ()
    note: Text = ""


class _SavedRow(_Names):
    """A decision about a proposal; blank where nobody has decided yet."""

    key: Annotated[str, Field(pattern=r"^[ct][0-9]{1,9}$")]
    decision: Annotated[str, Field(max_length=40)] = ""
    into: Text = ""
    exemplars: Texts = ()


class _SavedTag(_Names):
    """A tag added by hand, and what it takes."""

    keywords: Texts = ()
    words: Texts = ()


class _SavedNaming(Section):
    """What the naming page saves; a file written by hand looks the same."""

    stickerworks_naming: Literal[1]
    version: Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
    who: Text = ""
    rows: Annotated[list[_SavedRow], Field(max_length=MOST)]
    added: Annotated[list[_SavedTag], Field(max_length=MOST)] = Field(default_factory=list)


def read_saved_naming(path: Path) -> Naming:
    """The naming in a file that the page saved, drafts among them.

    Raises StickerworksError for anything else.
    """
    found = parse_saved(path, "tags apply", _SavedNaming, _HOLDS, _PAGE)
    rows = [NamingRow(**dict(row), version=found.version) for row in found.rows]
    added = [
        NamingRow(**dict(tag), decision=ADD, version=found.version, cells=_places(number, tag))
        for number, tag in enumerate(found.added, 1)
    ]
    return Naming(path.name, (*rows, *added), storable(found.who, 100))


def _places(number: int, tag: _SavedTag) -> dict[str, str]:
    """Where the page shows each column of an added tag."""
    called = f"added tag {number}" + (f" ({tag.name})" if tag.name else "")
    return {column: f"{called}, {column}" for column in type(tag).model_fields}
