"""The file of a backup: a gzipped tar that begins with its manifest, written and read as a stream.

It is read by its own rules, not those of tar: what may follow is known from the manifest, nothing
else is accepted, and no name in it is a path that is trusted.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.text import one_line

FORMAT = 1
"""Raised when older programs can't read the file."""

# Read in the order in which they are made from each other, the last made first.
TAKEN = ("agreement", "labels", "votes", "adjudications", "flags", "gold", "tasks", "questions",
         "ballot", "tag_changes", "corrections", "text_checks", "tagset", "named_keywords",
         "named_tags", "named_elbow", "naming")  # fmt: skip
"""Tables of what people were asked and gave."""

_MANIFEST = "manifest.json"
_MOST_MANIFEST, _MOST_PARTS = 32 << 20, 200_000
_CHUNK, _BLOCK = 1 << 20, 512
_LEVEL = 4  # most of it is a database, which higher levels make hardly smaller
_PLACES = re.compile(
    r"stickerworks\.yaml|\.settings\.json"
    r"|label-studio/(?:ledger\.sqlite|accounts\.json|data/.+)"
    rf"|tables/(?:{'|'.join(TAKEN)})(?:/part-[0-9]{{5,9}})?\.parquet",
    re.DOTALL,
)


@dataclass(frozen=True)
class Part:
    """A file of the workspace: its ``place`` below it, its bytes, and their sha256 in hex."""

    place: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds, of which versions; ``shown`` is the folder that the server showed.

    ``ledger`` is the version of the ledger, 0 without one; ``tables`` has the digest of each
    table's columns.
    """

    made_at: str
    stickerworks: str
    label_studio: str
    ledger: int
    shown: str
    tables: Mapping[str, str]
    parts: tuple[Part, ...]
    format: int = FORMAT

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(part.size for part in self.parts)


def write_backup(target: Path, folder: Path, manifest: Manifest) -> None:
    """Write the parts, which lie below ``folder`` under their places; only its owner can read it.

    The file is on the disk when this returns.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(target, flags, 0o600), "wb") as raw:
        with gzip.GzipFile("", "wb", _LEVEL, raw, 0) as packed:
            content = json.dumps(asdict(manifest)).encode()
            packed.write(_header(_MANIFEST, len(content)))
            packed.write(content + bytes(-len(content) % _BLOCK))
            for number, part in enumerate(manifest.parts):
                packed.write(_header(_name(number, part), part.size))
                with (folder / part.place).open("rb") as file:
                    while chunk := file.read(_CHUNK):
                        packed.write(chunk)
                packed.write(bytes(-part.size % _BLOCK))
            packed.write(bytes(2 * _BLOCK))
        raw.flush()
        os.fsync(raw.fileno())


def read_backup(source: Path, folder: Path, check: Callable[[Manifest], None]) -> Manifest:
    """Put every part below ``folder`` under its place, once ``check`` has let the manifest pass.

    Raises StickerworksError for a file that isn't a whole backup, or whose parts aren't what the
    manifest says of them.
    """
    with _opened(source) as raw, _reading(source), gzip.GzipFile(fileobj=raw) as packed:
        manifest = _read_manifest(packed)
        check(manifest)
        for number, part in enumerate(manifest.parts):
            _expect(packed, _name(number, part), part.size)
            with disk_errors(folder / part.place):
                _extract(packed, part, folder / part.place)
        rest = packed.read(64 * _BLOCK)  # to the end, where gzip's own sum stands
        if any(rest) or len(rest) < 2 * _BLOCK or packed.read(1):
            raise _OddError("something follows its last part")
    return manifest


class _OddError(ValueError):
    """What is wrong with a file that should be a backup."""


@contextmanager
def _opened(source: Path) -> Iterator[IO[bytes]]:
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no file can have that name"
        raise StickerworksError(f"Could not read {source}: {why}.", "Name a backup.") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StickerworksError(f"{source} is no regular file.", "Name a backup.")
    with open(descriptor, "rb") as file:
        yield file


@contextmanager
def _reading(source: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError, _OddError) as error:
        why = one_line(error, 120) or "it ends early"
        raise StickerworksError(
            f"{source} is no whole backup of `stickerworks label backup`: {why}.",
            "Nothing was restored. It was cut or changed: take another copy of it, or an older "
            "backup.",
        ) from None


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def _name(number: int, part: Part) -> str:
    """A part's name in the tar: its place, unless tar would need more than one header for it."""
    return part.place if part.place.isascii() and len(part.place) < 100 else f"part-{number:06d}"


def _expect(packed: gzip.GzipFile, name: str, size: int | None) -> int:
    """Read the header of a plain file of that name and size (None: any); returns its size."""
    info = tarfile.TarInfo.frombuf(_exactly(packed, _BLOCK), "utf-8", "strict")
    if info.type != tarfile.REGTYPE or info.name != name or size not in (None, info.size):
        raise _OddError(f"{one_line(info.name)!r} stands where the file {name} should")
    return info.size


def _exactly(packed: gzip.GzipFile, count: int) -> bytes:
    data = packed.read(count)
    if len(data) < count:
        raise _OddError("it ends early")
    return data


def _read_manifest(packed: gzip.GzipFile) -> Manifest:
    size = _expect(packed, _MANIFEST, None)
    if not 0 <= size <= _MOST_MANIFEST:
        raise _OddError("its manifest is too large")
    content = _exactly(packed, size + -size % _BLOCK)[:size]
    try:
        return _manifest(json.loads(content))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if isinstance(error, _OddError):
            raise
        raise _OddError("its manifest makes no sense") from None


def _manifest(held: Mapping[str, Any]) -> Manifest:
    if held["format"] != FORMAT:
        raise _OddError(
            f"it is of format {one_line(held['format'], 20)}, and this program knows {FORMAT}"
        )
    parts = tuple(Part(str(p["place"]), int(p["size"]), str(p["sha256"])) for p in held["parts"])
    places = {part.place for part in parts}
    if len(parts) > _MOST_PARTS or len(places) < len(parts):
        raise _OddError("its manifest names too many parts, or one twice")
    for part in parts:
        if not _may_be(part.place) or part.size < 0:
            raise _OddError(f"it has a part {one_line(part.place)!r}, which no backup has")
    return Manifest(
        made_at=str(held["made_at"]),
        stickerworks=str(held["stickerworks"]),
        label_studio=str(held["label_studio"]),
        ledger=int(held["ledger"]),
        shown=str(held["shown"]),
        tables={str(name): str(digest) for name, digest in held["tables"].items()},
        parts=parts,
    )


def _may_be(place: str) -> bool:
    """Whether a part may lie there, wherever the workspace is."""
    path = PurePosixPath(place)
    plain = not path.is_absolute() and ".." not in path.parts and str(path) == place
    named = all(0 < len(os.fsencode(name)) <= 255 for name in path.parts)
    return plain and named and "\0" not in place and _PLACES.fullmatch(place) is not None


def _extract(packed: gzip.GzipFile, part: Part, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, left = hashlib.sha256(), part.size
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while left:
            chunk = _exactly(packed, min(_CHUNK, left))
            digest.update(chunk)
            file.write(chunk)
            left -= len(chunk)
        file.flush()
        os.fsync(file.fileno())
    _exactly(packed, -part.size % _BLOCK)
    if digest.hexdigest() != part.sha256:
        raise _OddError(f"{part.place} has other bytes than were put there")
