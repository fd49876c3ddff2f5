"""Rounds of naming by the real code, on tables in memory; and a small sheet as somebody filled it
in, with texts that programs like to change: what LibreOffice made of it lies in files/
(`soffice --headless --convert-to`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pytest

from pipeline.tags.named import NamedSet, read_named
from pipeline.tags.naming.basis import find_basis, proposals_version
from pipeline.tags.naming.freeze import Frozen, freeze
from pipeline.tags.naming.resolve import resolve, versions_of
from pipeline.tags.naming.rows import ADD, Naming, NamingRow
from pipeline.tags.naming.sheet.contents import Sheet, SheetRow
from schemas.tables import TABLES

Clusters = Mapping[str, Sequence[str]]


class Rounds:
    """A workspace's tables on naming: proposals given by hand, rows applied for real."""

    def __init__(self) -> None:
        self.tables: dict[str, pa.Table] = {}

    def read(self, table: str, parts: None = None, columns: list[str] | None = None) -> pa.Table:
        rows = self.tables.get(table, TABLES[table].schema.empty_table())
        return rows if columns is None else rows.select(columns)

    def store(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self.tables[table] = pa.Table.from_pylist(list(rows), schema=TABLES[table].schema)

    def propose(self, clusters: Clusters, loose: Sequence[str] = ()) -> str:
        """Keywords (words between spaces) of new clusters, beside what is frozen; their version."""
        named = read_named(self)
        tags = named.tags.to_pylist()
        settled = named.keywords.to_pylist()
        known = {row["keyword"] for row in settled}
        rows = [
            {"keyword": row["keyword"], "cluster": row["cluster"], "state": "named"}
            | {"distance": row["distance"], "tag": row["tag"], "key": row["tag"]}
            for row in settled
        ]
        rows += [
            {"keyword": keyword, "cluster": int(key[1:]), "distance": 0.5, "state": "clustered"}
            | {"key": key}
            for key, keywords in clusters.items()
            for keyword in keywords
            if keyword not in known
        ]
        rows += [{"keyword": k, "state": "unclustered"} for k in loose if k not in known]
        self.store("clusters", sorted(rows, key=lambda row: row["keyword"]))
        words = [{"keyword": row["keyword"], "tokens": row["keyword"].split()} for row in rows]
        self.store("keywords", sorted(words, key=lambda row: row["keyword"]))
        keys = [*clusters, *(tag["id"] for tag in tags)]
        version = proposals_version(named.version, keys, self.tables["clusters"])
        proposals = [
            {"key": key, "name": keywords[0], "clusters": [int(key[1:])], "version": version}
            for key, keywords in clusters.items()
        ]
        proposals += [
            {"key": tag["id"], "tag": tag["id"], "name": tag["tag"], "version": version}
            | {name: tag[name] for name in ("english", "group", "aliases", "clusters")}
            for tag in tags
        ]
        self.store("proposals", proposals)
        return version

    def decide(
        self,
        rows: Sequence[NamingRow],
        blocked: Collection[str] = (),
        by_people: Collection[str] = (),
    ) -> Frozen:
        """Check rows and freeze them, without writing."""
        naming = Naming("names.xlsx", tuple(rows))
        basis = find_basis(self, versions_of(naming))
        resolved = resolve(naming, basis, blocked, by_people)
        return freeze(self, basis, resolved, "a lead", "2026-01-01")

    def apply(self, rows: Sequence[NamingRow], blocked: Collection[str] = ()) -> NamedSet:
        """Check rows and freeze them as the set in use."""
        frozen = self.decide(rows, blocked)
        if frozen.changed:
            for table, new in (("naming", frozen.naming), ("named_tags", frozen.tags)):
                self.tables[table] = pa.concat_tables([self.read(table), new])
            self.tables["named_keywords"] = frozen.keywords
        return read_named(self)


@pytest.fixture(scope="session")
def rounds() -> Callable[[], Rounds]:
    """Begins with nothing at all."""
    return Rounds


VERSION = "123456789012"  # all digits: a program may take it for a number

ROWS = (
    NamingRow(key="c0", decision="keep", name="谢谢", english="thanks", group="礼貌",
              aliases=("多谢", "a, b", "3Q"), note="line\nand line"),
    NamingRow(key="c1", decision="keep", name="666", english="1-2", note="=1+1"),
    NamingRow(key="c2", decision="merge", name="=HYPERLINK(1)", into="谢谢"),
    NamingRow(key="c3", decision="drop", note="' quoted"),
    NamingRow(key="c4", decision="block", name="@SUM(A1)", note="-1"),
    NamingRow(key="c5", note="undecided, \"in\" marks; 1e5"),
    NamingRow(key="t007", decision="keep", name="é_x0041_", english="TRUE", aliases=("007",)),
)  # fmt: skip
ADDED = (
    NamingRow(decision=ADD, name="打工人", keywords=("打工人上班", "=cmd|' /C calc'!A0"),
              words=("打工",), note="by hand"),
)  # fmt: skip
EXEMPLARS = ("=1+2", "+86", "谢谢, 老板", "\u202eabc", "12")


@dataclass(frozen=True)
class Filled:
    """A sheet, and what is read from it: its rows of proposals, and those added by hand."""

    sheet: Sheet
    rows: tuple[NamingRow, ...]
    added: tuple[NamingRow, ...]
    exemplars: tuple[str, ...]


@pytest.fixture(scope="session")
def filled() -> Filled:
    rows, added = (tuple(replace(row, version=VERSION) for row in some) for some in (ROWS, ADDED))
    return Filled(_sheet_of(Naming("", (*ROWS, *ADDED)), VERSION), rows, added, EXEMPLARS)


@pytest.fixture(scope="session")
def sheet_of() -> Callable[[Naming, str], Sheet]:
    return _sheet_of


def _sheet_of(naming: Naming, version: str) -> Sheet:
    """A sheet on which the naming was filled in."""
    rows = tuple(
        SheetRow(
            replace(row, version=version),
            suggested="=1+1",
            terms=("-2", "猫"),
            exemplars=EXEMPLARS,
            keywords=3,
            stickers=1,
            flags=("singleton",),
        )
        for row in naming.rows
        if row.key
    )
    return Sheet(version, rows, tuple(row for row in naming.rows if not row.key), 4)
