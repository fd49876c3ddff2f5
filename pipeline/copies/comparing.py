"""What two stickers are to each other, decided by their pictures.

Hashes merge memes that share a picture but not its caption, which would destroy a sticker
dataset; so they only propose. A pair is first laid over each other (``registration``), then:

* stills: their key frames are compared at the resolution of the smaller one. Copies differ by
  little in every spot; a spot that differs by more makes them two of one template, unless it looks
  like a watermark (``spots``);
* animations: their mean pictures are compared the same way, which shows a caption that stays, then
  their frames as sets (``motion``), which shows one that doesn't, and whether it is the same play;
* a still and an animation are never the same, since neither can stand for the other;
* captions that read differently are never the same, however alike the pictures are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
import numpy.typing as npt

from pipeline.copies.codes import VIEWS
from pipeline.copies.motion import changing, nearest_frame, same_frames
from pipeline.copies.pictures import StoredPictures, store_pictures
from pipeline.copies.placing import first_maps
from pipeline.copies.registration import (
    Greys,
    Maps,
    likeness,
    nearly_registered,
    overlay,
    register,
    sharpened,
    soft,
)
from pipeline.copies.spots import Mask, Spots, spots
from pipeline.engine.decoding.picture import GREY_SIDE
from pipeline.engine.stage import Reader
from schemas.config import DuplicatesConfig

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Texts = tuple[str | None, str | None]
_Shown = tuple[Greys, Greys, Mask]

NONE, TEMPLATE, STILL_OF, SAME = range(4)
"""Nothing; the same picture with a difference that counts; a still and an animation that shows it;
copies, one of which is enough."""
HOW = ("perceptual", "mirror", "crop", "watermark", "motion")
"""How the one of two copies that are the same was made from the other (``crop``: or a border)."""
_PERCEPTUAL, _MIRROR, _CROP, _WATERMARK, _MOTION = range(5)

_MIRRORED = np.array([view.mirrored for view in VIEWS])
_IN_PLACE = np.array([[1.0, 0.0, 1.0, 0.0]])
_PAIRS, _AT_ONCE = 256, 16
"""Pairs placed in one go, and laid over each other: as many as fit into a processor's cache."""
_ALIKE = 0.6
"""Likeness (correlation of what both show) from which two pictures share a template."""
_HOPELESS, _HOPELESS_SMALL, _CLEAR = 2.5, 4, 2
"""How many times the bound two pictures may differ at 64x64 and still be looked at closely, small
ones more; and closely, before they lie over each other to a fraction of a pixel."""
_OF_MEANS, _OF_MOVED = 0.6, 1.5
"""Bounds of mean pictures, on which noise evens out, and of cropped frames, beside the usual."""
_LASTS_ALIKE = 1.05
_SMALL, _LARGER = 96, 1.25
"""Pixels of a side below which 64x64 grey levels are blurred, beside those of a larger picture."""
_MARGIN = 48
"""This part of a side, at edges, doesn't count: what lies beyond a border or crop blurs into it."""
_MOVED = 0.025
"""Share of a side by which a copy's frame differs that was cropped or got a border."""
_READABLE, _READS_ALIKE = 4, 0.8
"""Characters from which a reading counts, and how much of two must agree (OCR errs on details)."""


@dataclass(frozen=True)
class Relations:
    """Of each pair: ``what`` (NONE to SAME), ``how`` as a place in ``HOW`` (-1 unless SAME), and
    the ``distance`` in grey levels (-1 unless SAME; less is nearer)."""

    what: Ints
    how: Ints
    distance: Ints


@dataclass(frozen=True)
class Found:
    """The relation of one pair."""

    what: int
    how: int = -1
    distance: int = -1


@dataclass(frozen=True)
class _Pair:
    """Numbers of two stickers, and how the other (mirrored, perhaps) lies over the one."""

    one: int
    other: int
    maps: Maps
    mirrored: bool

    @property
    def moved(self) -> bool:
        """Whether one shows a part of the other."""
        scale, shift = self.maps[0, 0::2], self.maps[0, 1::2]
        return float(max(np.abs(scale - 1).max(), np.abs(shift).max())) > _MOVED


