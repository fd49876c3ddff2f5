"""Holds the legal part against the files of its release: equal sums, or no release."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.engine.columns import entries
from pipeline.engine.counting import count_together, count_values
from pipeline.engine.errors import StickerworksError
from pipeline.engine.origins import PREFERENCES
from pipeline.release.ledger import stated_terms
from schemas.tables import DESCRIPTION_FIELDS

_IMAGE, _IMPORTED = "image.bytes", "imported"
_READ = ["licence", "licence_basis", "sources", _IMPORTED]


@dataclass(frozen=True)
class Sum:
    """A figure of the legal part, and the same counted from a file of the release."""

    what: str
    stated: int
    counted: int
    where: str


def check_sums(folder: Path, facts: dict[str, Any]) -> list[Sum]:
    """Every sum of ``facts`` beside what the release's own Parquet files say.

    Raises StickerworksError, naming the first that differ, where any does.
    """
    sums = [*_of_rows(folder, facts), *_of_hosts(folder, facts), *_of_unfetched(folder, facts)]
    wrong = [found for found in sums if found.stated != found.counted]
    if wrong:
        told = "; ".join(
            f"{s.what}: {s.stated:,}, but {s.counted:,} in {s.where}" for s in wrong[:3]
        )
        raise StickerworksError(
            f"The legal part doesn't fit the release's tables: {told}.",
            "The release was not made; this is a fault of stickerworks. Please report it.",
        )
    return sums


@dataclass
class _Counted:
    rows: int
    without_image: int
    texts: Counter[str]
    licences: Counter[tuple[str, str]]
    sources: Counter[str]
    imported: int = 0
    data_sets: Counter[tuple[str, ...]] = field(default_factory=Counter)


def _of_rows(folder: Path, facts: dict[str, Any]) -> Iterator[Sum]:
    found, where = _count(folder), "data/"
    stated = facts["rows"]
    yield Sum("rows", stated["all"], found.rows, where)
    yield Sum("rows of all splits", sum(stated["splits"].values()), found.rows, where)
    yield Sum("rows without bytes", stated["without_bytes"], found.without_image, where)
    licences = facts["licences"]
    yield Sum("rows of all licences", sum(row["rows"] for row in licences), found.rows, where)
    named = {(row["licence"], row["basis"]): row["rows"] for row in licences}
    same = sum(min(named.get(key, 0), rows) for key, rows in found.licences.items())
    yield Sum("rows of each licence and basis", same, found.rows, where)
    without = sum(row["without_bytes"] for row in licences)
    yield Sum("rows of all licences without bytes", without, found.without_image, where)
    for row in facts["sources"]:
        counted = found.sources[row["source"]]
        yield Sum(f"stickers of {row['source']}", row["stickers"], counted, where)
    yield from _of_data_sets(facts, found)
    yield Sum("C2PA, looked or not", sum(facts["c2pa"].values()), found.rows, where)
    formats = sum(amount["rows"] for amount in facts["formats"].values())
    yield Sum("rows of all formats", formats, found.rows, where)
    texts: Counter[str] = Counter()
    for row in (*facts["machine_made"], *facts["said_by_data_sets"]):
        texts[row["field"]] += row["rows"] if row["field"] in found.texts else 0
    for name, count in (+texts).items():
        what = f"texts by models and data sets: {name}"
        yield Sum(what, count, found.texts[name], where)
    what = "texts by models and data sets, all fields"
    yield Sum(what, texts.total(), found.texts.total(), where)


def _of_data_sets(facts: dict[str, Any], found: _Counted) -> Iterator[Sum]:
    where = "data/"
    yield Sum("rows of data sets", facts["rows"]["of_data_sets"], found.imported, where)
    keys = ("data_set", "licence", "basis")
    stated = {tuple(row[key] for key in keys): row["rows"] for row in facts["data_sets"]}
    for name in sorted({name for name, *_ in (*stated, *found.data_sets)}):
        told = sum(rows for key, rows in stated.items() if key[0] == name)
        counted = sum(rows for key, rows in found.data_sets.items() if key[0] == name)
        yield Sum(f"rows of the data set {name}", told, counted, where)
    same = sum(min(stated.get(key, 0), rows) for key, rows in found.data_sets.items())
    what = "rows of each data set and licence"
    yield Sum(what, same, found.data_sets.total(), where)


def _count(folder: Path) -> _Counted:
    fields = [name for name, _ in DESCRIPTION_FIELDS]
    found = _Counted(0, 0, Counter(), Counter(), Counter())
    for path in sorted((folder / "data").glob("*.parquet")):
        with pq.ParquetFile(path) as shard:
            nulls = _nulls(shard.metadata, [_IMAGE, _IMPORTED, *fields])
            found.imported += shard.metadata.num_rows - nulls[_IMPORTED]
            found.rows += shard.metadata.num_rows
            found.without_image += nulls[_IMAGE]
            for name in fields:
                found.texts[name] += shard.metadata.num_rows - nulls[name]
            for group in range(shard.num_row_groups):
                rows = shard.read_row_group(group, _READ)
                stated = stated_terms(rows)
                found.licences.update(count_together(stated))
                found.data_sets.update(_data_sets(rows[_IMPORTED], stated))
                found.sources.update(count_values(entries(rows["sources"])[1]))
    found.texts = +found.texts
    return found


def _data_sets(imported: pa.ChunkedArray, stated: list[pa.ChunkedArray]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    there = pc.is_valid(imported)
    texts, *terms = (values.filter(there).to_pylist() for values in (imported, *stated))
    for text, *term in zip(texts, *terms, strict=True):
        said = json.loads(text)
        names = {row["dataset"] for row in (said, *said.get("others", ()))}
        found.update((name, *term) for name in names)
    return found


def _nulls(metadata: pq.FileMetaData, names: list[str]) -> Counter[str]:
    """Nulls of some leaf columns, from the file's own statistics: no image is read for it."""
    found: Counter[str] = Counter()
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for number in range(row_group.num_columns):
            column = row_group.column(number)
            if column.path_in_schema in names:
                found[column.path_in_schema] += column.statistics.null_count
    return found


