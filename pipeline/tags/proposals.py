"""Names for clusters: the words that set each apart, and the keywords nearest to its centre."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
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
class Proposal:
    """A cluster as people are asked about it; ``name`` is a suggestion."""

    key: str
    name: str | None
    terms: tuple[str, ...]
    exemplars: tuple[str, ...]
    flags: tuple[str, ...]


def cluster_key(cluster: int) -> str:
    """The key of a cluster's row: c17."""
    return f"c{cluster}"


def propose(members: Mapping[str, Sequence[Member]]) -> list[Proposal]:
    """Suggest each cluster's best class-based TF-IDF term as its name, longer until unique.

    ``members`` are the keywords by the proposal's key, in the order that decides who is first
    to get a name.
    """
    clusters = list(members.values())
    terms = class_terms([Counter(t for member in c for t in member.tokens) for c in clusters])
    total = sum(len(cluster) for cluster in clusters)
    limit = max(OVERSIZED_SHARE, OVERSIZED_TIMES / max(1, len(clusters))) * total
    proposals: list[Proposal] = []
    taken: set[str] = set()
    for number, (key, best) in enumerate(zip(members, terms, strict=True)):
        cluster = members[key]
        name = _unique_name(best, taken, number)
        taken.add(name)
        nearest = sorted(cluster, key=lambda member: (member.distance, member.keyword))
        exemplars = tuple(member.keyword for member in nearest[:EXEMPLARS])
        flags = _flags(len(cluster), limit)
        proposals.append(Proposal(key, name, tuple(best[:TERMS]), exemplars, flags))
    return proposals


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
