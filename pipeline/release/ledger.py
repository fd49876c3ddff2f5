"""Counts for the legal part, gathered while rows are written: terms by host, C2PA, refusals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

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
    counts in both of ``sources``, and once in ``formats`` and ``c2pa``.
    """

    formats: dict[str, Amount] = field(default_factory=dict)
    sources: dict[str, Amount] = field(default_factory=dict)
    terms: dict[Place, Counter[Term]] = field(default_factory=dict)
    c2pa: Counter[str] = field(default_factory=Counter)
    host_c2pa: dict[Place, Counter[str]] = field(default_factory=dict)

    def add_rows(self, rows: pa.Table) -> None:
        """Count rows, which have ``format``, ``nbytes``, ``carried`` and ``c2pa``."""
        _add_amounts(self.formats, rows, "format")
        for (looked,), count in count_together([rows["c2pa"]]).items():
            self.c2pa[C2PA[looked]] += count

    def add_files(self, files: pa.Table) -> None:
        """Count files (see ``distinct_files``), with ``carried`` and ``c2pa`` of their stickers."""
        _add_amounts(self.sources, first_of(files, ["source", "id"]), "source")
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


def _add_amounts(found: dict[str, Amount], rows: pa.Table, name: str) -> None:
    sizes = pc.fill_null(rows["nbytes"], 0)
    carried = pc.cast(rows["carried"], pa.int64())
    grouped: Any = pa.table(
        {
            "of": filled(rows[name], "unknown"),
            "nbytes": sizes,
            "carried": carried,
            "carried_nbytes": pc.multiply(sizes, carried),
        }
    ).group_by("of")
    sums = [(column, "sum") for column in ("nbytes", "carried", "carried_nbytes")]
    for row in grouped.aggregate([([], "count_all"), *sums]).to_pylist():
        amount = found.setdefault(row["of"], Amount())
        amount.rows += row["count_all"]
        amount.nbytes += row["nbytes_sum"]
        amount.carried += row["carried_sum"]
        amount.carried_nbytes += row["carried_nbytes_sum"]
