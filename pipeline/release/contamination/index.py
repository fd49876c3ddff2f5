"""A hash-only index of a data set: one Parquet file of numbers with a version and a checksum."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import plain
from pipeline.release.contamination.coding import CHECK_BYTES, Checks, Codes

VERSION = 1
"""Raised when the same pictures would give other numbers, or the columns change."""
STILL, MEAN, FRAME, NOTHING = 0, 1, 2, 3
"""What a code is of: a still, the mean picture of an animation, one of its frames; or the row only
has a file's hash, since its group has the code already or the file can't be decoded."""

_KEY = b"stickerworks.contamination"
_MOST_ROWS, _MOST_NAME = 100_000_000, 200
_GROUP_ROWS = 1 << 20
_ANY_ROWS, _LEAST_ROW = 1 << 20, 4
"""Rows that any file may have, and bytes of the file that each of more must take."""
_SCHEMA = pa.schema(
    [
        pa.field("file", pa.uint64(), nullable=False),
        pa.field("code", pa.uint64(), nullable=False),
        pa.field("check", pa.binary(CHECK_BYTES), nullable=False),
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("split", pa.uint8(), nullable=False),
        pa.field("group", pa.uint32(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Index:
    """Rows of an index: a file's hash (0 for a further frame), a code with its check, whose they
    are. ``split`` is a place in ``splits``; groups are numbered from 0."""

    name: str
    splits: tuple[str, ...]
    salt: bytes
    file: Codes
    code: Codes
    check: Checks
    kind: npt.NDArray[np.uint8]
    split: npt.NDArray[np.uint8]
    group: npt.NDArray[np.uint32]

    @property
    def stickers(self) -> int:
        """Files that the index is of."""
        return int((self.file > 0).sum())

    @property
    def codes(self) -> int:
        """Codes of pictures and frames."""
        return int((self.kind != NOTHING).sum())

    @property
    def undecodable(self) -> int:
        """Groups that no code stands for: blank pictures, and what can't be decoded."""
        coded = np.unique(self.group[self.kind != NOTHING])
        return len(np.unique(self.group)) - len(coded)


def file_hashes(ids: list[str], salt: bytes) -> Codes:
    """64 bits of a keyed hash of each sha256 in hex; never 0."""
    made = [hashlib.blake2b(id_.encode(), digest_size=8, key=salt).digest() for id_ in ids]
    return np.maximum(np.frombuffer(b"".join(made), "<u8").astype(np.uint64), 1)


def salt_of(ids: list[str]) -> bytes:
    """What keys the hashes of a data set's files: the same in every build of the same files."""
    found = hashlib.blake2b(digest_size=16, person=b"stickers")
    for id_ in sorted(ids):
        found.update(id_.encode())
    return found.digest()


def write_index(path: Path, index: Index) -> None:
    """Write an index; the file is there whole or not at all."""
    said = {
        "version": VERSION,
        "name": index.name,
        "splits": list(index.splits),
        "salt": index.salt.hex(),
        "rows": len(index.file),
        "sha256": _checksum(index),
    }
    columns = [index.file, index.code, _fixed(index.check), index.kind, index.split, index.group]
    schema = _SCHEMA.with_metadata({_KEY: json.dumps(said, sort_keys=True).encode()})
    table = pa.table([pa.array(column) for column in columns], schema=schema)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        pq.write_table(
            table, temporary, compression="zstd", use_dictionary=["kind", "split"],
            row_group_size=_GROUP_ROWS,
        )  # fmt: skip


def read_index(path: Path) -> Index:
    """Read an index of anybody's; StickerworksError where it is none, or isn't as it was made."""
    try:
        with pq.ParquetFile(path) as file:
            said = _said(path, file)
            table = file.read()
            table.validate(full=True)
    except (pa.ArrowException, OSError, MemoryError) as error:
        raise _unusable(path, f"can't be read: {plain(str(error))[:200]}") from error
    check = table["check"].combine_chunks()
    bits = np.frombuffer(check.buffers()[1], np.uint8) if len(table) else np.empty(0, np.uint8)
    start = check.offset * CHECK_BYTES
    numbers = {n: table[n].to_numpy() for n in ("file", "code", "kind", "split", "group")}
    index = Index(
        name=said["name"],
        splits=tuple(said["splits"]),
        salt=bytes.fromhex(said["salt"]),
        check=bits[start : start + len(table) * CHECK_BYTES].reshape(-1, CHECK_BYTES),
        **numbers,
    )
    if said["rows"] != len(table) or said["sha256"] != _checksum(index):
        raise _unusable(path, "is damaged: its rows don't have its checksum")
    if len(table) and (index.split.max() >= len(index.splits) or index.kind.max() > NOTHING):
        raise _unusable(path, "names splits or kinds of codes that it doesn't have")
    return index


def _said(path: Path, file: pq.ParquetFile) -> dict[str, Any]:
    """What the footer says, checked before a row is read."""
    text = (file.schema_arrow.metadata or {}).get(_KEY)
    try:
        said = json.loads(text or b"null")
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("version"), int):
        raise _unusable(path, "is no index of `stickerworks release index`")
    if said["version"] != VERSION:
        raise StickerworksError(
            f"{path} is an index of version {said['version']}; this stickerworks reads {VERSION}.",
            "Ask for one of that version, make it again with `stickerworks release index`, or "
            "use a newer stickerworks.",
        )
    if not _sound(said) or not file.schema_arrow.equals(_SCHEMA):
        raise _unusable(path, "doesn't have the columns and facts of an index")
    # Hashes and codes can't be made small: many rows in a small file are all the same.
    most = min(_MOST_ROWS, max(_ANY_ROWS, path.stat().st_size // _LEAST_ROW))
    if file.metadata.num_rows > most:
        raise _unusable(path, f"has {file.metadata.num_rows:,} rows, more than {most:,}")
    return said


def _sound(said: dict[str, Any]) -> bool:
    splits, salt = said.get("splits"), said.get("salt")
    names = [said.get("name"), *(splits if isinstance(splits, list) else [None])]
    return (
        all(isinstance(name, str) and 0 < len(name) <= _MOST_NAME for name in names)
        and len(names) <= 256
        and isinstance(salt, str)
        and len(salt) == 32
        and all(sign in "0123456789abcdef" for sign in salt)
        and isinstance(said.get("rows"), int)
        and isinstance(said.get("sha256"), str)
    )


def _checksum(index: Index) -> str:
    found = hashlib.sha256()
    for column, kind in (
        *((index.file, "<u8"), (index.code, "<u8"), (index.check, "u1")),
        *((index.kind, "u1"), (index.split, "u1"), (index.group, "<u4")),
    ):
        found.update(np.ascontiguousarray(column, kind).data)
    return found.hexdigest()


def _fixed(check: Checks) -> pa.Array:
    data = pa.py_buffer(np.ascontiguousarray(check))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(CHECK_BYTES), len(check), [None, data])


def _unusable(path: Path, why: str) -> StickerworksError:
    return StickerworksError(f"{path} {why}.", "Get the index again from who published it.")
