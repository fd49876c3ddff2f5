"""Takes rows out of the workspace's tables, which stay as current as they were.

A table is current while its proof names the digests of what it was made from. Where it did before,
it is given those of the same tables without the rows that went: nothing is made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.current import inputs_of
from pipeline.engine.earlier import QUARANTINED
from pipeline.engine.fingerprint import hash_json
from pipeline.engine.stage import Stage, Step
from pipeline.engine.storage import BLOCK_SHARDS, Proof, digest_rows, read_row_digests, write_table
from pipeline.engine.workspace import Workspace
from pipeline.release.takedown.global_tables import without_gone
from pipeline.release.takedown.request import Request
from schemas.tables import STICKERS, TABLES, TOMBSTONES

_REFERENCES = ("group", "same_as", "template_id", "still_of")
_NO_PROOF = Proof("takedown", "")


def purge_tables(workspace: Workspace, works: Sequence[Stage | Step], request: Request) -> None:
    """Take what a request names out of all tables; ``works`` make them, in their order.

    Safe to be killed and run again.
    """
    made = {table: work for work in works for table in work.writes}
    by_others = [name for name in TABLES if name not in made and name != TOMBSTONES.name]
    # Which shards there are, stickers say; what a stage writes first is taken for all of it.
    tables = sorted(by_others, key=lambda name: name != STICKERS.name)
    tables += [name for work in works for name in reversed(work.writes)]
    for name in tables:
        purge = _Purge(workspace, name, made.get(name), request)
        if TABLES[name].scope == "global":
            purge.whole()
        elif TABLES[name].in_blocks:
            purge.blocks()
        else:
            purge.shards()


@dataclass(frozen=True)
class _Purge:
    """A table that is purged, and what makes it, if anything of ours does."""

    workspace: Workspace
    name: str
    work: Stage | Step | None
    request: Request

    @cached_property
    def ids(self) -> pa.Array:
        return pa.array(sorted(self.request.kinds), pa.string())

    def whole(self) -> None:
        """A global table."""
        if not self.workspace.has(self.name):
            return
        proof, rows = self.workspace.proof(self.name), self.workspace.read(self.name)
        left = without_gone(self.name, rows, self.request)
        inputs = self._inputs(proof, None)
        if left is rows and (proof is None or inputs == proof.inputs):
            return
        known = proof or _NO_PROOF
        counts = {k: len(left) if v == len(rows) else v for k, v in known.counts.items()}
        made = left.cast(TABLES[self.name].schema).combine_chunks()
        self.workspace.write(self.name, None, made, replace(known, inputs=inputs, counts=counts))

    def shards(self) -> None:
        """A table with a file a shard."""
        ends = self._ends(self.workspace.parts_of(self.name))
        for part in self.workspace.parts_of(self.name):
            if part in ends:
                self.workspace.path(self.name, part).unlink(missing_ok=True)
            else:
                self._shard(part)

    def _shard(self, part: int) -> None:
        proof, concerned = self.workspace.proof(self.name, part), part in self.request.parts
        inputs = self._inputs(proof, part)
        same = proof is None or inputs == proof.inputs
        if same and not concerned:
            return
        rows = self.workspace.read(self.name, part).cast(TABLES[self.name].schema)
        left = rows.filter(pc.invert(pc.is_in(rows["id"], value_set=self.ids)))
        if same and len(left) == len(rows):
            return
        known = proof or _NO_PROOF
        counts = self._counts(part, known) if concerned else known.counts
        path = self.workspace.path(self.name, part)
        known = replace(known, inputs=inputs, counts=counts)
        write_table(path, left.combine_chunks(), known, read_row_digests(path))

    def blocks(self) -> None:
        """A table whose files hold the shards of a block each."""
        there = self.workspace.parts_of(self.name)
        ends = self._ends(there)
        for _, block in groupby(there, lambda part: part // BLOCK_SHARDS):
            self._block(tuple(block), ends)

    def _block(self, parts: tuple[int, ...], ends: frozenset[int]) -> None:
        workspace, left = self.workspace, [part for part in parts if part not in ends]
        if not left:
            workspace.path(self.name, parts[0]).unlink(missing_ok=True)
            return
        proof = workspace.proof(self.name, parts[0])
        inputs = self._inputs(proof, parts[0])
        same = left == list(parts) and (proof is None or inputs == proof.inputs)
        named_after = bool(self.request.renamed) and self.name in ("duplicates", "splits")
        if same and not (named_after or set(parts) & set(self.request.parts)):
            return
        rows, shards, start = workspace.read(self.name, left), {}, 0
        for part in left:
            size = workspace.rows(self.name, part)
            shards[part] = self._without(rows.slice(start, size))
            start += size
        known = workspace.digests(self.name, left)
        if not same or known != [digest_rows(shard) for shard in shards.values()]:
            workspace.write_block(self.name, shards, replace(proof or _NO_PROOF, inputs=inputs))

    def _without(self, rows: pa.Table) -> pa.Table:
        rows = rows.cast(TABLES[self.name].schema)
        rows = rows.filter(pc.invert(pc.is_in(rows["id"], value_set=self.ids)))
        for column in _REFERENCES:
            if column not in rows.column_names:
                continue
            if pc.any(pc.is_in(rows[column], value_set=self.ids)).as_py():
                rows = self._with_new_names(rows, column)
        return rows.combine_chunks()

    def _with_new_names(self, rows: pa.Table, column: str) -> pa.Table:
        gone = self.request.gone
        texts = [
            gone.new_name(column, text) if text in gone.ids else text
            for text in rows[column].to_pylist()
        ]
        place = rows.column_names.index(column)
        return rows.set_column(place, rows.schema.field(column), pa.array(texts, pa.string()))

    def _inputs(self, proof: Proof | None, part: int | None) -> dict[str, str]:
        """What the table was made from, as these tables are now where it was current before."""
        known = {} if proof is None else proof.inputs
        if isinstance(self.work, Stage):
            before = self.request.digests
            return {k: self._digest(k) if v == before.get(k) else v for k, v in known.items()}
        if self.work is None:
            return known
        before_parts = sorted(
            int(key.partition("/")[2])
            for key in self.request.digests
            if key.startswith("stickers/")
        )
        parts = self._of_run(before_parts, part)
        if known != {"all": hash_json(self._before(self.work, parts))}:
            return known
        left = self._of_run(self.workspace.parts, part)
        return {"all": hash_json(inputs_of(self.work, self.workspace, left))}

    def _of_run(self, parts: Sequence[int], part: int | None) -> list[int]:
        """Of these shards, those that one run of the step is over."""
        if part is None or not isinstance(self.work, Step) or not self.work.each_block:
            return list(parts)
        return [other for other in parts if other // BLOCK_SHARDS == part // BLOCK_SHARDS]

    def _before(self, work: Step, parts: Sequence[int]) -> dict[str, str]:
        inputs: dict[str, str] = {}
        for table in work.reads:
            keys = [table] if TABLES[table].scope == "global" else [f"{table}/{p}" for p in parts]
            inputs |= {key: self.request.digests.get(key, "none") for key in keys}
        return inputs

    def _digest(self, key: str) -> str:
        table, _, part = key.partition("/")
        return self.workspace.digests(table, (int(part) if part else None,))[0]

    def _ends(self, there: Sequence[int]) -> frozenset[int]:
        """Shards of which nothing is left, and none follows: they go, as if never crawled."""
        if self.name != STICKERS.name:
            return frozenset(there) - frozenset(self.workspace.parts)
        ends: set[int] = set()
        for part in reversed(there):
            ids = self.workspace.read(STICKERS.name, part, ["id"])["id"]
            if not pc.all(pc.is_in(ids, value_set=self.ids), min_count=0).as_py():
                break
            ends.add(part)
        return frozenset(ends)

    def _counts(self, part: int, proof: Proof) -> dict[str, int]:
        """A proof's counts without the rows that go, which the stage's first table still has."""
        first = self.name if self.work is None else self.work.writes[0]
        names = [n for n in TABLES[first].schema.names if n in ("id", "measured", "error")]
        rows = self.workspace.read(first, part, names)
        gone = rows.filter(pc.is_in(rows["id"], value_set=self.ids))
        less = {"read": len(gone), "kept": len(gone)}
        if self.work is not None:
            less["read"] = len(pc.unique(gone["id"]))
        if "measured" in gone.column_names:
            less["skipped"] = pc.sum(pc.invert(gone["measured"])).as_py() or 0
        less["measured"] = less["read"] - less.get("skipped", 0)
        if "error" in gone.column_names:
            failed = gone.filter(pc.is_valid(gone["error"]))
            quarantined = failed.filter(pc.starts_with(failed["error"], QUARANTINED))
            less["failed"] = len(pc.unique(failed["id"]))
            less["quarantined"] = less["given_up"] = len(pc.unique(quarantined["id"]))
        return {name: max(0, count - less.get(name, 0)) for name, count in proof.counts.items()}
