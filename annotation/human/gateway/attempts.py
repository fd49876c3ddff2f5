"""Wrong passwords: after some in a minute, further ones have to wait."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping

_PERIOD_S = 60.0
_MOST = 10_000
# People share addresses, and a stranger must not be able to lock somebody out from elsewhere.
_ACCOUNT_AT_ADDRESS, _ALONE = 10, 50

Key = tuple[str, str]


class Attempts:
    """Wrong passwords of the last minute, by account and address, and by each alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[Key, deque[float]] = OrderedDict()

    def wait(self, account: str, address: str) -> int:
        """Seconds until this account may be tried from there again; 0 when it may be now."""
        now = self._clock()
        return max(self._wait(key, most, now) for key, most in _keys(account, address).items())

    def begin(self, account: str, address: str) -> None:
        """Count one as wrong before it is known: many may be tried at the same time."""
        now = self._clock()
        for key, most in _keys(account, address).items():
            self._wrong.setdefault(key, deque(maxlen=most)).append(now)
            self._wrong.move_to_end(key)
        while len(self._wrong) > _MOST:
            self._wrong.popitem(last=False)

    def right(self, account: str, address: str) -> None:
        """It was right: the one counted last was no wrong one, nor will its owner's be held up."""
        pair, *alone = _keys(account, address)
        self._wrong.pop(pair, None)
        for key in alone:
            if self._wrong.get(key):
                self._wrong[key].pop()

    def _wait(self, key: Key, most: int, now: float) -> int:
        times = self._wrong.get(key, ())
        recent = [at for at in times if now - at < _PERIOD_S]
        return math.ceil(recent[0] + _PERIOD_S - now) if len(recent) >= most else 0


def _keys(account: str, address: str) -> dict[Key, int]:
    account = account.strip().casefold()[:200]
    return {(account, address): _ACCOUNT_AT_ADDRESS, (account, ""): _ALONE, ("", address): _ALONE}


def address_of(remote: str | None, headers: Mapping[str, str]) -> str:
    """Where a request comes from: what the nearest proxy says, if it runs on this machine.

    >>> address_of("127.0.0.1", {"X-Forwarded-For": "6.6.6.6, 192.0.2.7"})
    '192.0.2.7'
    >>> address_of("192.0.2.1", {"X-Forwarded-For": "6.6.6.6"})
    '192.0.2.1'
    """
    if remote not in ("127.0.0.1", "::1"):
        return remote or "?"
    # What stands before its own word, a visitor may have made up.
    return headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()[:60] or remote
