"""What a release is made from: the tables, joined sticker by sticker, and their fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.audits import read_results
from pipeline.engine.errors import StickerworksError
from pipeline.engine.fonts import font_digest
from pipeline.engine.media import COLUMNS as MEDIA_COLUMNS
from pipeline.engine.origins import ORIGIN_COLUMNS
from pipeline.engine.runner import check_crawled
from pipeline.engine.storage import anew
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.tables import DESCRIPTION_FIELDS, TABLES

RELEASE_FORMAT = 12
"""Raised when the same tables would give other bytes; part of every fingerprint."""

FONT = "font of the plots"
"""How the digest of the font that plots are drawn with is called among what a release is made from:
of the same tables another machine's font makes other plots."""

REQUIRED = ("stickers", "media", "observations", "signals", "duplicates", "decisions", "splits")
OPTIONAL = ("imported", "ocr", "suggestions", "domain", "descriptions", "labels")
GLOBAL = ("tagset", "questions", "votes", "agreement", "leakage", "moved", "unfetched")
BESIDE = {
    "unfetched": "stickers",
    "tagset": "suggestions",
    "agreement": "labels",
    "leakage": "splits",
    "moved": "splits",
}
"""Global tables by one that the same command writes: nobody made the one without the other."""

COLUMNS = {
    "stickers": ["id", "format", "nbytes", "c2pa"],
    "media": MEDIA_COLUMNS,
    "signals": [
        "width", "height", "frames", "duration_ms", "animated", "aspect", "entropy", "flags",
    ],
    "imported": ["dataset", "name", "split", "record"],
    "ocr": ["text", "model"],
    "duplicates": ["group", "template_id"],
    "observations": [
        "query", "pack_id", "pack_title", "author", "title", "tags", "page_url", "licence_url",
        *ORIGIN_COLUMNS,
    ],
    "decisions": ["kept", "outcome", "reasons"],
    "splits": ["split", "test_sets"],
    "suggestions": ["tags"],
    "domain": ["domain", "model"],
    "descriptions": [*(name for name, _ in DESCRIPTION_FIELDS), "captioner", "written_by"],
    "labels": [
        "tags", "status", "domain", "domain_reviewed", "votes", "counts", "answers", "provenance",
        "simulated",
    ],
}  # fmt: skip
"""What a release takes from each table."""

PLANNED = {
    "stickers": ["id", "format", "nbytes"],
    "decisions": ["kept", "outcome", "reasons"],
    "splits": ["split"],
    "labels": ["status"],
    "observations": ["redistribute"],
}
"""What has to be known of all stickers before the first is written."""

_READERS = 4

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
        if workspace.parts_of(beside) and not workspace.complete(table):
            raise StickerworksError(
                f"The table {table} of {workspace.root} is missing, and {beside}, which is "
                "written with it, is there.",
                f"Run `stickerworks {TABLES[table].command}` again, which writes both.",
            )
    for table in OPTIONAL:
        if workspace.parts_of(table) and not workspace.complete(table):
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
        FONT: font_digest(),
        "config release": config.release.model_dump_json(exclude={"profiles", "sign_key"}),
    }
    for table in (*REQUIRED, *OPTIONAL):
        if table != "media":
            for part in workspace.parts:
                made_from[f"table {table}/{part:05d}"] = _digest(workspace, table, part)
    for table in GLOBAL:
        made_from[f"table {table}"] = _digest(workspace, table, None)
    made_from["audits"] = _audited(workspace)
    text = json.dumps(made_from, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest(), made_from


def read_block(
    workspace: Workspace, parts: Sequence[int], columns: Mapping[str, list[str]], *, check: bool
) -> Block:
    """Rows of each table about the stickers of some shards, with the columns named for it.

    Tables of one row a sticker are in the order of ``stickers``, null where a table isn't there;
    others have a column ``row``, the sticker's number among these. With ``check``, rows are held
    against their proofs. Raises StickerworksError for rows of other stickers.
    """
    ids = workspace.read("stickers", parts, ["id"])["id"].combine_chunks()
    block: Block = {}
    for table, wanted in columns.items():
        if not workspace.has(table, parts[0]):
            schema = TABLES[table].schema
            block[table] = pa.table({n: pa.nulls(len(ids), schema.field(n).type) for n in wanted})
            continue
        names = list(dict.fromkeys(["id", *wanted]))
        read = _read_checked if check else Workspace.read
        rows = read(workspace, table, parts, names)
        if TABLES[table].scope == "detail":
            rows = rows.append_column("row", pc.index_in(rows["id"], ids).cast(pa.int64()))
            fits = not rows["row"].null_count
        else:
            fits = rows["id"].equals(pa.chunked_array([ids]))
        if not fits:
            raise _about_others(workspace, table, parts)
        block[table] = rows.drop_columns([name for name in ("id",) if name not in wanted])
    return block


def _read_checked(
    workspace: Workspace, table: str, parts: Sequence[int], columns: list[str]
) -> pa.Table:
    def read(part: int) -> pa.Table:
        return workspace.read_checked(table, part).select(columns)

    if TABLES[table].in_blocks:  # they share a file
        return workspace.read_checked(table, parts).select(columns)
    with ThreadPoolExecutor(_READERS) as pool:
        return pa.concat_tables(pool.map(read, parts))


def _about_others(workspace: Workspace, table: str, parts: Sequence[int]) -> StickerworksError:
    for part in parts:
        ids = workspace.read("stickers", part, ["id"])["id"].to_pylist()
        found = workspace.read(table, part, ["id"])["id"].to_pylist()
        if found != ids and not (TABLES[table].scope == "detail" and set(found) <= set(ids)):
            break
    path = workspace.path(table, part)
    return StickerworksError(
        f"{path} is not about the same stickers as {workspace.path('stickers', part)}.", anew(path)
    )


def _audited(workspace: Workspace) -> str:
    # Who answered, and when, is no part of a release.
    private = {"people", "last_answer"}
    found = [result.model_dump_json(exclude=private) for result in read_results(workspace)]
    return hashlib.sha256("\n".join(found).encode()).hexdigest() if found else "absent"


def _digest(workspace: Workspace, table: str, part: int | None) -> str:
    return workspace.digest(table, part) if workspace.has(table, part) else "absent"
