"""Which line that OCR read became which line that a person left: by edit distance, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from unicodedata import normalize

ALIKE = 0.5
"""Least similarity of lines that are taken for one."""
_MOST_JOINED = 3
_SHORT = 3


@dataclass(frozen=True)
class Pair:
    """Positions of lines that are one text: one to one, one split in several, several joined."""

    read: tuple[int, ...]
    corrected: tuple[int, ...]


def align(read: Sequence[str], corrected: Sequence[str]) -> list[Pair]:
    """Pairs of lines, in the order of both; no line is in two of them.

    Maximises the characters that match (longer length less edit distance, case and spaces left
    aside), over lines of at least half similarity. Between two pairs, a single short line on
    either side is a pair too when both have as many characters: 找 for 我 shares none.

    >>> align(["HELL0", "noise!"], ["HELLO"])
    [Pair(read=(0,), corrected=(0,))]
    """
    return list(_with_short_lines(_best(read, corrected), read, corrected))


def similarity(one: str, other: str) -> float:
    """From 0 to 1: the share of the longer text that needs no edit."""
    one, other = comparable(one), comparable(other)
    longest = max(len(one), len(other))
    return 1 - edit_distance(one, other) / longest if longest else 1.0


def comparable(text: str) -> str:
    """What two spellings of a line share: no case, no spaces, no full-width forms."""
    return "".join(normalize("NFKC", text).casefold().split())


def edit_distance(one: str, other: str) -> int:
    """Insertions, deletions and replacements that turn one text into the other (Levenshtein).

    >>> edit_distance("kitten", "sitting")
    3
    """
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b)))
    return row[-1]


def _best(read: Sequence[str], corrected: Sequence[str]) -> list[Pair]:
    """Dynamic programming over both lists, from their ends."""
    left, right = [comparable(line) for line in read], [comparable(line) for line in corrected]

    @cache
    def worth(i: int, j: int, m: int, n: int) -> int:
        one, other = "".join(left[i : i + m]), "".join(right[j : j + n])
        longest = max(len(one), len(other))
        matched = longest - edit_distance(one, other)
        return matched if matched >= ALIKE * longest else 0

    scores = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    steps: dict[tuple[int, int], tuple[int, int]] = {}
    for i in range(len(left), -1, -1):
        for j in range(len(right), -1, -1):
            for m, n in _moves(len(left) - i, len(right) - j):
                gain = worth(i, j, m, n) if m and n else 0
                score = scores[i + m][j + n] + gain
                if (i, j) not in steps or score > scores[i][j]:
                    scores[i][j], steps[i, j] = score, (m, n)
    return list(_walk(steps, worth))


def _moves(left: int, right: int) -> Iterator[tuple[int, int]]:
    """How many lines of each side one step may take; a step of one side alone skips a line.

    The first of equals is taken, so lines are joined only where that matches more characters.
    """
    for m, n in ((1, 0), (0, 1), (1, 1)):
        if m <= left and n <= right:
            yield m, n
    for joined in range(2, _MOST_JOINED + 1):
        if left and joined <= right:
            yield 1, joined
        if right and joined <= left:
            yield joined, 1


def _walk(
    steps: Mapping[tuple[int, int], tuple[int, int]], worth: Callable[[int, int, int, int], int]
) -> Iterator[Pair]:
    i = j = 0
    while (i, j) in steps:
        m, n = steps[i, j]
        if m and n and worth(i, j, m, n) > 0:
            yield Pair(tuple(range(i, i + m)), tuple(range(j, j + n)))
        i, j = i + m, j + n


def _with_short_lines(
    pairs: Sequence[Pair], read: Sequence[str], corrected: Sequence[str]
) -> Iterator[Pair]:
    ends = [Pair((-1,), (-1,)), *pairs, Pair((len(read),), (len(corrected),))]
    for before, after in pairwise(ends):
        left = range(before.read[-1] + 1, after.read[0])
        right = range(before.corrected[-1] + 1, after.corrected[0])
        if len(left) == len(right) == 1:
            lengths = {len(comparable(read[left[0]])), len(comparable(corrected[right[0]]))}
            if len(lengths) == 1 and lengths.pop() <= _SHORT:
                yield Pair((left[0],), (right[0],))
        if after is not ends[-1]:
            yield after
