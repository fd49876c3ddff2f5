"""Damaged files by the thousand through the filter's one pass; each must give a row.

    python benchmarks/fuzz.py [FOLDER] [--minutes 1] [--seed 0] [--case N --write FILE]

FOLDER holds stickers (default ../shared/real-stickers) that are damaged beside those drawn here:
cut, bits flipped, lengths of chunks changed, chunks removed, doubled and moved, spliced with
others; of Lottie the JSON is damaged. A case is decided by seed and number alone, so `--case` makes
any of them again. What a release would carry must then load from it, with every frame that its row
claims.

Exit code 1 when a case raises, ends its process, takes over thirty seconds, or is kept and doesn't
load. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import random
import re
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from queue import SimpleQueue

from fuzzing.moving import damage_lottie, drawn_moving, part_places
from PIL import Image, ImageOps

from pipeline.engine.decoding.measured import measure
from pipeline.engine.images import reading_images
from pipeline.release.rows import NO_PICTURES
from schemas.config import DecodeConfig

_CAPS = DecodeConfig(max_pixels=2_000_000, max_total_pixels=20_000_000, max_frames=200)
_LARGEST = 120_000
"""Bytes of a real file beyond which too few of its mutants would fit into a minute."""
_SLOW_S = 30
"""A decoder in a process of its own may compute for twenty; a row of the filter may take sixty."""
_MAGIC = {b"GIF8": "gif", b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}
_ODD = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

Files = dict[str, list[bytes]]
"""The bytes of files by their format."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("../shared/real-stickers"))
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    if options.case is not None:
        sys.exit(_repeat(options.folder, options.seed, options.case, options.write))
    found = _hunt(options.folder, options.seed, time.monotonic() + 60 * options.minutes)
    kinds, faults = Counter(kind for kind, _ in found), [why for _, why in found if why]
    for kind, count in kinds.most_common():
        print(f"{count:>9,}  {kind}")
    for why in faults[:50]:
        print(f"FAULT {why}")
    figures = {"files": len(found), "faults": len(faults), "kinds": dict(kinds)}
    print(json.dumps({"benchmark": "fuzz", "figures": figures}))
    sys.exit(bool(faults))


def _hunt(folder: Path, seed: int, until: float) -> list[tuple[str, str]]:
    """Kind and fault (or nothing) of each case, in a process of its own that may die of one."""
    context = multiprocessing.get_context("spawn")
    number = context.Value("q", 0)
    found: list[tuple[str, str]] = []
    while time.monotonic() < until:
        results = context.SimpleQueue()
        work = (folder, seed, number, until - time.monotonic(), results)
        child = context.Process(target=_try_many, args=work)
        child.start()
        while child.is_alive() or not results.empty():
            if results.empty():
                time.sleep(0.05)
            else:
                found += results.get()
        child.join()
        if child.exitcode:
            found.append(("died", f"case {number.value}: the process ended with {child.exitcode}"))
            number.value += 1
    return found


def _try_many(
    folder: Path, seed: int, number: Synchronized[int], seconds: float, results: SimpleQueue[object]
) -> None:
    files, until = _files(folder), time.monotonic() + seconds
    found: list[tuple[str, str]] = []
    while time.monotonic() < until:
        found.append(_try(number.value, *_mutant(files, seed, number.value)))
        number.value += 1
        if len(found) == 100:
            results.put(found)
            found = []
    results.put(found)


def _try(number: int, kind: str, data: bytes) -> tuple[str, str]:
    started = time.monotonic()
    try:
        row = measure(data, kind, _CAPS).signals
        outcome = _outcome(row)
        if outcome in ("kept", "kept, truncated") and kind not in NO_PICTURES:
            with reading_images():
                _load(data, int(str(row["frames"])))
    except Exception as error:  # noqa: BLE001 - finding them is what this is for
        return "raised", f"case {number} ({kind}): {type(error).__name__}: {error}"
    took = time.monotonic() - started
    slow = f"case {number} ({kind}): took {took:.1f} s" if took > _SLOW_S else ""
    return f"{kind}: {outcome}", slow