def _of_hosts(folder: Path, facts: dict[str, Any]) -> Iterator[Sum]:
    table, where = pq.read_table(folder / "hosts.parquet"), "hosts.parquet"
    for name in ("files", "redistributable", "refused", "by_preference"):
        counted = pc.sum(table[name]).as_py() or 0
        for part in ("sources", "hosts"):
            yield Sum(f"{name} of all {part}", sum(r[name] for r in facts[part]), counted, where)
    nbytes = pc.sum(table["nbytes"]).as_py() or 0
    yield Sum("bytes of all hosts", sum(r["nbytes"] for r in facts["hosts"]), nbytes, where)
    terms = [term for row in facts["hosts"] for term in row["terms"]]
    files = pc.sum(table["files"]).as_py() or 0
    yield Sum("files of all terms", sum(term["files"] for term in terms), files, where)
    may = sum(term["files"] for term in terms if term["may_be_given_on"])
    given = pc.sum(table["redistributable"]).as_py() or 0
    yield Sum("files of terms that allow giving on", may, given, where)
    stickers = pc.sum(table["stickers"]).as_py() or 0
    looked = sum(sum(row["c2pa"].values()) for row in facts["hosts"])
    yield Sum("C2PA of all hosts' stickers", looked, stickers, where)
    agents = sum(e["files"] for row in table["user_agents"].to_pylist() for e in row or ())
    stated = sum(name["files"] for name in facts["crawlers"]["names"])
    yield Sum("files of all crawlers", stated, agents, where)


def _of_unfetched(folder: Path, facts: dict[str, Any]) -> Iterator[Sum]:
    table = pq.read_table(folder / "unfetched.parquet", columns=["state", "error_class"])
    refused = table.filter(pc.equal(table["state"], "refused"))
    preferred = Counter(refused["error_class"].to_pylist())
    where, stated = "unfetched.parquet", facts["preferences"]
    yield Sum("observations refused", stated["refused"], len(refused), where)
    counted = sum(preferred[kind] for kind in PREFERENCES)
    yield Sum("observations refused by a preference", stated["by_preference"], counted, where)
    words = sum(row["observations"] for row in stated["refusals"])
    yield Sum("refusals by their words", words, counted, where)
