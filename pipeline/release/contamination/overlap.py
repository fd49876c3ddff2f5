"""How much of a data set overlaps with others that are known by their indexes alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from pipeline.release.contamination.apart import look_at_all
from pipeline.release.contamination.coding import VIEWS
from pipeline.release.contamination.index import FRAME, Index, file_hashes
from pipeline.release.contamination.pictures import Picture
from pipeline.release.contamination.searching import SURE, Matches, Ours, find_matches
from schemas.config import DecodeConfig

_AT_A_TIME = 20_000
"""Stickers of ours that are searched in one go: about 100 MB of pictures, and as much of codes."""
_LISTED = 10_000
SAME_FILE, COPY, ALIKE = "same file", "copy", "alike"


@dataclass(frozen=True)
class Match:
    """A sticker of ours with the nearest row of an index.

    ``confidence`` is ``same file``, ``copy`` or ``alike``: what may be a copy that was changed
    more, or the same picture with another caption or pose. ``how`` is what was done to it, and
    ``bits`` how many of 256 differ.
    """

    id: str
    ours: str
    theirs: str
    confidence: str
    how: str
    bits: int


@dataclass
class BySplit:
    """Stickers of one split of ours that overlap with one of theirs; groups of theirs that do so
    as the same file or a copy."""

    ours: str
    theirs: str
    same_file: int = 0
    copies: int = 0
    alike: int = 0
    groups: int = 0
    of_groups: int = 0


@dataclass
class Overlap:
    """What of ours overlaps with one index, by split."""

    name: str
    checked: int = 0
    unseen: int = 0
    copies: int = 0
    alike: int = 0
    by_split: list[BySplit] = field(default_factory=list)
    matches: list[Match] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Share of our stickers that are the same file or a copy."""
        return self.copies / self.checked if self.checked else 0.0

    def as_json(self) -> dict[str, Any]:
        """All of it; of the matches the first ten thousand."""
        said = {**asdict(self), "share": self.share}
        said["matches"] = said["matches"][:_LISTED]
        return said


class _Against:
    """What was found so far of one index."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.overlap = Overlap(index.name)
        self._groups: dict[tuple[str, int], set[int]] = {}
        self._rows: dict[tuple[str, int], BySplit] = {}
        self._of_file = np.argsort(index.file, kind="stable")
        self._sorted = index.file[self._of_file]

    def add(self, batch: Sequence[Picture], ours: Ours) -> None:
        """Search for the stickers of a batch; ``ours`` holds those that could be looked at."""
        matches = find_matches(self.index, ours)
        best: dict[tuple[int, int], tuple[int, str, int]] = {}
        self._same_files(batch, best)
        for number, row, view, bits in _nearest_first(matches):
            key = number, int(self.index.split[row])
            best.setdefault(key, (row, self._how(row, view), bits))
        self.overlap.checked += len(batch)
        self.overlap.unseen += len(batch) - len({*ours.number, *ours.frame_of})
        for (number, split), (row, how, bits) in sorted(best.items()):
            self._count(batch[number], split, row, how, bits)
        copies = {number for (number, _), (_, _, bits) in best.items() if bits <= SURE}
        self.overlap.copies += len(copies)
        self.overlap.alike += len({number for number, _ in best} - copies)

    def finished(self) -> Overlap:
        """The overlap, with how many groups of theirs each split has."""
        for (ours, split), row in sorted(self._rows.items()):
            row.groups = len(self._groups.get((ours, split), ()))
            row.of_groups = len(np.unique(self.index.group[self.index.split == split]))
            self.overlap.by_split.append(row)
        return self.overlap

    def _same_files(
        self, batch: Sequence[Picture], best: dict[tuple[int, int], tuple[int, str, int]]
    ) -> None:
        hashes = file_hashes([picture.id for picture in batch], self.index.salt)
        first, last = (np.searchsorted(self._sorted, hashes, side) for side in ("left", "right"))
        for number in np.flatnonzero(last > first).tolist():
            for row in self._of_file[first[number] : last[number]].tolist():
                best.setdefault((number, int(self.index.split[row])), (row, SAME_FILE, -1))

    def _how(self, row: int, view: int) -> str:
        if view < 0:
            return "theirs is a still of ours"
        name = "encoded again" if view == 0 else VIEWS[view].name
        return f"a still of theirs, {name}" if self.index.kind[row] == FRAME else name

    def _count(self, picture: Picture, split: int, row: int, how: str, bits: int) -> None:
        theirs = self.index.splits[split]
        found = self._rows.setdefault((picture.split, split), BySplit(picture.split, theirs))
        confidence = SAME_FILE if bits < 0 else COPY if bits <= SURE else ALIKE
        found.same_file += confidence == SAME_FILE
        found.copies += confidence == COPY
        found.alike += confidence == ALIKE
        if confidence != ALIKE:
            groups = self._groups.setdefault((picture.split, split), set())
            groups.add(int(self.index.group[row]))
        self.overlap.matches.append(
            Match(picture.id, picture.split, theirs, confidence, how, max(0, bits))
        )


def find_overlaps(
    indexes: Sequence[Index],
    pictures: Iterable[Picture],
    caps: DecodeConfig,
    say: Callable[[str], None] = lambda line: None,
) -> list[Overlap]:
    """What of a data set overlaps with each index; pictures are read once, and not kept."""
    against = [_Against(index) for index in indexes]
    batch: list[Picture] = []
    ours, done = Ours(), 0
    for picture, frames in look_at_all(pictures, caps):
        if frames is not None:
            ours.add(len(batch), frames)
        batch.append(Picture(picture.id, picture.split, picture.group, None))
        if len(batch) == _AT_A_TIME:
            done += len(batch)
            _search(against, batch, ours)
            say(f"{done:,} stickers checked")
            batch, ours = [], Ours()
    _search(against, batch, ours)
    return [one.finished() for one in against]


def _search(against: Sequence[_Against], batch: Sequence[Picture], ours: Ours) -> None:
    for one in against if batch else ():
        one.add(batch, ours)


def _nearest_first(matches: Matches) -> Iterable[tuple[int, int, int, int]]:
    order = np.argsort(matches.bits, kind="stable")
    columns = matches.ours, matches.row, matches.view, matches.bits
    return zip(*(column[order].tolist() for column in columns), strict=True)