def _outcome(row: dict[str, object]) -> str:
    if "error" in row:
        return str(row["error"]).split(":")[0]
    flags = row["flags"]
    assert isinstance(flags, list)
    if "refused" in flags:
        return "refused"
    return "kept, truncated" if "truncated" in flags else "kept"


def _load(data: bytes, frames: int) -> None:
    """What `datasets` does with an image, and every frame that the row claims."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        if image.getexif().get(0x0112) is not None:
            ImageOps.exif_transpose(image)
        for index in range(frames):
            image.seek(index)
            image.load()


def _repeat(folder: Path, seed: int, number: int, target: Path | None) -> int:
    kind, data = _mutant(_files(folder), seed, number)
    if target is not None:
        target.write_bytes(data)
    outcome, fault = _try(number, kind, data)
    print(f"{len(data):,} bytes, {outcome}. {fault}")
    return bool(fault)


def _mutant(files: Files, seed: int, number: int) -> tuple[str, bytes]:
    rng = random.Random(f"{seed}/{number}")
    kind = rng.choice(sorted(files))
    data = rng.choice(files[kind])
    if kind == "tgs" and rng.random() < 0.8:
        # Damage to gzipped bytes hardly ever reaches the JSON.
        return kind, damage_lottie(rng, data)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
        data = rng.choice(_MUTATIONS)(rng, kind, data, files)
    if kind in ("png", "apng") and rng.random() < 0.8:
        data = _mend_checksums(data)
    return kind, data


def _cut(rng: random.Random, kind: str, data: bytes, files: Files) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _flip(rng: random.Random, kind: str, data: bytes, files: Files) -> bytes:
    """A few bits, most often near the beginning, where the headers are."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 40)) if data else 0):
        out[rng.randrange(min(len(out), rng.choice((64, 1024, 1 << 30))))] ^= 1 << rng.randrange(8)
    return bytes(out)


def _overwrite(rng: random.Random, kind: str, data: bytes, files: Files) -> bytes:
    at, size = rng.randrange(len(data) + 1), rng.choice((1, 2, 4, 8, 64))
    fill = rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size)))
    return data[:at] + fill + data[at + size :]


def _remove(rng: random.Random, kind: str, data: bytes, files: Files) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.choice((1, 2, 3, 16, 500)) :]


def _splice(rng: random.Random, kind: str, data: bytes, files: Files) -> bytes:
    """The head of one file and the tail of another, of the same format where that can be."""
    other = rng.choice(files[kind if rng.random() < 0.8 else rng.choice(sorted(files))])
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other)) :]


def _change_length(rng: random.Random, kind: str, data: bytes, files: Files) -> bytes:
    """Another length, size or count in one of the places that declare some."""
    places = _chunks(kind, data)
    if not places:
        return _overwrite(rng, kind, data, files)
    at = rng.choice(places)[0]
    order, width = _LENGTHS.get(kind, (">", 4))
    at += {"webp": 4, "jpeg": 2}.get(kind, rng.choice((0, 1, 3, 5, 7)) if kind == "gif" else 0)
    at += rng.choice((0, 0, 0, 4, 8, 12, 16)) if width == 4 else 0
    value = rng.choice((*_ODD, rng.randrange(70_000)))
    body = struct.pack(order + ("I" if width == 4 else "H"), value & (2 ** (8 * width) - 1))
    return data[:at] + body + data[at + width :]


_LENGTHS = {"webp": ("<", 4), "jpeg": (">", 2), "gif": ("<", 2), "bmp": ("<", 4)}
"""Byte order and width of what says how long a part is; big-endian and 4 bytes in the others."""


def _shuffle_chunks(rng: random.Random, kind: str, data: bytes, files: Files) -> bytes:
    """A chunk removed, doubled, moved, or taken from another file of the format."""
    chunks = _chunks(kind, data)
    if len(chunks) < 2:
        return _remove(rng, kind, data, files)
    start, end = rng.choice(chunks)
    target = rng.choice(chunks)[0]
    way = rng.choice(("remove", "double", "move", "foreign"))
    if way == "remove":
        return data[:start] + data[end:]
    if way == "double":
        return data[:end] + data[start:end] * rng.choice((1, 1, 3, 300)) + data[end:]
    if way == "move":
        without = data[:start] + data[end:]
        return without[:target] + data[start:end] + without[target:]
    other = rng.choice(files[kind])
    begin, stop = rng.choice(_chunks(kind, other) or [(0, len(other))])
    return data[:target] + other[begin:stop] + data[target:]


