"""What a release is made from: the tables, joined sticker by sticker, and their fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.errors import StickerworksError
from pipeline.engine.runner import check_crawled
from pipeline.engine.storage import anew, digest_rows
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.tables import DESCRIPTION_FIELDS, TABLES

RELEASE_FORMAT = 5
"""Raised when the same tables would give other bytes; part of every fingerprint."""

REQUIRED = ("stickers", "media", "observations", "signals", "duplicates", "decisions", "splits")
OPTIONAL = ("ocr", "suggestions", "domain", "descriptions", "labels")
GLOBAL = ("tagset", "votes", "agreement", "leakage", "unfetched")
BESIDE = {
    "unfetched": "stickers",
    "tagset": "suggestions",
    "agreement": "labels",
    "leakage": "splits",
}
"""Global tables by one that the same command writes: nobody made the one without the other."""

COLUMNS = {
    "stickers": ["id", "format", "nbytes"],
    "media": ["path"],
    "signals": [
        "width", "height", "frames", "duration_ms", "animated", "aspect", "entropy", "flags",
    ],
    "ocr": ["text"],
    "duplicates": ["group", "template_id"],
    "observations": [
        "source", "query", "pack_id", "pack_title", "author", "title", "tags", "page_url",
        "media_url", "licence", "licence_url", "licence_basis", "redistribute",
    ],
    "decisions": ["kept", "outcome", "reasons"],
    "splits": ["split"],
    "suggestions": ["tags"],
    "domain": ["domain"],
    "descriptions": [*(name for name, _ in DESCRIPTION_FIELDS), "captioner", "written_by"],
    "labels": ["tags", "status", "domain", "votes", "simulated"],
}  # fmt: skip
"""What a release takes from each table."""

PLANNED = {
    "stickers": ["id", "nbytes"],
    "decisions": ["kept", "outcome", "reasons"],
    "splits": ["split"],
    "labels": ["status"],
    "observations": ["redistribute"],
}
"""What has to be known of all stickers before the first is written."""

Block = dict[str, pa.Table]
"""What the tables say of the stickers of some shards, by table."""


def check_inputs(workspace: Workspace) -> None:
    """Raise StickerworksError unless every table that a release needs is whole."""
    check_crawled(workspace)
    for table in REQUIRED:
        if not workspace.complete(table):
            raise StickerworksError(
                f"The table {table} of {workspace.root} is missing or not finished.",
                f"Run `stickerworks {TABLES[table].command}` first.",
            )
    for table, beside in BESIDE.items():
        if _started(workspace, beside) and not workspace.complete(table):
            raise StickerworksError(
                f"The table {table} of {workspace.root} is missing, and {beside}, which is "
                "written with it, is there.",
                f"Run `stickerworks {TABLES[table].command}` again, which writes both.",
            )
    for table in OPTIONAL:
        if _started(workspace, table) and not workspace.complete(table):
            raise StickerworksError(
                f"The table {table} of {workspace.root} is not finished.",
                f"Run `stickerworks {TABLES[table].command}` again; it continues where it stopped.",
            )


def fingerprint(workspace: Workspace, config: Config) -> tuple[str, dict[str, str]]:
    """Fingerprint of a release and the digests of what it is made from, by name.

    The digests are those of the proofs: rows are held against them while a release is built from
    them (``read_checked``), and a finished one is known by its own checksums. Media paths are left
    out: bytes are known by their sticker's id wherever they lie.
    """
    made_from = {
        "format": str(RELEASE_FORMAT),
        "config release": config.release.model_dump_json(),
    }
    for table in (*REQUIRED, *OPTIONAL):
        if table != "media":
            for part in workspace.parts:
                made_from[f"table {table}/{part:05d}"] = _digest(workspace, table, part)
    for table in GLOBAL:
        made_from[f"table {table}"] = _digest(workspace, table, None)
    text = json.dumps(made_from, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest(), made_from


def blocks(workspace: Workspace) -> Iterator[tuple[int, ...]]:
    """Numbers of the shards, 64 at a time."""
    for start in range(0, len(workspace.parts), 64):
        yield workspace.parts[start : start + 64]


def read_block(
    workspace: Workspace, parts: Sequence[int], columns: Mapping[str, list[str]], *, check: bool
) -> Block:
    """Rows of each table about the stickers of some shards, with the columns named for it.

    Tables of one row a sticker are in the order of ``stickers``, null where a table isn't there;
    others have a column ``row``, the sticker's number in this block. With ``check``, rows are held
    against their proofs. Raises StickerworksError for rows of other stickers.
    """
    shards: dict[str, list[pa.Table]] = {table: [] for table in columns}
    first = 0
    for part in parts:
        ids = workspace.read("stickers", part, ["id"])["id"].combine_chunks()
        for table, wanted in columns.items():
            names = list(dict.fromkeys(["id", *wanted]))
            if not _there(workspace, table, part):
                schema = TABLES[table].schema
                blank = {name: pa.nulls(len(ids), schema.field(name).type) for name in names}
                rows = pa.table({**blank, "id": ids})
            elif check:
                rows = read_checked(workspace, table, part).select(names)
            else:
                rows = workspace.read(table, part, names)
            numbered = _numbered(table, rows, ids, first)
            if numbered is None:
                raise StickerworksError(
                    f"{workspace.path(table, part)} is not about the same stickers as "
                    f"{workspace.path('stickers', part)}.",
                    anew(workspace.path(table, part)),
                )
            shards[table].append(numbered.drop_columns([] if "id" in wanted else ["id"]))
        first += len(ids)
    return {table: pa.concat_tables(found) for table, found in shards.items()}


def read_checked(workspace: Workspace, table: str, part: int | None = None) -> pa.Table:
    """All rows of a shard or global table; StickerworksError where its proof is about others.

    It takes every column to tell, blobs too: what a script changed may lie in any.
    """
    rows, proof = workspace.read(table, part), workspace.proof(table, part)
    if proof is not None and proof.digest not in ("", _digest_of(table, rows)):
        path = workspace.path(table, part)
        raise StickerworksError(
            f"{path} was changed after it was made: its proof is about other rows.", anew(path)
        )
    return rows


def _numbered(table: str, rows: pa.Table, ids: pa.Array, first: int) -> pa.Table | None:
    """Rows with the number of the sticker that each is about, None if any is about no such one."""
    if TABLES[table].scope == "sticker":
        return rows if rows["id"].combine_chunks().equals(ids) else None
    number = pc.index_in(rows["id"], value_set=ids)
    found = rows.append_column("row", pc.add(number.cast(pa.int64()), first))
    return None if number.null_count else found


def _started(workspace: Workspace, table: str) -> bool:
    return any(_there(workspace, table, part) for part in workspace.parts)


def _there(workspace: Workspace, table: str, part: int | None) -> bool:
    return workspace.path(table, part).exists()


def _digest(workspace: Workspace, table: str, part: int | None) -> str:
    if not _there(workspace, table, part):
        return "absent"
    proof = workspace.proof(table, part)
    # Tables written by others than the engine carry no proof; their rows count all the same.
    if proof is None or not proof.digest:
        return _digest_of(table, workspace.read(table, part))
    return proof.digest


def _digest_of(table: str, rows: pa.Table) -> str:
    return digest_rows(rows.cast(TABLES[table].schema))
