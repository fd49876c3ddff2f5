"""Names for clusters: the words that set each apart, and the keywords nearest to its centre."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

TERMS = 8
EXEMPLARS = 5
# A cluster is oversized when it has more than this share of the clustered keywords, and more
# than OVERSIZED_TIMES the average: with few clusters a large share is no surprise.
OVERSIZED_SHARE = 0.25
OVERSIZED_TIMES = 3


@dataclass(frozen=True)
class Member:
    """A keyword of a cluster: its words and its distance to the centre."""

    keyword: str
    tokens: tuple[str, ...]
    distance: float


@dataclass(frozen=True)
class Tag:
    """A named cluster; its place in the list is its number."""

    name: str
    terms: tuple[str, ...]
    exemplars: tuple[str, ...]
    flags: tuple[str, ...]


def name_clusters(clusters: Sequence[Sequence[Member]]) -> list[Tag]:
    """Name each cluster by its best class-based TF-IDF term, with further terms until unique."""
    terms = class_terms([Counter(t for member in c for t in member.tokens) for c in clusters])
    total = sum(len(cluster) for cluster in clusters)
    limit = max(OVERSIZED_SHARE, OVERSIZED_TIMES / max(1, len(clusters))) * total
    tags: list[Tag] = []
    taken: set[str] = set()
    for number, (cluster, best) in enumerate(zip(clusters, terms, strict=True)):
        name = _unique_name(best, taken, number)
        taken.add(name)
        nearest = sorted(cluster, key=lambda member: (member.distance, member.keyword))
        exemplars = tuple(member.keyword for member in nearest[:EXEMPLARS])
        tags.append(Tag(name, tuple(best[:TERMS]), exemplars, _flags(len(cluster), limit)))
    return tags


def class_terms(classes: Sequence[Counter[str]]) -> list[list[str]]:
    """Words of each class, best first, by class-based TF-IDF (Grootendorst 2022, equation 3).

    A word's score is its share of the class times log(1 + words of an average class / its count
    over all classes); equal scores go by the alphabet.
    """
    totals: Counter[str] = Counter()
    for words in classes:
        totals.update(words)
    average = totals.total() / max(1, len(classes))
    return [
        sorted(words, key=lambda word: (-words[word] * math.log1p(average / totals[word]), word))
        for words in classes
    ]


def tagset_version(names: Sequence[str], assignments: Sequence[tuple[str, str]]) -> str:
    """Short hash of the tag names and of each clustered keyword's tag; order changes nothing."""
    text = json.dumps([sorted(names), sorted(assignments)], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _unique_name(terms: Sequence[str], taken: set[str], number: int) -> str:
    names = (" ".join(terms[:count]) for count in range(1, min(4, len(terms)) + 1))
    return next((name for name in names if name not in taken), f"{terms[0]} {number}")


def _flags(size: int, limit: float) -> tuple[str, ...]:
    flags = (("oversized", size > limit), ("singleton", size == 1))
    return tuple(name for name, holds in flags if holds)
