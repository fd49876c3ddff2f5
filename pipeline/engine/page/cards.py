"""Cards: the stickers that a page shows, and how those that must not be seen are left out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Card:
    """A sticker to show: its lines of text, and whether its motion may be shown."""

    id: str
    lines: tuple[str, ...] = ()
    motion: bool = False


def cards_in(value: Any) -> Iterator[Card]:
    """Every card in nested mappings, lists and tuples."""
    if isinstance(value, Card):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from cards_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from cards_in(inner)


def withhold(value: Any, ids: Collection[str]) -> Any:
    """Nested mappings, lists and tuples without what is about one of the stickers.

    That is a card, a mapping whose ``id`` it is, and a tuple that holds such a card beside its
    texts. Lists that hold nothing else go with them; numbers stay as they were counted.

    >>> withhold({"total": 2, "cards": [Card("a", ("text",)), Card("b")]}, {"a"})
    {'total': 2, 'cards': [Card(id='b', lines=(), motion=False)]}
    """
    if isinstance(value, Mapping):
        return {
            name: None if _is_about(inner, ids) else withhold(inner, ids)
            for name, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        shown = [(item, withhold(item, ids)) for item in value if not _is_about(item, ids)]
        return type(value)(after for before, after in shown if after or after == before)
    return value


def _is_about(value: Any, ids: Collection[str]) -> bool:
    if isinstance(value, Card):
        return value.id in ids
    if isinstance(value, Mapping):
        return value.get("id") in ids
    return isinstance(value, tuple) and any(isinstance(v, Card) and v.id in ids for v in value)
