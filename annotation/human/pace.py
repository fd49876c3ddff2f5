"""How fast people work, by the server's times alone, and when they will be done.

Clocks may be set back or forth, so no span between two times is trusted beyond a week, and how far
the server's clock is from ours never matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import numpy as np

# Microseconds of 1973; what lies below is a count, as simulated votes have it.
FIRST_TIME = 10**14

_DAY = 86_400_000_000
_ACTIVE_DAYS, _LONGEST_GAP = 7, 7
_HORIZON = 3650


class Worker(Protocol):
    """One who has so much to do, at so many answers a day."""

    @property
    def to_do(self) -> int: ...
    @property
    def pace(self) -> float | None: ...
    @property
    def left_at(self) -> str | None: ...


def pace(times: Iterable[int]) -> float | None:
    """Answers a day, days off counted, over the last seven days with any; None without answers.

    ``times`` are microseconds since 1970. Of a longer break a week is counted.

    >>> monday = 1_790_000_000_000_000
    >>> pace([monday, monday + 5, monday + 2 * 86_400_000_000])
    1.0
    """
    known = np.array([time for time in times if time >= FIRST_TIME], np.int64)
    if not len(known):
        return None
    days, counts = np.unique(known // _DAY, return_counts=True)
    days, counts = days[-_ACTIVE_DAYS:], counts[-_ACTIVE_DAYS:]
    span = 1 + int(np.minimum(np.diff(days), _LONGEST_GAP).sum())
    return float(counts.sum() / span)


def expected_end(people: Sequence[Worker], now: datetime) -> str | None:
    """The day (ISO 8601) on which the slowest has answered all that waits for them.

    None when nothing waits, and when somebody has work but no pace, has left, or would take more
    than ten years.
    """
    working = [one for one in people if one.to_do]
    if not working or any(one.left_at or not one.pace for one in working):
        return None
    days = max(one.to_do / one.pace for one in working if one.pace)
    if days > _HORIZON:
        return None
    return (now.astimezone(UTC) + timedelta(days=days)).date().isoformat()
