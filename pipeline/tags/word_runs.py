"""Keywords that say a word or a phrase of somebody's, in tokens that stand in a row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.chinese_words import HAN
from pipeline.engine.columns import entries

Ints = npt.NDArray[np.int64]


def first_said(tokens: pa.ChunkedArray, phrases: Sequence[str]) -> tuple[Ints, set[int]]:
    """The place of the first phrase that each list of tokens says, and all places that any does.

    A phrase is said by a token, or by several in a row that are it together; where none is, the
    place is the number of phrases.
    """
    first = np.full(len(tokens), len(phrases), dtype=np.int64)
    places: dict[str, list[int]] = {}
    for place, phrase in enumerate(phrases):
        places.setdefault(_spelt(phrase.split()), []).append(place)
    said: set[int] = set()
    for row, found in _single(tokens, places):
        first[row] = min(first[row], places[found][0])
        said.update(places[found])
    for row, found in _runs(tokens, places):
        first[row] = min(first[row], places[found][0])
        said.update(places[found])
    return first, said


def _single(tokens: pa.ChunkedArray, phrases: dict[str, list[int]]) -> Iterator[tuple[int, str]]:
    rows, flat = entries(tokens)
    hits = pc.is_in(flat, value_set=pa.array(list(phrases), pa.string()))
    words = flat.filter(hits).to_pylist()
    yield from zip(rows[hits.to_numpy(zero_copy_only=False)].tolist(), words, strict=True)


def _runs(tokens: pa.ChunkedArray, phrases: dict[str, list[int]]) -> Iterator[tuple[int, str]]:
    """Rows and phrases that two tokens or more say; a phrase of one sign is none."""
    long = sorted(phrase.replace(" ", "") for phrase in phrases if len(phrase) > 1)
    if not long:
        return
    longest = max(map(len, phrases))
    joined = pc.binary_join(tokens.combine_chunks(), "")
    may = pc.match_substring_regex(joined, "|".join(map(re.escape, long))).fill_null(False)
    for row in np.flatnonzero(may.to_numpy(zero_copy_only=False)).tolist():
        words = tokens[row].as_py()
        for begin in range(len(words)):
            for end in range(begin + 2, len(words) + 1):
                run = _spelt(words[begin:end])
                if run in phrases:
                    yield row, run
                if len(run) >= longest:
                    break


def _spelt(words: Sequence[str]) -> str:
    """Words as one text, a space between those of which neither is Chinese where they meet."""
    text = ""
    for word in words:
        apart = text and not HAN.match(text[-1]) and not HAN.match(word[:1])
        text += f" {word}" if apart else word
    return text
