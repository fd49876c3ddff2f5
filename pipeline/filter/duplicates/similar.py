"""Further candidate pairs: pictures that a pretrained network takes for alike.

Embeddings are whole numbers, so their products are exact however a library adds them up. What a
picture is paired with depends on earlier ones alone, so added shards change no earlier pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.copies.codes import VIEWS, View
from pipeline.copies.pairs import Pairs
from pipeline.engine.stage import Reader
from pipeline.filter.embeddings import SCALE, SIZE, import_module

Ints = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.int8]

LEAST = 0.85
"""Cosine from which two pictures are compared."""
_NEAREST = 8
"""Earlier pictures, or their mirror images, that each is compared with at most, besides those that
hashes propose."""
_BLOCK = 2048
"""Pictures searched in one go, among those of earlier blocks and among themselves."""
_EXACT = 100 * _BLOCK
"""Pictures from which on what is searched is divided into lists, of which few are looked at."""
_LISTS, _LOOKED_AT = 1024, 32
OWN, MIRROR = 0, next(place for place, view in enumerate(VIEWS) if view.mirrored)


def _middle_or_corner(view: View) -> bool:
    off = abs(view.top + view.bottom - 1), abs(view.left + view.right - 1)
    return view.name == "window" and (max(off) < 0.01 or min(off) > 0.06)


BEGINNINGS = {OWN: [place for place, view in enumerate(VIEWS) if _middle_or_corner(view)]}
"""Views that say where to begin to lay the one over the other, which embeddings don't: measured,
so all of what is cropped by 15% is found, not 0.83 of it, and comparing takes no longer."""


@dataclass(frozen=True)
class Embeddings:
    """Those of pictures, by their numbers, which ascend; vectors (pictures, SIZE)."""

    picture: Ints
    own: Vectors
    mirror: Vectors

    def of(self, chosen: npt.NDArray[np.bool_]) -> Embeddings:
        """Those of the pictures whose numbers are chosen."""
        here = chosen[self.picture]
        return Embeddings(self.picture[here], self.own[here], self.mirror[here])


def read_embeddings(reader: Reader, sizes: dict[int, int], rows: Ints) -> Embeddings:
    """Embeddings of the pictures that were first shown in ``rows``, which ascend."""
    found = list(_read(reader, sizes, rows))
    none = np.empty((0, SIZE), np.int8)
    return Embeddings(
        np.concatenate([np.empty(0, np.int64), *(one.picture for one in found)]),
        np.concatenate([none, *(one.own for one in found)]),
        np.concatenate([none, *(one.mirror for one in found)]),
    )


def _read(reader: Reader, sizes: dict[int, int], rows: Ints) -> Iterator[Embeddings]:
    start = 0
    for part, size in sizes.items():
        first, end = np.searchsorted(rows, [start, start + size]).tolist()
        if first < end:
            table = reader.read("embeddings", part, ["own", "mirror"])
            table = table.take(pa.array(rows[first:end] - start))
            known = table["own"].is_valid()
            own, mirror = (_vectors(table[name].filter(known)) for name in ("own", "mirror"))
            yield Embeddings(first + np.flatnonzero(known.to_numpy()), own, mirror)
        start += size


def _vectors(column: pa.ChunkedArray) -> Vectors:
    return np.frombuffer(b"".join(column.to_pylist()), np.int8).reshape(-1, SIZE)


def similar_pairs(embeddings: Embeddings) -> Pairs:
    """Each picture with the nearest earlier ones, as they are and mirrored."""
    found: list[Ints] = [np.empty((4, 0), np.int64)]
    with _one_thread():
        index = _Earlier()
        for start in range(0, len(embeddings.picture), _BLOCK):
            part = slice(start, start + _BLOCK)
            own = embeddings.own[part]
            for view, asked in ((OWN, own), (MIRROR, embeddings.mirror[part])):
                found.append(_pairs(start, view, *index.nearest(asked)))
                found.append(_pairs(start, view, *_within(start, asked, own)))
            index.add(own)
    one, other, view, product = _nearest(np.concatenate(found, axis=1))
    # As many bits as two codes would differ in that say on which side of 64 random planes
    # the embeddings lie.
    bits = np.rint(np.arccos(np.minimum(1, product / SCALE**2)) * 64 / np.pi).astype(np.int64)
    number = embeddings.picture
    return Pairs(number[one], number[other], view, bits)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let faiss start no threads beside those of other libraries, which would wait for each
    other."""
    faiss = import_module("faiss")
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


class _Earlier:
    """Embeddings of earlier pictures, by their places."""

    def __init__(self) -> None:
        self._faiss = import_module("faiss")
        self._index: Any = self._faiss.IndexFlatIP(SIZE)

    def nearest(self, asked: Vectors) -> tuple[Ints, Ints]:
        """Products with the nearest ones, and their places (-1: there are no more)."""
        products, places = self._index.search(asked.astype(np.float32), _NEAREST)
        return np.where(places < 0, 0, products).astype(np.int64), places

    def add(self, vectors: Vectors) -> None:
        self._index.add(vectors.astype(np.float32))
        if self._index.ntotal == _EXACT:
            self._index = self._divided(self._index.reconstruct_n(0, _EXACT))

    def _divided(self, vectors: npt.NDArray[np.float32]) -> Any:
        """Lists around centres of these vectors alone, so that later ones change none."""
        faiss = self._faiss
        index = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatIP(SIZE), SIZE, _LISTS, faiss.ScalarQuantizer.QT_8bit_direct_signed,
            faiss.METRIC_INNER_PRODUCT, False,
        )  # fmt: skip
        index.train(vectors)
        index.add(vectors)
        index.nprobe = _LOOKED_AT
        return index


def _within(start: int, asked: Vectors, own: Vectors) -> tuple[Ints, Ints]:
    """Products with those of the same block, and their places (-1: it isn't an earlier one)."""
    products = asked.astype(np.float32) @ own.astype(np.float32).T
    places = np.broadcast_to(start + np.arange(len(own)), products.shape)
    return products.astype(np.int64), np.where(np.tri(len(own), k=-1, dtype=bool), places, -1)


def _pairs(start: int, view: int, products: Ints, places: Ints) -> Ints:
    """One, other, view and product of those that are near enough."""
    query, column = np.nonzero((places >= 0) & (products >= LEAST * SCALE**2))
    other, product = places[query, column], products[query, column]
    return np.stack([start + query, other, np.full(len(query), view), product])


def _nearest(pairs: Ints) -> Ints:
    """The nearest of each picture; of equally near ones, the first."""
    one, other, view, product = pairs
    ordered = pairs[:, np.lexsort((view, other, -product, one))]
    place = np.arange(ordered.shape[1]) - np.searchsorted(ordered[0], ordered[0])
    nearest: Ints = ordered[:, place < _NEAREST]
    return nearest
