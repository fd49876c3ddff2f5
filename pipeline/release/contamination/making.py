"""Makes the index of a data set from its pictures."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from pipeline.release.contamination.apart import look_at_all
from pipeline.release.contamination.coding import CHECK_BYTES, Codes, own_codes
from pipeline.release.contamination.index import (
    FRAME,
    MEAN,
    NOTHING,
    STILL,
    Index,
    file_hashes,
    salt_of,
)
from pipeline.release.contamination.looking import Greys, is_blank, mean_picture
from pipeline.release.contamination.pictures import Picture
from schemas.config import DecodeConfig

MOST_FRAMES = 24
"""Frames of an animation that an index holds at most."""
NEAR_FRAME = 4
"""Bits of the code within which a frame stands for another."""
_SAY_EVERY = 1000


@dataclass
class _Rows:
    """Columns of an index as they grow: 57 bytes a row; with its id, its group and what was seen, a
    still takes 450."""

    ids: list[str] = field(default_factory=list)
    file: array[int] = field(default_factory=partial(array, "q"))
    code: array[int] = field(default_factory=partial(array, "Q"))
    check: bytearray = field(default_factory=bytearray)
    kind: array[int] = field(default_factory=partial(array, "B"))
    split: array[int] = field(default_factory=partial(array, "I"))
    group: array[int] = field(default_factory=partial(array, "I"))


def make_index(
    name: str,
    pictures: Iterable[Picture],
    caps: DecodeConfig,
    say: Callable[[str], None] = lambda line: None,
) -> Index:
    """The index of a data set: codes once for each near-duplicate group, a hash for each file.

    Rows are ordered by the hashes, which are keyed with what only those files give, so that
    neither their order nor two indexes together tell more. The same files give the same index.
    """
    rows, splits = _Rows(), dict[str, int]()
    groups: dict[bytes, int] = {}
    seen: set[bytes] = set()
    for number, (picture, frames) in enumerate(look_at_all(pictures, caps), 1):
        split = splits.setdefault(picture.split, len(splits))
        rows.ids.append(picture.id)
        codes = list(_codes(frames))
        own = ("group", picture.group) if picture.group else ("code", codes or picture.id)
        group = groups.setdefault(_short(own), len(groups))
        new = [code for code in codes if _short((group, *code[:2])) not in seen]
        seen.update(_short((group, *code[:2])) for code in new)
        for place, (code, check, kind) in enumerate(new or [(0, bytes(CHECK_BYTES), NOTHING)]):
            rows.file.append(len(rows.ids) if place == 0 else 0)
            rows.code.append(code)
            rows.check.extend(check)
            rows.kind.append(kind)
            rows.split.append(split)
            rows.group.append(group)
        if number % _SAY_EVERY == 0:
            say(f"{number:,} pictures looked at")
    return _ordered(name, rows, tuple(splits))


def _short(key: tuple[object, ...]) -> bytes:
    """What stands for a key in memory, of which there may be millions."""
    return hashlib.blake2b(repr(key).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def thinned(codes: Codes) -> list[int]:
    """Places of codes that no earlier one that is kept stands for, ``MOST_FRAMES`` at most."""
    kept: list[int] = []
    for place, code in enumerate(codes.tolist()):
        if all((code ^ int(codes[other])).bit_count() > NEAR_FRAME for other in kept):
            kept.append(place)
    return (
        [kept[n * len(kept) // MOST_FRAMES] for n in range(MOST_FRAMES)]
        if (len(kept) > MOST_FRAMES)
        else kept
    )


def _codes(frames: Greys | None) -> Iterator[tuple[int, bytes, int]]:
    """Code, check and kind of a file: of the picture, or of the mean and of frames."""
    if frames is None:
        return
    moving = len(frames) > 1
    mean = mean_picture(frames)
    shown = [(mean, MEAN if moving else STILL)]
    if moving:
        clear = frames[[not is_blank(frame) for frame in frames]]
        shown += (
            [(frame, FRAME) for frame in clear[thinned(own_codes(clear)[0])]] if len(clear) else []
        )
    shown = [(picture, kind) for picture, kind in shown if not is_blank(picture)]
    if shown:
        codes, checks = own_codes(np.stack([picture for picture, _ in shown]))
        for code, check, (_, kind) in zip(codes.tolist(), checks, shown, strict=True):
            yield code, check.tobytes(), kind


def _ordered(name: str, rows: _Rows, splits: tuple[str, ...]) -> Index:
    """Rows by the hash of their file, splits by name and groups by their first row."""
    salt = salt_of(rows.ids)
    hashes = np.append(np.uint64(0), file_hashes(rows.ids, salt))
    numbers = np.array(rows.file, np.int64)
    file = hashes[numbers]
    owner = hashes[np.maximum.accumulate(numbers)]
    check = np.frombuffer(bytes(rows.check), np.uint8).reshape(-1, CHECK_BYTES)
    order = np.lexsort((rows.code, rows.kind, file == 0, owner))
    _, first, place = np.unique(
        np.array(rows.group, np.int64)[order], return_index=True, return_inverse=True
    )
    renamed = np.argsort(np.argsort(first))
    by_name = np.argsort(np.argsort(np.array(splits, dtype=object)))
    return Index(
        name=name,
        splits=tuple(sorted(splits)),
        salt=salt,
        file=file[order],
        code=np.array(rows.code, np.uint64)[order],
        check=check[order],
        kind=np.array(rows.kind, np.uint8)[order],
        split=by_name[np.array(rows.split, np.int64)].astype(np.uint8)[order],
        group=renamed[place].astype(np.uint32),
    )
