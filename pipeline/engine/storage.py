"""Tables on disk: Parquet written whole or not at all, each carrying its own proof."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.engine.errors import DamagedTableError, StickerworksError, disk_errors
from schemas.tables import TABLES

_PART = re.compile(r"part-(\d{5,})\.parquet")
_PROOF_KEY = b"stickerworks"
_ROWS_KEY = b"stickerworks.rows"


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
    path: Path, table: pa.Table, proof: Proof, row_digests: Sequence[str] = ()
) -> Proof:
    """Write rows and proof under ``path``, visible only when complete; return the full proof.

    ``row_digests`` say what stickers' rows were made from, so that a later run can take them
    over.
    """
    proof = replace(proof, digest=digest_rows(table), part=part_of(path))
    text = json.dumps(asdict(proof), sort_keys=True)
    rows = " ".join(row_digests)
    table = table.replace_schema_metadata({_PROOF_KEY: text.encode(), _ROWS_KEY: rows.encode()})
    with atomic_file(path) as temporary:
        pq.write_table(
            table, temporary, compression="zstd", row_group_size=1000, write_page_checksum=True
        )
    return proof


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Rows of a table file, without its proof."""
    with table_errors(path):
        rows = pq.read_table(
            path, columns=columns, partitioning=None, page_checksum_verification=True
        )
    proof = _proof_in(rows.schema)
    if proof is not None and _is_misplaced(proof, path):
        raise StickerworksError(
            f"{path} holds the rows of shard {proof.part}: files were swapped or copied.",
            anew(path),
        )
    return rows.replace_schema_metadata(None)


def count_rows(path: Path) -> int:
    """Rows of a table file, from its footer alone."""
    with table_errors(path):
        return int(pq.read_metadata(path).num_rows)


@contextmanager
def table_errors(path: Path) -> Iterator[None]:
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


def anew(path: Path) -> str:
    """What to do about a table file that is no good: the command that makes it again."""
    name = path.parent.name if path.parent.name in TABLES else path.stem
    command = f"`stickerworks {TABLES[name].command}`" if name in TABLES else "what writes it"
    return f"Delete that file and run {command} again; it will be made anew."


def read_proof(path: Path) -> Proof | None:
    """Proof of a table file; None when there is no file or it is not one of ours.

    A file that was written as another shard has none either.
    """
    try:
        proof = _proof_in(pq.read_schema(path))
    except (FileNotFoundError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None
    except OSError as error:
        if error.errno is None:  # Arrow's own, for a footer that makes no sense
            return None
        raise
    return None if proof is None or _is_misplaced(proof, path) else proof


def part_of(path: Path) -> int | None:
    """Number of the shard that a file is named after."""
    match = _PART.fullmatch(path.name)
    return int(match[1]) if match else None


def _proof_in(schema: pa.Schema) -> Proof | None:
    try:
        return Proof(**json.loads((schema.metadata or {})[_PROOF_KEY]))
    except (KeyError, TypeError, ValueError):
        return None


def _is_misplaced(proof: Proof, path: Path) -> bool:
    return proof.part is not None and proof.part != part_of(path)


def read_row_digests(path: Path) -> list[str]:
    """The row digests that were given to ``write_table``."""
    with table_errors(path):
        metadata = pq.read_schema(path).metadata or {}
        text: bytes = metadata.get(_ROWS_KEY, b"")
        return text.decode().split()


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` that becomes ``path`` when the block succeeds."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with disk_errors(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            os.replace(temporary, path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames within ``folder`` last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
