"""Whoever is told, while a run goes on, that a server is waited for and that it is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Say = Callable[[str], None]
_LISTENER: ContextVar[Say | None] = ContextVar("listener", default=None)


@contextmanager
def telling(say: Say) -> Iterator[None]:
    """Chats that are opened within tell ``say`` in lines, and wait for a server that starts."""
    before = _LISTENER.set(say)
    try:
        yield
    finally:
        _LISTENER.reset(before)


def listener() -> Say | None:
    """Who is told; None where nobody waits."""
    return _LISTENER.get()
