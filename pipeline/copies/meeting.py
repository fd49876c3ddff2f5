"""Which pictures of stored stickers are candidates for copies of each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.copies.codes import CODE_COLUMNS, Codes, StickerCodes, sticker_codes
from pipeline.copies.comparing import Pictures, Relations
from pipeline.copies.pairs import KnownPairs, Meetings, Pairs
from pipeline.engine.stage import Reader

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def read_codes(reader: Reader, sizes: Mapping[int, int], rows: Ints) -> StickerCodes:
    """Codes of the pictures that were first shown in ``rows``, which ascend."""
    found = list(_codes(reader, sizes, rows))
    return StickerCodes(
        *(
            _joined([getattr(codes, name) for codes in found])
            for name in ("own", "derived", "frames")
        )
    )


def _codes(reader: Reader, sizes: Mapping[int, int], rows: Ints) -> Iterator[StickerCodes]:
    start = 0
    for part, size in sizes.items():
        first, end = np.searchsorted(rows, [start, start + size]).tolist()
        if first < end:
            signals = reader.read("signals", part, CODE_COLUMNS)
            codes = sticker_codes(signals.take(pa.array(rows[first:end] - start)))
            yield StickerCodes(
                *(
                    Codes(first + found.sticker, found.code, found.view)
                    for found in (codes.own, codes.derived, codes.frames)
                )
            )
        start += size


def _joined(found: list[Codes]) -> Codes:
    # Views are few and pictures less than 2**31, and there are tens of codes for each.
    sticker = [codes.sticker.astype(np.int32) for codes in found]
    view = [codes.view.astype(np.uint8) for codes in found]
    return Codes(
        np.concatenate([np.empty(0, np.int32), *sticker]),
        np.concatenate([np.empty(0, np.uint64), *(codes.code for codes in found)]),
        np.concatenate([np.empty(0, np.uint8), *view]),
    )


def meetings_within(
    codes: StickerCodes, animated: Flags, distance: int
) -> list[Meetings | KnownPairs]:
    """Stills with stills, animations with animations, and stills with frames of animations."""
    stills, moving = (
        (among(codes.own, kind), among(codes.derived, kind)) for kind in (~animated, animated)
    )
    return [
        Meetings(*stills, distance),
        Meetings(*moving, distance),
        Meetings(stills[0], codes.frames, distance, among_own=False),
    ]


def among(codes: Codes, chosen: Flags) -> Codes:
    """The codes of chosen pictures."""
    here = chosen[codes.sticker]
    return Codes(codes.sticker[here], codes.code[here], codes.view[here])


def compare_numbered(pictures: Pictures, numbers: Ints, text: pa.Array, pairs: Pairs) -> Relations:
    """Relations of pairs, whose pictures were loaded as ``numbers``; ``text`` is by picture."""
    texts = [text.take(pa.array(places)).to_pylist() for places in (pairs.one, pairs.other)]
    ones, others = numbers[pairs.one], numbers[pairs.other]
    return pictures.compare(ones, others, pairs.view, list(zip(*texts, strict=True)))
