"""Pictures of the stickers that stand for a proposal, within a page's size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from pipeline.engine.page.pictures import PagePicture, animated_among, load_pictures
from pipeline.engine.withheld import withheld_stickers
from pipeline.engine.workspace import Workspace
from pipeline.tags.naming.showing import choose_stickers

MOST_OF_ONE, FEWEST_OF_ONE = 12, 2
MOST_STILLS, MOST_MOVING, MOST_BYTES = 8_000, 240, 30_000_000
_MOVING_OF_ONE = 3


@dataclass(frozen=True)
class ShownPictures:
    """By key, stickers and the keyword that each was found under; by id, still and motion."""

    stickers: dict[str, list[tuple[str, str]]]
    drawn: dict[str, list[str]]


def load_shown_pictures(workspace: Workspace, keys: Sequence[str]) -> ShownPictures:
    """Pictures of a few stickers for each key, fewer where there are many keys.

    What people flagged is never among them. All pictures together take at most MOST_BYTES.
    """
    each = min(MOST_OF_ONE, max(FEWEST_OF_ONE, MOST_STILLS // max(1, len(keys))))
    stickers = choose_stickers(workspace, keys, each, withheld_stickers(workspace))
    # Taken in turns, so that where the page is full each key has some.
    turns = list(_in_turns([sticker for sticker, _ in found] for found in stickers.values()))
    animated = set(animated_among(workspace, turns))
    moving = _in_turns(
        [sticker for sticker, _ in found if sticker in animated][:_MOVING_OF_ONE]
        for found in stickers.values()
    )
    asked = list(moving)[:MOST_MOVING]
    drawn = _within(turns, load_pictures(workspace, turns, asked))
    return ShownPictures(
        {key: [one for one in found if one[0] in drawn] for key, found in stickers.items()}, drawn
    )


def _in_turns(lists: Iterable[Sequence[str]]) -> Iterator[str]:
    """The first of every list, then the second of every one, each text once."""
    turns = (one for turn in zip_longest(*lists) for one in turn if one is not None)
    return iter(dict.fromkeys(turns))


def _within(order: Sequence[str], pictures: dict[str, PagePicture]) -> dict[str, list[str]]:
    """Still and motion by id, stills before all motion, until the page is full."""
    room = MOST_BYTES
    drawn: dict[str, list[str]] = {}
    for sticker in order:
        if sticker in pictures and (room := room - len(pictures[sticker].still)) >= 0:
            drawn[sticker] = [pictures[sticker].still]
    for sticker, shown in drawn.items():
        motion = pictures[sticker].motion
        if motion is not None and len(motion) <= room:
            room -= len(motion)
            shown.append(motion)
    return drawn
