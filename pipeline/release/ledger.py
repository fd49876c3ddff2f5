"""Counts for the legal part, gathered while rows are written: terms by host, C2PA, refusals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.columns import entries
from pipeline.engine.counting import count_together, filled
from pipeline.engine.origins import PREFERENCES, Place, first_of, with_host
from pipeline.release.redact import public_texts

C2PA = {True: "carry a manifest", False: "carry none", None: "weren't looked at"}
"""What is known of a sticker's Content Credentials, by the column ``c2pa``."""


@dataclass
class Amount:
    """Rows of a release with their files' sizes, and how many of both it carries itself."""

    rows: int = 0
    nbytes: int = 0
    carried: int = 0
    carried_nbytes: int = 0

    def add(self, other: Amount) -> None:
        """Add another's rows and sizes."""
        self.rows += other.rows
        self.nbytes += other.nbytes
        self.carried += other.carried
        self.carried_nbytes += other.carried_nbytes


@dataclass(frozen=True)
class Term:
    """On what terms files came: the licence as stated, what for, and whether to be given on."""

    licence: str
    basis: str
    may_be_given_on: bool


@dataclass
class Ledger:
    """Sums over the rows and observations of a release.

    ``terms`` counts files of a host, ``host_c2pa`` its stickers; a sticker that two sources saw
    counts in both of ``sources``, and once in ``formats`` and ``c2pa``. ``data_sets`` are those
    that rows were imported from, by name, licence and what that was stated for; a row of two counts
    at both, and once in ``imported``.
    """

    formats: dict[str, Amount] = field(default_factory=dict)
    sources: dict[str, Amount] = field(default_factory=dict)
    data_sets: dict[tuple[str, ...], Amount] = field(default_factory=dict)
    imported: int = 0
    terms: dict[Place, Counter[Term]] = field(default_factory=dict)
    c2pa: Counter[str] = field(default_factory=Counter)
    host_c2pa: dict[Place, Counter[str]] = field(default_factory=dict)

    def add_rows(self, rows: pa.Table) -> None:
        """Count rows, with ``nbytes``, ``carried``, ``c2pa`` and lists of ``data_sets`` beside."""
        for (name,), amount in _amounts(rows, [filled(rows["format"], "unknown")]):
            self.formats.setdefault(name, Amount()).add(amount)
        places, names = entries(rows["data_sets"])
        self.imported += len(np.unique(places))
        wanted = ["nbytes", "carried", "licence", "licence_basis"]
        some = rows.select(wanted).take(pa.array(places))
        for key, amount in _amounts(some, [names, *stated_terms(some)]):
            self.data_sets.setdefault(key, Amount()).add(amount)
        for (looked,), count in count_together([rows["c2pa"]]).items():
            self.c2pa[C2PA[looked]] += count

    def add_files(self, files: pa.Table) -> None:
        """Count files (see ``distinct_files``), with ``carried`` and ``c2pa`` of their stickers."""
        seen = first_of(files, ["source", "id"])
        for (name,), amount in _amounts(seen, [filled(seen["source"], "unknown")]):
            self.sources.setdefault(name, Amount()).add(amount)
        given = pc.fill_null(files["redistribute"], False)
        stated = [filled(files[name], "") for name in ("licence", "licence_basis")]
        columns = [files["source"], files["host"], *stated, given]
        for (source, host, licence, basis, may), count in count_together(columns).items():
            term = Term(licence or "not stated", basis or "none", may)
            self.terms.setdefault((source, host), Counter())[term] += count
        stickers = first_of(files, ["source", "host", "id"])
        columns = [stickers[name] for name in ("source", "host", "c2pa")]
        for (source, host, looked), count in count_together(columns).items():
            self.host_c2pa.setdefault((source, host), Counter())[C2PA[looked]] += count


@dataclass(frozen=True)
class Refusal:
    """Why files of a host were left alone: the class of the error, and the words that said no."""

    source: str
    host: str | None
    kind: str
    words: str | None


def count_refusals(unfetched: pa.Table) -> Counter[Refusal]:
    """Observations that a machine-readable preference refused, by host and by its words."""
    refused = pc.equal(unfetched["state"], "refused")
    stated = pc.is_in(unfetched["error_class"], pa.array(PREFERENCES))
    rows = with_host(unfetched.filter(pc.and_(refused, stated)), None)
    words = public_texts(rows["preference"])
    keys = [rows["source"], rows["host"], rows["error_class"], words]
    return Counter({Refusal(*key): count for key, count in count_together(keys).items()})


def stated_terms(rows: pa.Table) -> list[Any]:
    """The licence of each row as stated, and what it was stated for."""
    return [filled(rows["licence"], "not stated"), filled(rows["licence_basis"], "none")]


def _amounts(rows: pa.Table, keys: Sequence[Any]) -> Iterator[tuple[tuple[str, ...], Amount]]:
    """Amounts of rows by some columns of texts."""
    names = [f"key{number}" for number in range(len(keys))]
    sizes = pc.fill_null(rows["nbytes"], 0)
    carried = pc.cast(rows["carried"], pa.int64())
    grouped: Any = pa.table(
        {
            **dict(zip(names, keys, strict=True)),
            "nbytes": sizes,
            "carried": carried,
            "carried_nbytes": pc.multiply(sizes, carried),
        }
    ).group_by(names)
    sums = [(column, "sum") for column in ("nbytes", "carried", "carried_nbytes")]
    for row in grouped.aggregate([([], "count_all"), *sums]).to_pylist():
        amount = Amount(
            row["count_all"], row["nbytes_sum"], row["carried_sum"], row["carried_nbytes_sum"]
        )
        yield tuple(row[name] for name in names), amount
