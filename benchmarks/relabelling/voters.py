"""People who err in a fifth of their tags, in one of four ways."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.relabelling.drawn import STYLES

KINDS = ("uniform", "one_bad", "confused", "hard")
PEOPLE = 8
_MISSED = 0.2
_BAD, _HARD, _HARD_SHARE = 4.0, 2.5, 0.25
"""So many times the noise has one bad voter, or a hard sticker; the others err the less."""

Votes = NDArray[np.bool_]


def cast(truth: Votes, kind: str, noise: float, seed: int) -> Votes:
    """What each of the people would say: people x stickers x tags.

    A true tag is replaced by a wrong one, or missed in a fifth of these cases, with a chance of
    ``noise`` on the average: ``uniform``; by ``one_bad`` voter mostly; ``confused`` with the same
    concept in another style; or mostly on ``hard`` stickers, where people err alike.
    """
    random = np.random.default_rng((seed, KINDS.index(kind), 1))
    stickers, tags = truth.shape
    chance = np.full((PEOPLE, stickers), noise)
    if kind == "one_bad":
        chance[:] = noise * (PEOPLE - _BAD) / (PEOPLE - 1)
        chance[0] = noise * _BAD
    hard = random.random(stickers) < _HARD_SHARE
    if kind == "hard":
        chance[:] = noise * (1 - _HARD * _HARD_SHARE) / (1 - _HARD_SHARE)
        chance[:, hard] = noise * _HARD
    looks_like = random.integers(tags, size=(stickers, 2))
    said = np.zeros((PEOPLE, stickers, tags), bool)
    for person, row, tag in np.argwhere(np.broadcast_to(truth, said.shape)):
        if random.random() >= chance[person, row]:
            said[person, row, tag] = True
        elif random.random() >= _MISSED or truth[row].sum() == 1:
            said[person, row, _wrong(random, kind, truth[row], tag, looks_like[row])] = True
    return said


def _wrong(
    random: np.random.Generator, kind: str, true: Votes, tag: int, looks_like: NDArray[np.int64]
) -> int:
    wrong = np.flatnonzero(~true)
    chosen = int(random.choice(wrong))
    if kind == "confused":
        concept = tag - tag % len(STYLES)
        alike = [t for t in range(concept, concept + len(STYLES)) if not true[t]]
        return int(random.choice(alike)) if alike else chosen
    if kind == "hard":
        alike = [int(t) for t in looks_like if not true[t]]
        return int(random.choice(alike)) if alike else chosen
    return chosen
