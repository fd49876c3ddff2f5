"""Tables of clusters in memory, and rounds of naming on them by the real code."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest

from pipeline.tags.named import NamedSet, read_named
from pipeline.tags.naming.basis import find_basis, proposals_version
from pipeline.tags.naming.freeze import Frozen, freeze
from pipeline.tags.naming.resolve import resolve, versions_of
from pipeline.tags.naming.rows import Naming, NamingRow
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

    def decide(self, rows: Sequence[NamingRow], blocked: Collection[str] = ()) -> Frozen:
        """Check rows and freeze them, without writing."""
        naming = Naming("names.xlsx", tuple(rows))
        basis = find_basis(self, versions_of(naming))
        return freeze(self, basis, resolve(naming, basis, blocked), "a lead", "2026-01-01")

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
