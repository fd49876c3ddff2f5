"""Takes rows out of the workspace's tables, which stay as current as they were.

A table is current while its proof names the digests of what it was made from. Where it did before,
it is given those of the same tables without the rows that went: nothing is made again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

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
from schemas.tables import TABLES, TOMBSTONES

_REFERENCES = ("group", "same_as", "template_id", "still_of")

Works = Sequence[Stage | Step]


def purge_tables(workspace: Workspace, works: Works, request: Request) -> None:
    """Take what a request names out of all tables; ``works`` make them, in their order.

    Safe to be killed and run again.
    """
    made = {table: work for work in works for table in work.writes}
    tables = [name for name in TABLES if name not in made and name != TOMBSTONES.name]
    # What a stage writes first says that all of it is there, so it is written last.
    tables += [name for work in works for name in reversed(work.writes)]
    # Readers find shards by this one.
    tables.remove("stickers")
    for name in (*tables, "stickers"):
        work = made.get(name)
        if TABLES[name].scope == "global":
            _purge_global(workspace, name, work, request)
        elif TABLES[name].in_blocks:
            _purge_blocks(workspace, name, work, request)
        else:
            _purge_shards(workspace, name, work, request)


def _purge_global(workspace: Workspace, name: str, work: Stage | Step | None, request: Request) -> None:
    if not workspace.has(name):
        return
    proof, rows = workspace.proof(name), workspace.read(name)
    left = without_gone(name, rows, request)
    inputs = _inputs(workspace, name, work, request, None, proof)
    if proof is None or (left is rows and inputs == proof.inputs):
        if left is not rows:
            workspace.write(name, None, left.cast(TABLES[name].schema), Proof("takedown", ""))
        return
    counts = {k: len(left) if v == len(rows) else v for k, v in proof.counts.items()}
    proof = replace(proof, inputs=inputs, counts=counts)
    workspace.write(name, None, left.cast(TABLES[name].schema), proof)


def _purge_shards(workspace: Workspace, name: str, work: Stage | Step | None, request: Request) -> None:
    ids, parts = _ids(request), workspace.parts_of(name)
    ends = _trailing(workspace, request)
    for part in parts:
        path = workspace.path(name, part)
        if part in ends:
            path.unlink(missing_ok=True)
            continue
        proof = workspace.proof(name, part)
        inputs = _inputs(workspace, name, work, request, part, proof)
        concerned = part in request.parts
        if not concerned and (proof is None or inputs == proof.inputs):
            continue
        rows = workspace.read(name, part).cast(TABLES[name].schema)
        left = rows.filter(pc.invert(pc.is_in(rows["id"], value_set=ids))) if concerned else rows
        if len(left) == len(rows) and (proof is None or inputs == proof.inputs):
            continue
        first = name if work is None else work.writes[0]
        counts = _counts(workspace, first, part, ids, proof) if concerned and proof else {}
        known = proof or Proof("takedown", "")
        known = replace(known, inputs=inputs, counts=counts or known.counts)
        write_table(path, left.combine_chunks(), known, read_row_digests(path))


def _purge_blocks(workspace: Workspace, name: str, work: Stage | Step | None, request: Request) -> None:
    ids, ends = _ids(request), _trailing(workspace, request)
    there = workspace.parts_of(name)
    for block in sorted({part // BLOCK_SHARDS for part in there}):
        parts = [part for part in there if part // BLOCK_SHARDS == block]
        left = [part for part in parts if part not in ends]
        path = workspace.path(name, parts[0])
        if not left:
            path.unlink(missing_ok=True)
            continue
        proof = workspace.proof(name, parts[0])
        inputs = _inputs(workspace, name, work, request, parts[0], proof)
        same = proof is None or inputs == proof.inputs
        if same and not set(parts) & {*request.parts, *_named(request), *ends}:
            continue
        shards = {part: _without(workspace.read(name, part), name, ids, request) for part in left}
        if same and left == parts and _is_same(workspace, name, shards):
            continue
        known = replace(proof or Proof("takedown", ""), inputs=inputs)
        workspace.write_block(name, shards, known)


def _named(request: Request) -> set[int]:
    """Nothing is known of where templates lie, so that all blocks are looked at for them."""
    return set(range(1 << 20)) if request.renamed else set()


def _is_same(workspace: Workspace, name: str, shards: Mapping[int, pa.Table]) -> bool:
    return workspace.digests(name, list(shards)) == [digest_rows(rows) for rows in shards.values()]


def _without(rows: pa.Table, name: str, ids: pa.Array, request: Request) -> pa.Table:
    rows = rows.cast(TABLES[name].schema)
    rows = rows.filter(pc.invert(pc.is_in(rows["id"], value_set=ids)))
    gone = request.gone
    for column in _REFERENCES:
        if column not in rows.column_names:
            continue
        where = pc.is_in(rows[column], value_set=ids)
        if pc.any(where).as_py():
            texts = [
                gone.new_name(column, text) if text in request.kinds else text
                for text in rows[column].to_pylist()
            ]
            place = rows.column_names.index(column)
            rows = rows.set_column(place, rows.schema.field(column), pa.array(texts, pa.string()))
    return rows.combine_chunks()


def _inputs(
    workspace: Workspace,
    name: str,
    work: Stage | Step | None,
    request: Request,
    part: int | None,
    proof: Proof | None,
) -> dict[str, str]:
    """What the proof says the table was made from, where that was so, as those tables are now."""
    if proof is None or work is None:
        return {} if proof is None else proof.inputs
    if isinstance(work, Stage):
        return {
            key: _digest(workspace, key) if digest == request.digests.get(key) else digest
            for key, digest in proof.inputs.items()
        }
    parts = workspace.parts
    if work.each_block and part is not None:
        parts = tuple(p for p in parts if p // BLOCK_SHARDS == part // BLOCK_SHARDS)
    if proof.inputs != {"all": hash_json(_before(work, parts, request))}:
        return proof.inputs
    left = tuple(p for p in parts if p not in _trailing(workspace, request))
    return {"all": hash_json(inputs_of(work, workspace, left))}


def _before(work: Step, parts: Sequence[int], request: Request) -> dict[str, str]:
    inputs: dict[str, str] = {}
    for table in work.reads:
        keys = [table] if TABLES[table].scope == "global" else [f"{table}/{p}" for p in parts]
        inputs |= {key: request.digests.get(key, "none") for key in keys}
    return inputs


def _digest(workspace: Workspace, key: str) -> str:
    table, _, part = key.partition("/")
    return workspace.digests(table, (int(part) if part else None,))[0]


def _trailing(workspace: Workspace, request: Request) -> frozenset[int]:
    """The last shards, where nothing is left of them: their files go, as if never crawled."""
    ends: set[int] = set()
    for part in reversed(workspace.parts):
        if part not in request.parts:
            break
        ids = workspace.read("stickers", part, ["id"])["id"]
        if not pc.all(pc.is_in(ids, value_set=_ids(request)), min_count=0).as_py():
            break
        ends.add(part)
    return frozenset(ends)


def _counts(
    workspace: Workspace, first: str, part: int, ids: pa.Array, proof: Proof
) -> dict[str, int]:
    """A proof's counts without the rows that go, which the stage's first table still has."""
    rows = workspace.read(first, part)
    gone = rows.filter(pc.is_in(rows["id"], value_set=ids))
    less = {"read": len(pc.unique(gone["id"])), "kept": len(gone)}
    if "measured" in gone.column_names:
        less["skipped"] = pc.sum(pc.invert(gone["measured"])).as_py() or 0
    less["measured"] = less["read"] - less.get("skipped", 0)
    if "error" in gone.column_names:
        failed = gone.filter(pc.is_valid(gone["error"]))
        quarantined = failed.filter(pc.starts_with(failed["error"], QUARANTINED))
        less["failed"] = len(pc.unique(failed["id"]))
        less["quarantined"] = less["given_up"] = len(pc.unique(quarantined["id"]))
    return {name: max(0, count - less.get(name, 0)) for name, count in proof.counts.items()}


def _ids(request: Request) -> pa.Array:
    return pa.array(sorted(request.kinds), pa.string())