_MUTATIONS: tuple[Callable[[random.Random, str, bytes, Files], bytes], ...] = (
    _cut, _flip, _flip, _overwrite, _remove, _splice, _change_length, _change_length,
    _shuffle_chunks, _shuffle_chunks,
)  # fmt: skip


def _chunks(kind: str, data: bytes) -> list[tuple[int, int]]:
    """Where chunks, segments or blocks begin and end, as far as they can be told."""
    if kind == "gif":
        starts = [match.start() + 1 for match in re.finditer(rb"\x00[!,]", data)][:400]
        return list(pairwise([*starts, len(data)]))
    if kind in ("avif", "mp4", "webm"):
        return part_places(kind, data)
    if kind == "bmp":
        return [(at, at + 4) for at in range(2, 54, 4)]
    if kind == "tgs":
        return []
    found, at = [], {"webp": 12, "jpeg": 2}.get(kind, 8)
    while at + 8 <= len(data) and len(found) < 400:
        if kind == "webp":
            size = int.from_bytes(data[at + 4 : at + 8], "little")
            end = at + 8 + size + size % 2
        elif kind == "jpeg":
            end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        else:
            end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        found.append((at, min(end, len(data))))
        at = max(end, at + 1)
    return found


def _mend_checksums(data: bytes) -> bytes:
    """Without right checksums hardly any damage to a PNG gets past its first chunk."""
    out, at = bytearray(data[:8]), 8
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + size]
        out += data[at : at + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        at += 12 + size
    return bytes(out)


def _files(folder: Path) -> Files:
    """Drawn files of every format and mode, and the smaller ones of the folder."""
    found = {**_drawn(), **drawn_moving()}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and path.stat().st_size <= _LARGEST:
            data = path.read_bytes()
            kind = next((k for magic, k in _MAGIC.items() if data.startswith(magic)), None)
            if kind is not None:
                found["apng" if kind == "png" and b"acTL" in data else kind].append(data)
    return found


def _drawn() -> Files:
    rng = random.Random(1)
    frames = [Image.frombytes("RGBA", (20, 16), rng.randbytes(1280)) for _ in range(4)]
    exif = b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"
    moving = {"save_all": True, "append_images": frames[1:], "duration": 40}
    rgb = frames[0].convert("RGB")
    profile = {"icc_profile": b"profile" * 9, "exif": exif}
    wishes: list[tuple[str, Image.Image, dict[str, object]]] = [
        ("gif", rgb, {}),
        ("gif", frames[0], {**moving, "disposal": 2, "loop": 0}),
        ("png", rgb, profile),
        ("png", frames[0], {}),
        ("png", rgb.quantize(9), {"transparency": bytes(range(9))}),
        ("png", rgb.convert("L"), {"transparency": 7}),
        ("png", rgb.convert("1"), {}),
        ("png", Image.new("I;16", (20, 16), 999), {}),
        ("apng", frames[0], {**moving, "blend": 1, "disposal": 1}),
        ("apng", frames[0], {**moving, "default_image": True}),
        ("jpeg", rgb, profile),
        ("jpeg", rgb, {"progressive": True, "exif": exif}),
        ("jpeg", rgb.convert("L"), {}),
        ("jpeg", rgb.convert("CMYK"), {}),
        ("webp", rgb, profile),
        ("webp", frames[0], {"lossless": True}),
        ("webp", frames[0], {**moving, "exif": exif}),
    ]
    found: Files = {}
    for kind, image, options in wishes:
        found.setdefault(kind, []).extend([_saved(image, kind, options)] * 9)
    return found


def _saved(image: Image.Image, kind: str, options: dict[str, object]) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG" if kind == "apng" else kind.upper(), **options)
    return out.getvalue()


if __name__ == "__main__":
    main()
