"""Tables on disk: Parquet written whole or not at all, each carrying its own proof."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import DamagedTableError, StickerworksError
from pipeline.engine.store.object_path import ObjectPath, TablePath
from schemas.tables import TABLES

BLOCK_SHARDS = 64
"""Consecutive shards in one file of a table that is stored in blocks."""

_PART = re.compile(r"part-(\d{5,})\.parquet")
_PROOF_KEY = b"stickerworks"
_ROWS_KEY = b"stickerworks.rows"
_SHARDS_KEY = b"stickerworks.shards"
_SMALL_BYTES = 1 << 19
# A picture is a thousand times a number: few rows of them at a time.
_GROUP_ROWS, _GROUP_ROWS_WITH_BYTES = 64_000, 1000


@dataclass(frozen=True)
class Proof:
    """What a table file was made from: it is current while these match.

    ``inputs`` maps ``table/part`` to the digest of the rows read; ``counts`` says what became of
    each row; ``digest`` is that of this file's own rows, ``part`` the shard that they are. ``base``
    is the fingerprint without what the stage may add to its rows later.
    """

    stage: str
    fingerprint: str
    inputs: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    digest: str = ""
    part: int | None = None
    base: str = ""


@dataclass(frozen=True)
class FileFacts:
    """What the footer of a table file says: its rows, its proof if it has one, and of each shard
    of a block its digest and rows, in the order of its row groups."""

    rows: int
    proof: Proof | None
    shards: Mapping[int, tuple[str, int]] = field(default_factory=dict)

    def proof_of(self, part: int | None) -> Proof | None:
        """The proof of one shard; None for a shard that the file hasn't."""
        if not self.shards or self.proof is None or part is None:
            return self.proof
        if part not in self.shards:
            return None
        return replace(self.proof, digest=self.shards[part][0], part=part)

    def digest_of(self, part: int | None) -> str:
        """The digest that the proof of one shard has; ``none`` without a proof."""
        if self.shards and part is not None:
            return self.shards[part][0] if part in self.shards else "none"
        return self.proof.digest if self.proof else "none"

    def rows_of(self, part: int | None) -> int:
        """Rows of one shard, or of the file."""
        return self.shards[part][1] if self.shards and part is not None else self.rows


def digest_rows(table: pa.Table) -> str:
    """Digest of a table's schema and values, independent of how they lie in memory."""
    sha = hashlib.sha256()
    # Documentation travels as field metadata; rewording it must not make tables stale.
    bare = pa.schema([pa.field(f.name, f.type, f.nullable) for f in table.schema])
    with pa.ipc.new_stream(_HashSink(sha), bare) as writer:
        for batch in pa.table(table.columns, schema=bare).combine_chunks().to_batches():
            # Taken anew: where a value is null, what lies in its place is chance.
            writer.write_batch(batch.take(pa.array(range(len(batch)), pa.int64())))
    return sha.hexdigest()


def write_table(
    path: TablePath,
    table: pa.Table,
    proof: Proof,
    row_digests: Sequence[str] = (),
    *,
    lasting: bool = True,
) -> Proof:
    """Write rows and proof under ``path``, visible only when complete; return the full proof.

    ``row_digests`` say what stickers' rows were made from, so that a later run can take them
    over. What isn't ``lasting`` is not flushed to the disk.
    """
    proof = replace(proof, digest=digest_rows(table), part=part_of(path))
    table = table.replace_schema_metadata(
        {_PROOF_KEY: _proof_json(proof), _ROWS_KEY: " ".join(row_digests).encode()}
    )
    with _target(path, lasting=lasting) as target:
        pq.write_table(table, target, row_group_size=_group_rows(table.schema), **_OPTIONS)
    return proof


def write_block(path: TablePath, shards: Mapping[int, pa.Table], proof: Proof) -> Proof:
    """Write the rows of consecutive shards as one file, a row group each, like write_table."""
    known = {part: [digest_rows(rows), len(rows)] for part, rows in shards.items()}
    whole = hashlib.sha256(json.dumps(known).encode()).hexdigest()
    proof = replace(proof, digest=whole, part=part_of(path))
    schema = next(iter(shards.values())).schema.with_metadata(
        {_PROOF_KEY: _proof_json(proof), _SHARDS_KEY: json.dumps(known).encode()}
    )
    with _target(path) as target, pq.ParquetWriter(target, schema, **_OPTIONS) as writer:
        for rows in shards.values():
            writer.write_table(rows.cast(schema), row_group_size=max(1, len(rows)))
    return proof


def read_table(
    path: TablePath,
    columns: list[str] | None = None,
    shards: Sequence[int] | None = None,
    later: Collection[str] = (),
) -> pa.Table:
    """Rows of a table file, without its proof; of a block, those of its ``shards`` in order.

    Columns that came ``later`` than the file are left out where it lacks them.
    """
    with table_errors(path):
        file = pq.ParquetFile(_source(path, shards), page_checksum_verification=True)
        if later and columns is not None:
            names = set(file.schema_arrow.names)
            columns = [name for name in columns if name in names or name not in later]
        facts = _facts_in(file.schema_arrow, file.metadata.num_rows)
        if shards is None or not facts.shards:
            rows = file.read(columns, use_threads=False)
        else:
            places = {part: place for place, part in enumerate(facts.shards)}
            rows = file.read_row_groups([places[n] for n in shards], columns, use_threads=False)
        # Parquet gives them in the order of the file.
        rows = rows if columns is None else rows.select(columns)
    if facts.proof is not None and _is_misplaced(facts.proof, path):
        raise StickerworksError(
            f"{path} holds the rows of shard {facts.proof.part}: files were swapped or copied.",
            anew(path),
        )
    return rows.replace_schema_metadata(None)


