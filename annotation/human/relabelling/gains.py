"""What further votes on a sticker are expected to bring, in macro-F1 of the labels.

A label is what the rule makes of the votes. With so many more votes, each of them from a voter as
good as the average one, some labels of wrong become right, and some of right become wrong; each
such change moves the F1 of its tag by as much as the tag is rare. The expectation over the chance
that the tag is right, and over what the voters will then say, is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import numpy as np

from annotation.human.relabelling.beliefs import Beliefs
from annotation.human.relabelling.given import Floats, Given
from annotation.human.tag_pairs import Flags, Ints

Needed = Callable[[Ints], Ints]
"""Of so many votes on a sticker, how many must give a tag."""

_MORE = (1, 2, 3)
_THERE = 0.5
"""Stickers that are to have a tag that no label has yet, before it is asked about."""
_LEAST = 1e-12
"""What rounding leaves of nothing."""


@dataclass(frozen=True)
class Gains:
    """Of each pair, whether it is ``effective``, the chance that this is ``wrong``, and what a
    further vote on its sticker brings (``gain``); of each sticker, the sum of that, at least 0
    (``each_vote``), the votes that bring most apiece (``more``), and how wrong its tags are in all
    (``loss``)."""

    effective: Flags
    wrong: Floats
    gain: Floats
    each_vote: Floats
    more: Ints
    loss: Floats


def expected_gains(
    given: Given, beliefs: Beliefs, needed: Needed, left: Ints | None = None
) -> Gains:
    """The gain of up to three further votes on every sticker; no more than ``left`` of each."""
    effective = given.yes >= needed(given.of)
    added, taken = _weights(given, beliefs.right, effective)
    now = np.where(effective, (1 - beliefs.right) * taken, beliefs.right * added)
    stickers = len(given.votes)
    best: Floats = np.full(stickers, -np.inf)
    more: Ints = np.ones(stickers, np.int64)
    gain: Floats = np.zeros(len(now))
    for votes in _MORE:
        then = _loss(given, beliefs, needed, votes, (added, taken))
        brings = (now - then) / votes
        whole = np.bincount(given.sticker, weights=brings, minlength=stickers)
        better = whole > best + 1e-15
        if left is not None:
            better &= votes <= left
        best, more = np.where(better, whole, best), np.where(better, votes, more)
        gain = np.where(better[given.sticker], brings, gain)
    loss: Floats = np.bincount(given.sticker, weights=now, minlength=stickers).astype(np.float64)
    wrong = np.where(effective, 1 - beliefs.right, beliefs.right)
    paying = np.where(best > _LEAST, best, 0.0)
    return Gains(effective, wrong, gain, paying, more, loss)


def _loss(
    given: Given, beliefs: Beliefs, needed: Needed, votes: int, weights: tuple[Floats, Floats]
) -> Floats:
    """Of each pair, the expected loss after so many further votes."""
    least = needed(given.of + votes)
    added, taken = weights
    lost = np.zeros(len(given.yes))
    for yes in range(votes + 1):
        there, absent = (
            comb(votes, yes) * rate**yes * (1 - rate) ** (votes - yes)
            for rate in (beliefs.seen, beliefs.mistaken)
        )
        effective = given.yes + yes >= least
        lost += np.where(
            effective, (1 - beliefs.right) * absent * taken, beliefs.right * there * added
        )
    return lost


def _weights(given: Given, right: Floats, effective: Flags) -> tuple[Floats, Floats]:
    """Macro-F1 that each pair costs where a right tag is missing, and where a wrong one stands."""
    tags = len(given.tags)
    there = np.bincount(given.tag, weights=right, minlength=tags)
    stands = np.bincount(given.tag, weights=effective, minlength=tags)
    both = np.bincount(given.tag, weights=right * effective, minlength=tags)
    whole = there + stands + 1  # as many rows as F1 is divided by, and one unseen
    f1 = 2 * both / whole
    missing, wrong = (2 - f1) / whole / max(1, tags), f1 / whole / max(1, tags)
    # A class that no label has counts no F1, unless somebody is to have it: few chances aren't one.
    missing[(stands == 0) & (there < _THERE)] = 0.0
    return missing[given.tag], wrong[given.tag]
