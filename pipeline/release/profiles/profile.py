"""What a profile is: a release's rows in another shape, made from the release's own files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.release.features import Described
from pipeline.release.profiles.full import FullRelease
from pipeline.release.verify import Check, Verification
from schemas.release import AskedQuestion, answer_columns

PROFILE_FORMAT = 3
"""Raised when the same release would give other bytes."""

Report = Callable[[str], None]

_TOLD_EVERY = 5000


@dataclass(frozen=True)
class Column:
    """A column of a profile: its kind (see ``schemas.release``), its meaning, and its ``origin``,
    columns of the release of which the first with a value counts (none: that of its own name)."""

    name: str
    kind: str
    doc: str
    origin: tuple[str, ...] = ()

    @property
    def origins(self) -> tuple[str, ...]:
        """The columns of the release that it is made of."""
        return self.origin or (self.name,)

    @property
    def described(self) -> Described:
        """Name, kind and meaning."""
        return self.name, self.kind, self.doc


@dataclass(frozen=True)
class ExportRun:
    """How a profile is made: worker processes that decode (0: none but this), and who is told."""

    workers: int = 0
    report: Report = lambda line: None

    def tell(self, what: str, before: int, done: int, total: int) -> None:
        """Say how far a split is, now and then."""
        if done == total or before // _TOLD_EVERY < done // _TOLD_EVERY:
            self.report(f"{what}: {done:,} of {total:,} rows")


QUIETLY = ExportRun()
"""In this process, telling nobody."""


@dataclass
class ExportCounts:
    """What was written: rows by split and their bytes, what was left out by reason, and rows
    whose emotion is ``said_by`` people, a data set or a model."""

    rows: dict[str, int] = field(default_factory=dict)
    num_bytes: dict[str, int] = field(default_factory=dict)
    without_image: int = 0
    undecodable: int = 0
    simulated: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    said_by: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """A shape: what its card says, its columns, how it is written and verified.

    ``write`` writes the rows below a folder; ``verify`` reads them again to their end. ``check``
    finds what is wrong with some rows; ``loading`` ends the card's sentence on what is loaded.
    ``asks`` says that it carries the answers to a release's questions behind its own columns;
    ``parquet`` says that `datasets` reads the rows as they are, ``suffix`` what the folder's name
    ends in beside the profile's.
    """

    name: str
    about: str
    loading: str
    columns: tuple[Column, ...]
    write: Callable[[FullRelease, Profile, Path, ExportRun], ExportCounts]
    verify: Callable[[Path, Profile], Verification]
    check: Check = lambda rows: iter(())
    parquet: bool = True
    suffix: str = ""
    asks: bool = False

    @property
    def form(self) -> str:
        """Its name with that of its form, as folders are called."""
        return f"{self.name}{self.suffix}"


def with_questions(profile: Profile, questions: Iterable[AskedQuestion]) -> Profile:
    """The profile of a release about whose stickers these were asked."""
    if not profile.asks:
        return profile
    asked = (Column(*column) for each in questions for column in answer_columns(each))
    return replace(profile, columns=(*profile.columns, *asked))


def described(columns: tuple[Column, ...]) -> tuple[Described, ...]:
    """Names, kinds and meanings of columns."""
    return tuple(column.described for column in columns)


ATTRIBUTION = (
    Column("licence", "string", "licence as stated by the source that decides about the bytes"),
    Column("licence_url", "string", "where that licence is stated"),
    Column("authors", "[string]", "authors as the sources name them, sorted"),
    Column("source_urls", "[string]", "addresses it was seen at, sorted"),
    Column("duplicate_group", "string", "near-duplicate group; never in two splits"),
    Column("template_id", "string", "stickers of one template share it; never in two splits"),
)
"""What every profile carries: whose a sticker is, and what must not be torn apart."""
