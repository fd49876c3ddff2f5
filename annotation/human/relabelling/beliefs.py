"""How likely each given tag is right: voters and tags judged by one another.

Dawid and Skene (1979) with few parameters, since a tag has few votes: how often a voter gives a tag
that is there, and one that isn't, are odds of the voter times odds of the tag, and a tag is given
wrongly more often beside one that it is confused with. Estimated by expectation maximisation over
the pairs that somebody gave; a tag that nobody gave is taken not to be there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotation.human.relabelling.given import Floats, Given
from annotation.human.tag_pairs import Ints

_ROUNDS = 20
_FLOOR = 1e-6
_PRIOR_VOTES = 20.0
"""Votes that an estimate needs to count as much as the mean of all voters and tags."""
_PRIOR_WRONG = 2.0
_MOST = 0.99
_ALONE = 0.85
"""What a vote tells beside others: people err alike on what is hard, or on tags that are close."""


@dataclass(frozen=True)
class Beliefs:
    """Of each pair: the chance that the tag is ``right``, that a voter gives it where it is
    (``seen``) and where it isn't (``mistaken``); of each annotator the same over all tags."""

    right: Floats
    seen: Floats
    mistaken: Floats
    annotator_seen: Floats
    annotator_mistaken: Floats


def believe(given: Given, evidence: Floats | None = None) -> Beliefs:
    """Estimate from the votes, and from ``evidence``: log-odds of each pair by anything else."""
    right = given.yes / np.maximum(1, given.of)
    extra = np.zeros(len(right)) if evidence is None else evidence
    beliefs = _rates(given, right)
    for _ in range(_ROUNDS if len(right) else 0):
        right = _right(given, right, beliefs, extra)
        beliefs = _rates(given, right)
    return beliefs


def _right(given: Given, before: Floats, beliefs: Beliefs, extra: Floats) -> Floats:
    """The chance of each pair by its votes and the rates."""
    stickers, tags = len(given.votes), len(given.tags)
    share = (_by(given.tag, before, tags) + 0.5) / (stickers + 1)
    seen, mistaken = _of_votes(given, beliefs)
    odds = np.where(given.said, np.log(seen / mistaken), np.log((1 - seen) / (1 - mistaken)))
    logit = _logit(share)[given.tag] + _ALONE * _by(given.pair, odds, len(before)) + extra
    return _expit(logit)


def _of_votes(given: Given, beliefs: Beliefs) -> tuple[Floats, Floats]:
    """Rates of each vote on a pair: the pair's, moved by what its voter is to all voters."""
    found = []
    for pairs, people in (
        (beliefs.seen, beliefs.annotator_seen),
        (beliefs.mistaken, beliefs.annotator_mistaken),
    ):
        mean = np.average(people, weights=np.maximum(1, given.cast))
        moved = _logit(pairs)[given.pair] + (_logit(people) - _logit(mean))[given.annotator]
        found.append(np.clip(_expit(moved), _FLOOR, _MOST))
    seen, mistaken = found
    return seen, np.minimum(mistaken, 0.9 * seen)


def _rates(given: Given, right: Floats) -> Beliefs:
    tags, people = len(given.tags), len(given.annotators)
    of, said = right[given.pair], given.said
    tag = given.tag[given.pair]
    found = np.sum(of * said) + 1, np.sum(of) + 2
    all_votes = max(1.0, float(given.cast.sum()))
    wrong = np.sum((1 - of) * said) + 1, all_votes * max(1, tags)
    seen, mistaken = found[0] / found[1], wrong[0] / wrong[1]

    def shrunk(places: Ints, count: int, chances: Floats) -> tuple[Floats, Floats]:
        yes = _by(places, of * said, count) + _PRIOR_VOTES * seen
        saw = yes / (_by(places, of, count) + _PRIOR_VOTES)
        erred = _by(places, (1 - of) * said, count) + _PRIOR_WRONG
        return saw, erred / (chances + _PRIOR_WRONG / mistaken)

    by_person = shrunk(given.annotator, people, given.cast.astype(np.float64) * tags)
    by_tag = shrunk(tag, tags, np.full(tags, all_votes))
    wrongly = by_tag[1][given.tag] + _beside(given, right, by_tag[1])
    return Beliefs(
        right,
        np.clip(by_tag[0][given.tag], 0.05, _MOST),
        np.clip(wrongly, _FLOOR, 0.9),
        np.clip(by_person[0], 0.05, _MOST),
        np.clip(by_person[1], _FLOOR, 0.9),
    )


def _beside(given: Given, right: Floats, usual: Floats) -> Floats:
    """How much more often each pair's tag is given wrongly because of the other tags there."""
    one, other = _neighbours(given)
    if not len(one):
        return np.zeros(len(right))
    width = len(given.tags)
    kinds, kind = np.unique(given.tag[one] * width + given.tag[other], return_inverse=True)
    wrong = right[one] * (1 - right[other]) * given.yes[other]
    votes = _by(given.tag, right * given.of, width)
    confused = np.bincount(kind, weights=wrong, minlength=len(kinds))
    base = usual[kinds % width]
    rate = (confused + _PRIOR_VOTES * base) / (votes[kinds // width] + _PRIOR_VOTES)
    more = right[one] * np.maximum(0, rate - base)[kind]
    return _by(other, more, len(right))


def _neighbours(given: Given) -> tuple[Ints, Ints]:
    """Every two pairs of the same sticker, in both orders."""
    size = np.bincount(given.sticker, minlength=len(given.votes))
    first = (np.cumsum(size) - size)[given.sticker]
    each = size[given.sticker]
    one = np.repeat(np.arange(len(given.sticker)), each)
    step = np.arange(len(one)) - np.repeat(np.cumsum(each) - each, each)
    other = np.repeat(first, each) + step
    apart = one != other
    return one[apart], other[apart]


def _by(places: Ints, values: Floats, count: int) -> Floats:
    return np.bincount(places, weights=values, minlength=count).astype(np.float64)


def _logit(chance: Floats) -> Floats:
    clipped = np.clip(chance, 1e-9, 1 - 1e-9)
    odds: Floats = np.log(clipped / (1 - clipped))
    return odds


def _expit(odds: Floats) -> Floats:
    chance: Floats = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
    return chance