def scan_table(path: TablePath, columns: list[str]) -> Iterator[pa.Table]:
    """Rows of a global table, a group after the other; none where it isn't there."""
    if not path.exists():
        return
    with table_errors(path):
        file = pq.ParquetFile(_source(path, None), page_checksum_verification=True)
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, columns, use_threads=False).select(columns)


def count_rows(path: TablePath) -> int:
    """Rows of a table file, from its footer alone."""
    with table_errors(path):
        return int(pq.read_metadata(_seekable(path)).num_rows)


@contextmanager
def table_errors(path: TablePath) -> Iterator[None]:
    """Turn what a damaged table file raises into one clear line."""
    try:
        yield
    # Arrow raises Python's own errors too where a footer makes no sense.
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, MemoryError):
            raise
        what = f"Could not read the table {path}: {' '.join(str(error).split())}."
        if isinstance(error, OSError) and error.errno is not None:  # the system's, not Arrow's
            raise StickerworksError(what, "Run the same command again.") from error
        raise DamagedTableError(what, anew(path), str(path)) from error


def anew(path: TablePath) -> str:
    """What to do about a table file that is no good: the command that makes it again."""
    name = path.parent.name if path.parent.name in TABLES else path.stem
    command = f"`stickerworks {TABLES[name].command}`" if name in TABLES else "what writes it"
    return f"Delete that file and run {command} again; it will be made anew."


def read_facts(path: TablePath) -> FileFacts | None:
    """What the footer of a table file says; None when there is no file, or no table in it.

    A file that was written as another shard has no proof.
    """
    try:
        metadata = pq.read_metadata(_seekable(path))
        facts = _facts_in(metadata.schema.to_arrow_schema(), metadata.num_rows)
    except (FileNotFoundError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None
    except OSError as error:
        if error.errno is None:  # Arrow's own, for a footer that makes no sense
            return None
        raise
    if facts.proof is not None and _is_misplaced(facts.proof, path):
        return FileFacts(facts.rows, None)
    return facts


def read_proof(path: TablePath) -> Proof | None:
    """Proof of a table file; None when there is no file or it is not one of ours."""
    facts = read_facts(path)
    return None if facts is None else facts.proof


def part_of(path: TablePath) -> int | None:
    """Number of the shard that a file is named after, the first one of a block."""
    match = _PART.fullmatch(path.name)
    return int(match[1]) if match else None


def read_row_digests(path: TablePath) -> list[str]:
    """The row digests that were given to ``write_table``."""
    with table_errors(path):
        metadata = pq.read_schema(_seekable(path)).metadata or {}
        text: bytes = metadata.get(_ROWS_KEY, b"")
        return text.decode().split()


_OPTIONS: Mapping[str, Any] = {"compression": "zstd", "write_page_checksum": True}


def _group_rows(schema: pa.Schema) -> int:
    return _GROUP_ROWS_WITH_BYTES if any(map(_holds_bytes, schema.types)) else _GROUP_ROWS


def _holds_bytes(kind: pa.DataType) -> bool:
    inner = (kind.field(place).type for place in range(kind.num_fields))
    return pa.types.is_binary(kind) or any(map(_holds_bytes, inner))


def _source(path: TablePath, shards: Sequence[int] | None) -> pa.NativeFile:
    """The file in memory where that is quicker than to seek in it."""
    if isinstance(path, ObjectPath):
        return path.open() if shards is None else path.open_shared()
    if path.stat().st_size <= _SMALL_BYTES:
        return pa.BufferReader(path.read_bytes())
    return pa.OSFile(str(path))


def _seekable(path: TablePath) -> Path | pa.NativeFile:
    return path.open() if isinstance(path, ObjectPath) else path


@contextmanager
def _target(path: TablePath, *, lasting: bool = True) -> Iterator[Path | pa.BufferOutputStream]:
    """Where to write a table so that all of it is there or nothing."""
    if isinstance(path, ObjectPath):
        sink = pa.BufferOutputStream()
        yield sink
        path.write(sink.getvalue().to_pybytes())
    else:
        with atomic_file(path, lasting=lasting) as temporary:
            yield temporary


def _proof_json(proof: Proof) -> bytes:
    return json.dumps(asdict(proof), sort_keys=True).encode()


def _facts_in(schema: pa.Schema, rows: int) -> FileFacts:
    metadata = schema.metadata or {}
    try:
        proof = Proof(**json.loads(metadata[_PROOF_KEY]))
        known = json.loads(metadata.get(_SHARDS_KEY, b"{}"))
        shards = {int(part): (str(digest), int(n)) for part, (digest, n) in known.items()}
    except (KeyError, TypeError, ValueError):
        return FileFacts(rows, None)
    return FileFacts(rows, proof, shards)


def _is_misplaced(proof: Proof, path: TablePath) -> bool:
    return proof.part is not None and proof.part != part_of(path)


class _HashSink:
    """A write-only file for Arrow that keeps a hash alone."""

    closed = False

    def __init__(self, sha: hashlib._Hash) -> None:
        self._sha = sha
        self._written = 0

    def write(self, data: bytes) -> int:
        self._sha.update(data)
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False
