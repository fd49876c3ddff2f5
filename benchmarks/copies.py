"""Which copies of real stickers are found, and whether any template is taken for a copy.

    python benchmarks/copies.py ../shared/real-stickers [--stickers 200] [--sheet misses.png]
        [--embeddings]

Changes are planted in real stickers (``planting/``): half of them those that nothing was tuned on.
Printed are, for each change, how many copies met as candidates and what the pictures said, and all
pairs of the untouched stickers that would be merged; no text is read, so that the pictures decide
alone. With --embeddings, pairs whose embeddings are alike are compared, too, further changes are
planted, and what an embedding costs is printed. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

import numpy as np

from benchmarks.planting.captions import PAIRS
from benchmarks.planting.judging import Judged, judge, meeting_pairs, similar_rows
from benchmarks.planting.motion import REPLAYS
from benchmarks.planting.pictures import CHANGES, FURTHER, Change
from benchmarks.planting.sheet import draw_sheet
from benchmarks.planting.stickers import Opened, RealSticker, encoded, opened, real_stickers
from pipeline.copies.comparing import NONE, SAME, STILL_OF, TEMPLATE
from pipeline.engine.decoding.measured import measure
from pipeline.filter.embeddings import Embed, Floats, open_network
from schemas.config import DecodeConfig, DuplicatesConfig

_MOVING_SHARE = 0.3
_LEAST_SIDE, _MOST_FRAMES, _LEAST_FRAMES = 64, 40, 4
"""At half their size, smaller ones are dropped by the filter's rules anyway; longer ones take
minutes to encode; of shorter ones, half the frames are a still."""
_SAYS = {NONE: "nothing", TEMPLATE: "template", STILL_OF: "still of", SAME: "same"}


@dataclass(frozen=True)
class Planted:
    """A pair of measured stickers, rows of one list, whose relation is known."""

    kind: str
    one: int
    other: int
    held_out: bool

    @property
    def expected(self) -> int:
        if self.kind in PAIRS:
            return TEMPLATE
        return STILL_OF if self.kind == "still" else SAME


class _Embed:
    """The network, on this machine's CPU, and the time that it takes."""

    def __init__(self) -> None:
        self._embed = open_network("cpu")
        self.seconds = 0.0
        self._known: dict[bytes, Floats] = {}

    @property
    def count(self) -> int:
        return len(self._known)

    def __call__(self, jpegs: Sequence[bytes]) -> Floats:
        start = process_time()
        new = list({jpeg: None for jpeg in jpegs if jpeg not in self._known})
        self._known.update(zip(new, self._embed(new), strict=True))
        self.seconds += process_time() - start
        return np.stack([self._known[jpeg] for jpeg in jpegs])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="stickers and a manifest.jsonl")
    parser.add_argument("--stickers", type=int, default=200, help="in which copies are planted")
    parser.add_argument("--sheet", type=Path, help="picture of what went wrong, as a PNG")
    parser.add_argument("--embeddings", action="store_true", help="filter.duplicates.embeddings")
    asked = parser.parse_args()
    embed = _Embed() if asked.embeddings else None
    stickers = list(real_stickers(asked.folder))
    rows: list[dict[str, Any]] = []
    chosen = _chosen(stickers, asked.stickers)
    changes = {**CHANGES, **FURTHER} if asked.embeddings else CHANGES
    planted = [pair for one, found in chosen for pair in _plant(one, found, rows, changes)]
    pairs = [(pair.one, pair.other) for pair in planted]
    judged = judge(rows, pairs, DuplicatesConfig(), embed)
    figures = _tell(planted, judged)
    if embed is not None:
        print("\nwithout embeddings")
        figures["without_embeddings"] = _tell(planted, judge(rows, pairs, DuplicatesConfig()))
    wrong = [
        (f"{pair.kind}: {_SAYS[found.what]}, {found.bits} bits", rows[pair.one], rows[pair.other])
        for pair, found in zip(planted, judged, strict=True)
        if (found.what == SAME) != (pair.expected == SAME)
    ]
    merged = _merged_originals(stickers, embed)
    print(f"\n{len(merged)} pairs of {len(stickers)} untouched stickers would be merged")
    if asked.sheet:
        draw_sheet(asked.sheet, wrong + merged)
    if embed is not None:
        figures["ms_per_key_frame"] = round(1000 * embed.seconds / embed.count, 1)
    count = sum(pair.kind == "mirror" for pair in planted)
    print(json.dumps({"stickers": count, **figures, "merged_originals": len(merged)}))


