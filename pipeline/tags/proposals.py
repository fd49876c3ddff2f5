"""What clusters suggest: words that set each apart, names made of them, keywords near its centre.

In columns: half a million keywords are numbers of clusters and words here, and only the few words
that may name a cluster become Python's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.tags.name_forms import which_blocked
from pipeline.tags.suggested_names import ClusterWords, Suggester
from pipeline.tags.words import read_function_words

Ints = npt.NDArray[np.int64]

TERMS = 8
EXEMPLARS = 5
# A cluster is oversized when it has more than this share of the clustered keywords, and more
# than OVERSIZED_TIMES the average: with few clusters a large share is no surprise.
OVERSIZED_SHARE = 0.25
OVERSIZED_TIMES = 3
# What more than this share of a cluster's keywords says is what they have in common.
_SHARED = 0.5
# A cluster is blocked when more than this share of its keywords says a blocked word.
_BLOCKED_SHARE = 0.5
# Words of a cluster that are looked at for a name: where the first are blocked, the next.
_CANDIDATES = 24


@dataclass(frozen=True)
class Proposal:
    """A row that people are asked about; ``name`` and ``english`` of a cluster are suggestions.

    ``name`` is None where most keywords of a cluster say a blocked word.
    """

    key: str
    name: str | None
    english: str | None
    terms: tuple[str, ...]
    exemplars: tuple[str, ...]
    keywords: int
    flags: tuple[str, ...]


@dataclass(frozen=True)
class _Classes:
    """Keywords in order of their class, then distance: ``starts`` says where each begins."""

    keys: list[str]
    keywords: pa.Array
    tokens: pa.ListArray
    number: Ints
    starts: Ints

    @property
    def sizes(self) -> Ints:
        return np.diff(self.starts)


def propose(
    keywords: pa.Table,
    blocked: Collection[str] = (),
    current: Mapping[str, Sequence[str]] | None = None,
) -> list[Proposal]:
    """What is proposed for each key: clusters in order, then tags.

    ``keywords`` has keyword, tokens, key and distance; rows without a key are passed over.
    ``current`` has the names of each frozen tag, the first of them in use; no cluster's suggested
    name is one of them, or says one of the ``blocked`` words. Names are unique as same_name has it.
    """
    current = current or {}
    classes = _classes(keywords, current)
    terms = class_terms(classes.tokens, classes.number, len(classes.keys), _CANDIDATES)
    blocked_set = frozenset(blocked)
    hits = which_blocked(classes.keywords, blocked_set).astype(np.int64)
    counts = np.bincount(classes.number, hits, minlength=len(classes.keys))
    limit = max(OVERSIZED_SHARE, OVERSIZED_TIMES / max(1, len(classes.keys)))
    suggester = Suggester(blocked_set, read_function_words(), current.values())
    proposals = []
    for number, (key, size) in enumerate(zip(classes.keys, classes.sizes, strict=True)):
        own = slice(int(classes.starts[number]), int(classes.starts[number + 1]))
        is_blocked = bool(counts[number] > _BLOCKED_SHARE * size)
        name, english = current[key][0] if key in current else None, None
        if key not in current and not is_blocked:
            members = ClusterWords(terms[number], classes.keywords[own], classes.tokens[own])
            name, english = suggester.suggest(members, number)
        flags = (
            ("oversized", size > limit * len(classes.number)),
            ("singleton", size == 1),
            ("blocked", is_blocked),
        )
        exemplars = classes.keywords[own][:EXEMPLARS].to_pylist()
        proposals.append(
            Proposal(
                key,
                name,
                english,
                tuple(word for word, _ in terms[number][:TERMS]),
                tuple(exemplars),
                int(size),
                tuple(flag for flag, holds in flags if holds),
            )
        )
    return proposals


def class_terms(
    tokens: pa.ListArray, number: Ints, classes: int, most: int
) -> list[list[tuple[str, float]]]:
    """The best words of each class with their scores, by class-based TF-IDF (Grootendorst 2022,
    equation 3); what most keywords of a class say comes before its other words.

    A word's score is its count in the class times log(1 + words of an average class / its count
    over all classes); equal scores go by the alphabet. Among many tiny classes an average one has
    two words: then a word of one keyword would beat the word that all keywords of a class share.
    """
    said_by = pc.list_parent_indices(tokens).to_numpy()
    encoded = pc.list_flatten(tokens).dictionary_encode()
    words = encoded.dictionary
    if not len(words):
        return [[] for _ in range(classes)]
    rank = np.empty(len(words), dtype=np.int64)
    order = pc.sort_indices(words).to_numpy()
    rank[order] = np.arange(len(words))
    ranks = rank[encoded.indices.to_numpy()]
    pairs, counts = np.unique(number[said_by] * len(words) + ranks, return_counts=True)
    owner, word = np.divmod(pairs, len(words))
    totals = np.bincount(word, counts, minlength=len(words))
    scores = counts * np.log1p(totals.sum() / classes / totals[word])
    sizes = np.bincount(number, minlength=classes)
    shared = _sayers(said_by, ranks, number, len(words)) > _SHARED * sizes[owner]
    best = np.lexsort((word, -scores, ~shared, owner))
    starts = np.searchsorted(owner, np.arange(classes + 1))
    names = words.take(pa.array(order))
    found = []
    for begin, end in pairwise(starts.tolist()):
        first = best[begin : min(end, begin + most)]
        own = names.take(pa.array(word[first])).to_pylist()
        found.append(list(zip(own, scores[first].tolist(), strict=True)))
    return found


def _sayers(said_by: Ints, ranks: Ints, number: Ints, words: int) -> Ints:
    """How many keywords say each pair of class and word, the pairs in order."""
    keyword, rank = np.divmod(np.unique(said_by * words + ranks), words)
    sayers: Ints = np.unique(number[keyword] * words + rank, return_counts=True)[1]
    return sayers


def _classes(keywords: pa.Table, current: Mapping[str, Sequence[str]]) -> _Classes:
    held = keywords.filter(pc.is_valid(keywords["key"])).combine_chunks()
    found = {*pc.unique(held["key"]).to_pylist(), *current}
    keys = sorted(found, key=lambda key: (key[0], int(key[1:])))
    number = pc.index_in(held["key"], value_set=pa.array(keys, pa.string()))
    places = pa.table({"number": number, "distance": held["distance"], "keyword": held["keyword"]})
    order = pc.sort_indices(places, sort_keys=[(name, "ascending") for name in places.column_names])
    numbers = number.take(order).to_numpy().astype(np.int64)
    texts, tokens = (held[name].take(order).combine_chunks() for name in ("keyword", "tokens"))
    starts = np.searchsorted(numbers, np.arange(len(keys) + 1))
    return _Classes(keys, texts, tokens, numbers, starts)