@dataclass(frozen=True)
class Pictures:
    """Pictures of stickers, numbered in the order in which they were asked for."""

    stored: StoredPictures
    settings: DuplicatesConfig

    def compare(self, ones: Ints, others: Ints, views: Ints, texts: Sequence[Texts]) -> Relations:
        """Relations of pairs of numbers; the same for (a, b) as for (b, a).

        ``views``: the view (a place in ``codes.VIEWS``) in which the pair's codes met, of
        whichever of the two, which says where to begin to look. Where several met, each is a pair
        of its own, and the best relation (largest ``what``, then smallest ``distance``) holds.
        ``texts`` are what was read on both (null: nothing was).
        """
        first, second = np.minimum(ones, others), np.maximum(ones, others)
        pairs = np.stack([first, second, _MIRRORED[views]])
        # In whichever views a pair met, it is compared once, or once more if mirrored.
        _, kept, same = np.unique(pairs, axis=1, return_index=True, return_inverse=True)
        maps, misfits = self._first_maps(first, second, views)
        order = np.lexsort((misfits, same))
        best = order[np.flatnonzero(np.diff(same[order], prepend=-1))]
        found: list[Found] = []
        for start in range(0, len(kept), _AT_ONCE):
            part = best[start : start + _AT_ONCE]
            some = [texts[place] for place in part.tolist()]
            found += self._some(first[part], second[part], maps[part], _MIRRORED[views[part]], some)
        columns = [(one.what, one.how, one.distance) for one in found]
        what, how, distance = np.array(columns, np.int64).reshape(-1, 3)[same].T
        return Relations(what, how, distance)

    def _first_maps(
        self, ones: Ints, others: Ints, views: Ints
    ) -> tuple[Maps, npt.NDArray[np.float64]]:
        maps = np.tile(_IN_PLACE, (len(ones), 1))
        misfits = np.zeros(len(ones))
        # A still and an animation aren't laid over each other.
        alike = np.flatnonzero(self.stored.moving[ones] == self.stored.moving[others])
        for start in range(0, len(alike), _PAIRS):
            part = alike[start : start + _PAIRS]
            looks, pairs = self._looks(ones[part], others[part], _MIRRORED[views[part]])
            maps[part], misfits[part] = first_maps(looks, pairs, views[part])
        return maps, misfits

    def _looks(self, ones: Ints, others: Ints, mirrored: Flags) -> tuple[Greys, Ints]:
        """Looks of the pictures, mirrored where they must be, and the pairs as places in them."""
        seen, places = np.unique(np.stack([2 * ones, 2 * others + mirrored]), return_inverse=True)
        looks = self.stored.looks(seen // 2)
        looks[seen % 2 == 1] = looks[seen % 2 == 1, :, ::-1]
        return looks, places.reshape(2, -1)

    def _some(
        self, ones: Ints, others: Ints, maps: Maps, mirrored: Flags, texts: Sequence[Texts]
    ) -> list[Found]:
        looks, pairs = self._looks(ones, others, mirrored)
        both = self.stored.moving[ones] == self.stored.moving[others]
        laid = np.flatnonzero(both)
        our, their = looks[pairs[:, laid]]
        maps = register(our, their, maps[laid])
        seen, within = overlay(their, maps, margin=GREY_SIDE // _MARGIN)
        alike = likeness(our, seen, within)
        found = [Found(NONE)] * len(ones)
        for place in np.flatnonzero(~both).tolist():
            found[place] = self._still_of(int(ones[place]), int(others[place]))
        for number in np.flatnonzero(alike >= _ALIKE).tolist():
            place = int(laid[number])
            numbers = int(ones[place]), int(others[place])
            pair = _Pair(*numbers, maps[number : number + 1], bool(mirrored[place]))
            coarse = our[number], seen[number], within[number]
            found[place] = self._same(pair, coarse, texts[place])
        return found

    def _still_of(self, one: int, other: int) -> Found:
        """Whether the still is a frame of the animation."""
        still, moving = (one, other) if self.stored.moving[other] else (other, one)
        gap, alike = nearest_frame(self.stored.small(still), self.stored.frames(moving))
        if gap < self.settings.max_frame_difference:
            return Found(STILL_OF)
        return Found(TEMPLATE if alike >= _ALIKE else NONE)

    def _same(self, pair: _Pair, coarse: _Shown, texts: Texts) -> Found:
        bound = self._bound(texts)
        if self.stored.moving[pair.one]:
            if _read_otherwise(pair, texts):
                return Found(TEMPLATE)
            return self._same_play(pair, coarse, bound * _OF_MEANS)
        small = self.stored.min_side[[pair.one, pair.other]].min() < _SMALL
        hopeless = (_HOPELESS_SMALL if small else _HOPELESS) * bound
        if spots(*coarse, hopeless).without_mark >= hopeless or _read_otherwise(pair, texts):
            return Found(TEMPLATE)
        return self._closely(pair, bound)

    def _closely(self, pair: _Pair, bound: float) -> Found:
        """Whether two stills are the same, as their key frames have it."""
        one, other = self.stored.closely(pair.one, pair.other, pair.maps[0], pair.mirrored)
        ours, theirs = one[None], other[None]
        margin = len(one) // _MARGIN
        place = nearly_registered(ours, theirs, _IN_PLACE)
        seen, within = overlay(theirs, place, margin)
        if spots(one, seen[0], within[0], _CLEAR * bound).without_mark >= _CLEAR * bound:
            return Found(TEMPLATE)
        place = sharpened(ours, theirs, place)
        seen, within = overlay(theirs, place, margin)
        return _found(pair, spots(one, seen[0], within[0], bound), bound)

    def _same_play(self, pair: _Pair, means: _Shown, bound: float) -> Found:
        one, other, within = means
        frames = self.stored.frames(pair.one), self.stored.frames(pair.other)
        if len(frames[0]) != len(frames[1]):
            # A copy without some frames has another mean where something moves, and there alone.
            within = within & ~changing(*frames)
        sides = self.stored.min_side[[pair.one, pair.other]]
        if pair.moved or (sides.min() < _SMALL and sides.max() > _LARGER * sides.min()):
            # Pixels that begin elsewhere, or were fewer, leave edges that are less sharp.
            one, other = soft(one[None])[0], soft(other[None])[0]
        still = spots(one, other, within)
        found = _found(pair, still, bound)
        if found.what != SAME:
            return found
        play = same_frames(*frames, pair.maps, pair.mirrored, still.mark, pair.moved)
        gap = play.gap / _OF_MOVED if pair.moved else play.gap
        if gap >= self.settings.max_frame_difference:
            return Found(TEMPLATE)
        lasts = self.stored.duration_ms[[pair.one, pair.other]]
        as_long = lasts.max() <= _LASTS_ALIKE * lasts.min()
        if pair.moved and not as_long and len(frames[0]) != len(frames[1]):
            # So many changes at once leave too little to tell it from another play of one figure.
            return Found(TEMPLATE)
        alike = play.in_order and as_long
        how = found.how if alike or found.how != _PERCEPTUAL else _MOTION
        return Found(SAME, how, max(found.distance, int(gap)))

    def _bound(self, texts: Texts) -> float:
        same = bool(texts[0]) and texts[0] == texts[1]
        usual, same_text = self.settings.max_difference, self.settings.max_difference_same_text
        return max(usual, same_text) if same else usual


@contextmanager
def load_pictures(
    reader: Reader, sizes: Mapping[int, int], rows: Ints, settings: DuplicatesConfig
) -> Iterator[Pictures]:
    """Pictures of the given rows (ascending, counted over all shards, whose ``sizes`` are given).

    They lie in a nameless file among the temporary ones (TMPDIR): 4 KB each, and the key frame of
    a still or the small frames of an animation.
    """
    with store_pictures(reader, sizes, rows) as stored:
        yield Pictures(stored, settings)


def _found(pair: _Pair, found: Spots, bound: float) -> Found:
    """Same or template, from the worst spot's difference."""
    if found.without_mark >= bound:
        return Found(TEMPLATE)
    how = _WATERMARK if found.worst >= bound else _PERCEPTUAL
    if pair.moved:
        how = _CROP
    return Found(SAME, _MIRROR if pair.mirrored else how, int(found.without_mark))


def _read_otherwise(pair: _Pair, texts: Texts) -> bool:
    """Whether captions tell the two apart; a mirrored one can't be read."""
    return not pair.mirrored and _read_differently(*texts)


def _read_differently(one: str | None, other: str | None) -> bool:
    """Whether neither text can be the other with errors of reading, or with a mark's added."""
    first, second = sorted(("".join((text or "").split()) for text in (one, other)), key=len)
    if len(first) < _READABLE:
        return False
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    # What is never below the ratio is counted far more quickly.
    if matcher.quick_ratio() >= _READS_ALIKE and matcher.ratio() >= _READS_ALIKE:
        return False
    return max(block.size for block in matcher.get_matching_blocks()) < _READS_ALIKE * len(first)
