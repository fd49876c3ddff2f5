"""What people do to an animation before they post it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

Play = list[tuple[int, int]]
"""The frames shown, in order: index and milliseconds."""
Replay = Callable[[Random, Play], Play]


def twice_as_fast(chance: Random, play: Play) -> Play:
    return [(index, max(20, duration // 20 * 10)) for index, duration in play]


def begun_elsewhere(chance: Random, play: Play) -> Play:
    start = chance.randrange(1, len(play))
    return play[start:] + play[:start]


def backwards(chance: Random, play: Play) -> Play:
    return play[::-1]


def every_second(chance: Random, play: Play) -> Play:
    kept = play[::2]
    return [(index, 2 * duration) for index, duration in kept]


def one_frame(chance: Random, play: Play) -> Play:
    return [chance.choice(play)]


REPLAYS: Mapping[str, Replay] = {
    "speed x2": twice_as_fast,
    "loop offset": begun_elsewhere,
    "reversed": backwards,
    "every 2nd frame": every_second,
    "still": one_frame,
}
