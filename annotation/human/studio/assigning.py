"""Who is asked about which sticker: as many different people each as it needs, and no more."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Why = Literal["people", "quotas"]
Met = Mapping[tuple[str, str], int]
"""How often two people were asked about the same sticker; accounts in order."""

_MOST, _NEVER, _ODD = 2**20 - 1, np.int64(2**62 + 2**61), np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Assignee:
    """One who can be given stickers; ``room`` is how many more they take, None any number."""

    account: str
    room: int | None = None


@dataclass(frozen=True)
class Need:
    """A sticker, how many further people it needs, and everybody who was ever asked about it."""

    sticker: str
    people: int
    asked: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Assignment:
    """Pairs of sticker and account; ``left`` says of stickers that got nobody why.

    ``people``: too few are there who haven't seen it; ``quotas``: those who are take no more.
    """

    given: tuple[tuple[str, str], ...]
    left: Mapping[str, Why] = field(default_factory=dict)


def assign(
    needs: Sequence[Need], people: Iterable[Assignee], met: Met | None = None, later: int = 0
) -> Assignment:
    """Give every sticker exactly the people that it needs, or none where they aren't there.

    Nobody gets a sticker that they were asked about, or more than they have room for. Work is
    shared equally; where somebody's room is less than their share of this and of ``later`` votes,
    in proportion to what each would get of all. Pairs of people meet about equally often. The same
    input gives the same answer, in whatever order people come.
    """
    team = sorted(people, key=lambda one: one.account)
    place = {one.account: n for n, one in enumerate(team)}
    left: dict[str, Why] = {}
    open_: list[tuple[Need, Flags]] = []
    for need in needs:
        able: Flags = np.ones(len(team), bool)
        able[[place[account] for account in need.asked if account in place]] = False
        if need.people > np.count_nonzero(able):
            left[need.sticker] = "people"
        elif need.people > 0:
            open_.append((need, able))
    if not open_:
        return Assignment((), left)
    sharing = _Sharing.of(team, open_, met or {}, later)
    given: list[tuple[str, str]] = []
    for number, (need, able) in enumerate(open_):
        before = [place[account] for account in sorted(need.asked) if account in place]
        fits = number < sharing.fitting
        chosen = sharing.choose(need, able, before) if fits else []
        given += [(need.sticker, team[n].account) for n in sorted(chosen)]
        if not chosen:
            left[need.sticker] = "quotas"
    return Assignment(tuple(given), left)


def meetings(asked: Iterable[Iterable[str]]) -> dict[tuple[str, str], int]:
    """How often two people were asked about one sticker, from the people of each sticker.

    >>> meetings([["bob", "ann"], ["ann", "bob", "cy"]])
    {('ann', 'bob'): 2, ('ann', 'cy'): 1, ('bob', 'cy'): 1}
    """
    found: dict[tuple[str, str], int] = {}
    for people in asked:
        for pair in combinations(sorted(set(people)), 2):
            found[pair] = found.get(pair, 0) + 1
    return found


@dataclass(frozen=True)
class _Sharing:
    """What is left to share out while stickers get their people one after the other.

    For each person: the ``room`` that they have, what is left of their ``share``, and how many
    stickers are ``ahead`` that they could get. ``pairs`` counts who met here, ``history`` who met
    before. The first ``fitting`` stickers are all that rooms allow.
    """

    fitting: int
    room: Ints
    share: Ints
    whole: Ints
    ahead: Ints
    pairs: Ints
    history: Ints
    lots: npt.NDArray[np.uint64]

    @classmethod
    def of(
        cls, team: Sequence[Assignee], open_: Sequence[tuple[Need, Flags]], met: Met, later: int
    ) -> _Sharing:
        wanted = np.array([need.people for need, _ in open_], np.int64)
        able = np.array([fit for _, fit in open_])
        unlimited = int(wanted.sum()) + later
        room = np.array([unlimited if p.room is None else max(0, p.room) for p in team], np.int64)
        room = np.minimum(room, unlimited)
        most = np.minimum(room, able.sum(axis=0))
        fitting = _fitting(wanted, most)
        accounts = [one.account for one in team]
        history = np.array(
            [[met.get((min(a, b), max(a, b)), 0) for b in accounts] for a in accounts], np.int64
        )
        lots = _lots(accounts)
        # What doesn't come out even goes to those who had the least so far.
        turn = np.lexsort((lots ^ _lots([open_[0][0].sticker]), history.sum(axis=0)))
        total = int(wanted[:fitting].sum())
        share = _shares(_level(room, unlimited), np.minimum(most, fitting), total, turn)
        ahead = able[:fitting].sum(axis=0)
        return cls(fitting, room, share, share.copy(), ahead, np.zeros_like(history), history, lots)

    def choose(self, need: Need, able: Flags, before: Sequence[int]) -> list[int]:
        """So many different people, or none."""
        free = able & (self.room > 0)
        chosen: list[int] = []
        if np.count_nonzero(free) >= need.people:
            order, company = self._order(need, free), list(before)
            for _ in range(need.people):
                met, ever = (
                    np.minimum(each[company].sum(axis=0), _MOST)
                    for each in (self.pairs, self.history)
                )
                one = int((order | (met << 40) | (ever << 14)).argmin())
                order[one] = _NEVER
                chosen.append(one)
                company.append(one)
                self.pairs[one, company] += 1
                self.pairs[company, one] += 1
                self.pairs[one, one] = 0
            self.room[chosen] -= 1
            self.share[chosen] -= self.share[chosen] > 0
        self.ahead[able] -= 1
        return chosen

    def _order(self, need: Need, free: Flags) -> Ints:
        # Who has to get all that is ahead to come to their share goes first: that keeps as many
        # different people as are needed until the last sticker.
        tier = np.where(self.share > 0, np.where(self.share >= self.ahead, 0, 1), 2)
        done = 63 - 63 * self.share // np.maximum(self.whole, 1)
        lots = (self.lots ^ _lots([need.sticker])) * _ODD >> np.uint64(50)
        return np.where(free, (tier << 60) | (done << 34) | lots.astype(np.int64), _NEVER)


def _fitting(wanted: Ints, most: Ints) -> int:
    """How many stickers, from the first on, there is room for: each person serves each but once."""
    count = np.arange(1, len(wanted) + 1)
    room = np.zeros(len(wanted), np.int64)
    for one in most:
        room += np.minimum(one, count)
    short = np.flatnonzero(room < np.cumsum(wanted))
    return int(short[0]) if len(short) else len(wanted)


def _level(room: Ints, total: int) -> npt.NDArray[np.float64]:
    """What each would get of all: equally much, or their whole room where that is less."""
    if room.sum() <= total:
        return room.astype(np.float64)
    by = np.sort(room)
    # With the first n filled up, the others share the rest.
    rest = (total - np.append(0, np.cumsum(by)[:-1])) / np.arange(len(by), 0, -1)
    level: float = rest[np.argmax(rest <= by)]
    return np.minimum(room.astype(np.float64), level)


def _shares(weights: npt.NDArray[np.float64], most: Ints, total: int, turn: Ints) -> Ints:
    """Whole numbers in proportion to ``weights``, at most ``most``, whose sum is ``total``; what
    doesn't come out even goes by turn."""
    exact = np.zeros(len(weights))
    open_ = (most > 0) & (weights > 0)
    while open_.any() and total > exact.sum() + 1e-9:
        free = total - exact[~open_].sum()
        exact[open_] = weights[open_] * (free / weights[open_].sum())
        over = open_ & (exact >= most)
        exact[over] = most[over]
        if not over.any():
            break
        open_ &= ~over
    share = np.floor(exact + 1e-9).astype(np.int64)
    while share.sum() < total:
        able = turn[share[turn] < most[turn]]
        best = np.argsort(np.round(share[able] - exact[able], 6), kind="stable")
        share[able[best[: total - int(share.sum())]]] += 1
    return share


def _lots(names: Sequence[str]) -> npt.NDArray[np.uint64]:
    digests = (hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