def _chosen(stickers: Sequence[RealSticker], count: int) -> Iterator[tuple[RealSticker, Opened]]:
    """As many of either half, in the order of their ids; stills and animations apart."""
    for held_out in (False, True):
        wanted = {True: round(count / 2 * _MOVING_SHARE)}
        wanted[False] = count // 2 - wanted[True]
        for sticker in sorted(stickers, key=lambda one: one.id):
            if sticker.held_out != held_out or not any(wanted.values()):
                continue
            found = opened(sticker.path)
            moving, frames = len(found.frames) > 1, len(found.frames)
            fits = not moving or _LEAST_FRAMES <= frames <= _MOST_FRAMES
            if wanted[moving] and fits and min(found.frames[0].size) >= _LEAST_SIDE:
                wanted[moving] -= 1
                yield sticker, found


def _plant(
    sticker: RealSticker,
    found: Opened,
    rows: list[dict[str, Any]],
    changes: Mapping[str, Callable[[Random], Change]],
) -> Iterator[Planted]:
    """Measure a sticker and its copies into ``rows``."""
    original = len(rows)
    rows.append(measured(sticker.path.read_bytes()))

    def copy(name: str, data: bytes, one: int = original) -> Planted:
        rows.append(measured(data))
        return Planted(name, one, len(rows) - 1, sticker.held_out)

    for name, make in changes.items():
        chance = Random(f"{sticker.id}{name}")
        kind = "jpeg" if name == "JPEG 60" else chance.choice(("png", "jpeg", "webp"))
        yield copy(name, encoded(found, make(chance), kind))
    for name, replay in REPLAYS.items() if len(found.frames) > 1 else ():
        play = replay(Random(f"{sticker.id}{name}"), found.play)
        yield copy(name, encoded(Opened(found.frames, play), lambda frame: frame, "png"))
    for name, pair in PAIRS.items():
        chance = Random(f"{sticker.id}{name}")
        first, second = pair(chance)
        rows.append(measured(encoded(found, first, chance.choice(("png", "jpeg", "webp")))))
        kind = chance.choice(("png", "jpeg", "webp"))
        yield copy(name, encoded(found, second, kind), len(rows) - 1)


def measured(data: bytes) -> dict[str, Any]:
    """Columns of ``signals``, and ``key_frames``."""
    kind = {b"GIF8": "gif", b"\x89PNG": "png", b"RIFF": "webp"}.get(data[:4], "jpeg")
    found = measure(data, kind, DecodeConfig())
    return {**found.signals, "key_frames": found.key_frames}


def _tell(planted: Sequence[Planted], judged: Sequence[Judged]) -> dict[str, Any]:
    """Print the table; figures are shares of right answers on all, and on the held-out half."""
    bound = DuplicatesConfig().max_phash_distance
    figures: dict[str, Any] = {"recall": {}, "recall_held_out": {}, "templates_merged": {}}
    print(f"{'change':18} pairs candidates  right  held out   what the pictures say")
    for kind in dict.fromkeys(pair.kind for pair in planted):
        found = [(p, j) for p, j in zip(planted, judged, strict=True) if p.kind == kind]
        near = np.mean([one.bits <= bound for _, one in found])
        says = {name: sum(one.what == what for _, one in found) for what, name in _SAYS.items()}
        if kind in PAIRS:
            figures["templates_merged"][kind] = [says["same"], len(found)]
            right = held = 1 - says["same"] / len(found)
        else:
            right = float(np.mean([one.what == pair.expected for pair, one in found]))
            held = float(
                np.mean([one.what == pair.expected for pair, one in found if pair.held_out])
            )
            figures["recall"][kind] = round(right, 3)
            figures["recall_held_out"][kind] = round(held, 3)
        print(f"{kind:18} {len(found):5} {near:10.2f} {right:6.3f} {held:9.3f}  ", _words(says))
    return figures


def _words(says: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in says.items() if count)


def _merged_originals(
    stickers: Sequence[RealSticker], embed: Embed | None
) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    rows = [measured(sticker.path.read_bytes()) for sticker in stickers]
    settings = DuplicatesConfig()
    pairs = meeting_pairs(rows, settings.max_phash_distance)
    if embed is not None:
        pairs = sorted({*pairs, *similar_rows(rows, embed)})
    print(f"\n{len(pairs)} pairs of untouched stickers are compared")
    found = judge(rows, pairs, settings, embed)
    return [
        (f"originals: {one.how}, {one.distance} grey levels", rows[pair[0]], rows[pair[1]])
        for pair, one in zip(pairs, found, strict=True)
        if one.what == SAME
    ]


if __name__ == "__main__":
    main()
