"""What a data set in Parquet shards holds, for whoever describes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Column = tuple[str, str, str]
"""A column's name, its kind as ``datasets`` calls it, in brackets for a list, and its meaning."""


@dataclass(frozen=True)
class Shard:
    """A file of a data set: its size in bytes and the sha256 of its bytes."""

    nbytes: int
    sha256: str


@dataclass(frozen=True)
class Making:
    """What wrote values of a column (PROV's activity): by whom, and in how many rows.

    ``agents`` are programs, or ``people``; or they are ``data_sets``, which the activity used.
    """

    activity: str
    agents: tuple[str, ...]
    rows: int
    people: bool = False
    data_sets: bool = False


@dataclass(frozen=True)
class Label:
    """A label of people: rows that carry it, votes for it, and how many people gave it."""

    name: str
    rows: int
    votes: int
    annotators: int


@dataclass(frozen=True)
class Asked:
    """A question that people answered: rows with an answer, and Krippendorff's alpha where known.

    ``answers`` are those that could be given, in one text.
    """

    question: str
    kind: str
    title_en: str
    title_zh: str
    answers: str
    rows: int
    alpha: float | None


@dataclass(frozen=True)
class Contents:
    """What Croissant says of a data set whose shards lie in ``data/`` beside it.

    ``rows`` are those of each split, in order; ``shards`` the files by their names in the folder,
    ``files`` JSON files beside them; ``made_by`` and ``derived_from`` (names of other columns) are
    PROV of columns, where known. ``about`` are further properties of ``mlcroissant.Metadata``, such
    as those of RAI.
    """

    name: str
    version: str
    description: str
    licence: str
    columns: Sequence[Column]
    rows: Mapping[str, int]
    shards: Mapping[str, Shard]
    made_by: Mapping[str, Sequence[Making]] = field(default_factory=dict)
    derived_from: Mapping[str, Sequence[str]] = field(default_factory=dict)
    labels: Sequence[Label] = ()
    questions: Sequence[Asked] = ()
    files: Mapping[str, Shard] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
