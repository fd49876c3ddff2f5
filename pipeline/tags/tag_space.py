"""TF-IDF space of a tag set: a centre for each tag, and how near texts are to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.tags.vectors import rarity_of

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Rows of a product with the centres that are held at a time: as wide as there are tags.
_ROWS = 4096


@dataclass(frozen=True)
class TagSpace:
    """Words with their weights, and the centre of each tag as a sparse row of length 1.

    ``words`` is sorted; ``idf`` is that of scikit-learn: ln((1 + n) / (1 + df)) + 1, over the
    keywords that have words left. A tag without words has an empty row.
    """

    words: pa.Array
    idf: Floats
    centres: Any
    unseen: float

    @classmethod
    def of(cls, tokens: pa.Array | pa.ChunkedArray, tags: Ints, count: int) -> TagSpace:
        """The space of keywords with words ``tokens`` and tags from 0 to below ``count``.

        Keywords whose tag is -1 lend their words to the weights alone.
        """
        from scipy.sparse import csr_matrix

        rows, flat = _flatten(tokens)
        words = pc.unique(flat).sort() if len(flat) else pa.array([], pa.string())
        found = pc.index_in(flat, value_set=words).to_numpy().astype(np.int64)
        pairs = np.unique(rows * max(1, len(words)) + found)
        documents = len(np.unique(rows))
        frequency = np.bincount(pairs % max(1, len(words)), minlength=len(words))
        idf = rarity_of(documents, frequency)
        vectors = _vectors(rows, found, idf, len(tags))
        held = np.flatnonzero(tags >= 0)
        members = csr_matrix(
            (np.ones(len(held)), (tags[held], held)), shape=(count, len(tags)), dtype=np.float64
        )
        return cls(words, idf, _unit(members @ vectors), float(np.log(1 + documents) + 1))

    def vectors(self, tokens: pa.Array | pa.ChunkedArray) -> Any:
        """Sparse rows of texts: of length 1 where all words are known, shorter by what isn't."""
        rows, flat = _flatten(tokens)
        found = pc.fill_null(pc.index_in(flat, value_set=self.words), -1)
        places = found.to_numpy().astype(np.int64)
        return _vectors(rows, places, self.idf, len(tokens), self.unseen)

    def similarities(self, tokens: pa.Array | pa.ChunkedArray) -> Iterator[Any]:
        """Cosines of texts to all centres, as sparse pieces of so many rows, in order."""
        vectors, centres = self.vectors(tokens), self.centres.T.tocsr()
        for start in range(0, vectors.shape[0], _ROWS):
            yield vectors[start : start + _ROWS] @ centres

    def nearest(self, tokens: pa.Array | pa.ChunkedArray) -> tuple[Ints, Floats]:
        """The nearest tag of each text and its cosine; -1 and 0 where no word is shared."""
        if not self.centres.shape[0]:
            return np.full(len(tokens), -1), np.zeros(len(tokens))
        tags: list[Ints] = [np.zeros(0, np.int64)]
        cosines: list[Floats] = [np.zeros(0)]
        for piece in self.similarities(tokens):
            tags.append(_argmax(piece))
            cosines.append(np.asarray(piece.max(axis=1).todense()).ravel())
        return np.concatenate(tags), np.concatenate(cosines)

    def own(self, tokens: pa.Array | pa.ChunkedArray, tags: Ints) -> Floats:
        """Cosine of each text to the centre of its own tag; 0 where that is -1."""
        vectors, cosines = self.vectors(tokens), np.zeros(len(tags))
        order = np.argsort(tags, kind="stable")
        starts = np.searchsorted(tags[order], np.arange(self.centres.shape[0] + 1))
        # Tag by tag: a row of its centre for every keyword would fill the memory.
        for tag in range(self.centres.shape[0]):
            members = order[starts[tag] : starts[tag + 1]]
            if len(members):
                centre = self.centres[tag].toarray().ravel()
                cosines[members] = vectors[members] @ centre
        return cosines


def _flatten(tokens: pa.Array | pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    if isinstance(tokens, pa.ChunkedArray):
        tokens = tokens.combine_chunks()
    rows = pc.list_parent_indices(tokens).to_numpy().astype(np.int64)
    return rows, pc.list_flatten(tokens)


def _vectors(rows: Ints, words: Ints, idf: Floats, count: int, unseen: float = 0.0) -> Any:
    """Rows of length 1 over known words and, where ``words`` is -1, ones that nobody knows."""
    from scipy.sparse import csr_matrix

    known = words >= 0
    matrix = csr_matrix(
        (idf[words[known]], (rows[known], words[known])), shape=(count, len(idf)), dtype=np.float64
    )
    matrix.sum_duplicates()
    squared = np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel()
    squared += np.bincount(rows[~known], minlength=count) * unseen**2
    return _scaled(matrix, squared)


def _unit(matrix: Any) -> Any:
    matrix = matrix.tocsr()
    return _scaled(matrix, np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())


def _scaled(matrix: Any, squared: Floats) -> Any:
    from scipy.sparse import diags

    return (diags(1 / np.sqrt(np.where(squared > 0, squared, 1))) @ matrix).tocsr()


def _argmax(piece: Any) -> Ints:
    best = np.asarray(piece.argmax(axis=1)).ravel().astype(np.int64)
    return np.where(np.diff(piece.indptr) > 0, best, -1)
