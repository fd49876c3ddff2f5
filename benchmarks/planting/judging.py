"""What the duplicates step's codes and comparison say of pairs whose relation is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.copies.codes import CODE_COLUMNS, Codes, sticker_codes
from pipeline.copies.comparing import HOW, NONE, load_pictures
from pipeline.filter.duplicates.similar import (
    BEGINNINGS,
    LEAST,
    MIRROR,
    OWN,
    Embeddings,
    similar_pairs,
)
from pipeline.filter.embeddings import SCALE, SIZE, Embed, stored
from schemas.config import DuplicatesConfig
from schemas.tables import FRAMES, SIGNALS

Ints = npt.NDArray[np.int64]
Row = Mapping[str, Any]
"""Columns of ``signals``, and ``key_frames``."""


class Shard:
    """Measured stickers as the one shard of a workspace; stands in for its reader."""

    def __init__(self, rows: Sequence[Row]) -> None:
        ids = [{"id": str(number), "error": None} for number in range(len(rows))]
        self._tables = {
            "signals": pa.Table.from_pylist(
                [{**{k: v for k, v in row.items() if k != "key_frames"}, **name}
                 for row, name in zip(rows, ids, strict=True)],
                schema=SIGNALS.schema,
            ),
            "frames": pa.Table.from_pylist(
                [{"key_frames": row["key_frames"], **name}
                 for row, name in zip(rows, ids, strict=True)],
                schema=FRAMES.schema,
            ),
        }  # fmt: skip

    def read(self, table: str, parts: object, columns: list[str]) -> pa.Table:
        return self._tables[table].select(columns)


@dataclass(frozen=True)
class Judged:
    """Of a pair: the fewest bits between codes that may meet, and what the pictures say (NONE
    without a comparison where no codes met)."""

    bits: int
    what: int = NONE
    how: str = ""
    distance: int = -1


def judge(
    rows: Sequence[Row],
    pairs: Sequence[tuple[int, int]],
    settings: DuplicatesConfig,
    embed: Embed | None = None,
) -> list[Judged]:
    """Judge pairs of ``rows`` as the step would, text unread; with ``embed`` pairs whose embeddings
    are alike count as met, with 0 bits."""
    shard: Any = Shard(rows)
    met = meetings(shard.read("signals", 0, CODE_COLUMNS), pairs)
    if embed is not None:
        for found, views in zip(met, _similar(_embeddings(rows, embed), pairs, rows), strict=True):
            found.update(dict.fromkeys(views, 0))
    near = [
        (place, *pair, view)
        for place, (pair, found) in enumerate(zip(pairs, met, strict=True))
        for view, bits in found.items()
        if bits <= settings.max_phash_distance
    ]
    judged = [Judged(min(found.values(), default=64)) for found in met]
    place, ones, others, views = np.array(near, np.int64).reshape(-1, 4).T
    used = np.unique(np.concatenate([ones, others]))
    with load_pictures(shard, {0: len(rows)}, used, settings) as pictures:
        found = pictures.compare(
            np.searchsorted(used, ones), np.searchsorted(used, others), views,
            [(None, None)] * len(ones),
        )  # fmt: skip
    for number, what, how, distance in zip(
        place.tolist(),
        found.what.tolist(),
        found.how.tolist(),
        found.distance.tolist(),
        strict=True,
    ):
        best = judged[number]
        if (what, -distance) > (best.what, -best.distance):
            judged[number] = Judged(best.bits, what, HOW[how] if how >= 0 else "", distance)
    return judged


def meetings(signals: pa.Table, pairs: Sequence[tuple[int, int]]) -> list[dict[int, int]]:
    """Bits between the codes of each pair, by the view in which they meet."""
    codes = sticker_codes(signals)
    animated = signals["animated"].to_pylist()
    own, derived, frames = map(_by_sticker, (codes.own, codes.derived, codes.frames))
    met = []
    for one, other in pairs:
        found: dict[int, int] = {}
        for first, second in ((one, other), (other, one)):
            if animated[one] == animated[other]:
                near = [(code, view, mine) for code, view in own[second] + derived.get(second, [])
                        for mine, _ in own[first]]  # fmt: skip
            elif animated[second]:
                near = [(code, 0, mine) for code, _ in frames.get(second, [])
                        for mine, _ in own[first]]  # fmt: skip
            else:
                near = []
            for code, view, mine in near:
                bits = (code ^ mine).bit_count()
                found[view] = min(bits, found.get(view, 64))
        met.append(found)
    return met


def _embeddings(rows: Sequence[Row], embed: Embed) -> Embeddings:
    vectors = []
    for row in rows:
        frames = [frame["jpeg"] for frame in row["key_frames"] or ()]
        shape = (0, 2, SIZE)
        vectors.append(stored((embed(frames) if frames else np.zeros(shape)).sum(axis=0)))
    own, mirror = np.stack(vectors, axis=1)
    return Embeddings(np.arange(len(rows)), own, mirror)


def _similar(
    known: Embeddings, pairs: Sequence[tuple[int, int]], rows: Sequence[Row]
) -> list[list[int]]:
    """Views in which the embeddings of each pair are alike."""
    met = []
    for one, other in pairs:
        alike = rows[one].get("animated") == rows[other].get("animated")
        asked = np.stack([known.own[other], known.mirror[other]]).astype(np.int64)
        near = (asked @ known.own[one].astype(np.int64) >= LEAST * SCALE**2) & alike
        views = [(OWN, MIRROR)[place] for place in np.flatnonzero(near).tolist()]
        met.append([more for view in views for more in (view, *BEGINNINGS.get(view, ()))])
    return met


def similar_rows(rows: Sequence[Row], embed: Embed) -> list[tuple[int, int]]:
    """All pairs of rows that the step would compare for their embeddings, ascending."""
    known = _embeddings(rows, embed)
    moving = np.array([bool(row.get("animated")) for row in rows])
    found: set[tuple[int, int]] = set()
    for kind in (moving, ~moving):
        near = similar_pairs(known.of(kind))
        found |= set(zip(near.other.tolist(), near.one.tolist(), strict=True))
    return sorted(found)


def _by_sticker(codes: Codes) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = {}
    columns = codes.sticker.tolist(), codes.code.tolist(), codes.view.tolist()
    for number, bits, view in zip(*columns, strict=True):
        found.setdefault(number, []).append((bits, view))
    return found


def meeting_pairs(rows: Sequence[Row], distance: int) -> list[tuple[int, int]]:
    """All pairs of rows that have codes within so many bits, ascending; all are compared."""
    shard: Any = Shard(rows)
    signals = shard.read("signals", 0, CODE_COLUMNS)
    codes = sticker_codes(signals)
    moving = np.array(signals["animated"].to_pylist(), np.bool_)
    found: set[tuple[int, int]] = set()
    for others, alike in ((codes.own, True), (codes.derived, True), (codes.frames, False)):
        for sticker, code in zip(codes.own.sticker.tolist(), codes.own.code, strict=True):
            near = others.sticker[np.bitwise_count(others.code ^ code) <= distance]
            near = near[((moving[near] == moving[sticker]) == alike) & (near != sticker)]
            found |= {(min(sticker, other), max(sticker, other)) for other in near.tolist()}
    return sorted(found)
