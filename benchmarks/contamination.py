"""What hash-only indexes find, what they take for a copy that is none, and what they give away.

    python benchmarks/contamination.py ../shared/real-stickers [--stickers 200] [--million 1000000]
        [--sheet guesses.png]

Changes are planted in real stickers (``planting/``) and looked for by the index of all of them.
False alarms are pairs of the untouched stickers, and what one half of them meets among a million
pictures that were pasted together from the other half: sticker-like, and copies of none. The sheet
shows stickers beside the best guess of them that an index allows. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.copies import _chosen
from benchmarks.planting.motion import REPLAYS
from benchmarks.planting.pictures import CHANGES
from benchmarks.planting.stickers import Opened, RealSticker, encoded, real_stickers
from pipeline.release.contamination.coding import (
    CHECK_BYTES,
    Checks,
    Codes,
    best_guess,
    own_codes,
)
from pipeline.release.contamination.index import STILL, Index, write_index
from pipeline.release.contamination.looking import Greys, is_blank, look, mean_picture
from pipeline.release.contamination.making import make_index
from pipeline.release.contamination.pictures import Picture
from pipeline.release.contamination.searching import LIKELY, SURE, Ours, find_matches
from schemas.config import DecodeConfig

_BLOCK = 4096
_ASKED = ("half size", "JPEG 60", "mirror", "crop 5%", "border 8%", "speed x2", "still")
"""Changes that are to be found at 99%; the others are told beside them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="stickers and a manifest.jsonl")
    parser.add_argument("--stickers", type=int, default=200, help="in which copies are planted")
    parser.add_argument("--million", type=int, default=1_000_000, help="pictures pasted together")
    parser.add_argument("--sheet", type=Path, help="stickers and best guesses of them, as a PNG")
    asked = parser.parse_args()
    stickers = list(real_stickers(asked.folder))
    caps = DecodeConfig()
    frames = {one.id: look(one.path.read_bytes(), caps) for one in stickers}
    pictures = {key: mean_picture(of) for key, of in frames.items() if of is not None}
    figures: dict[str, Any] = {"stickers": len(stickers), "views_bits": [SURE, LIKELY]}
    files = (Picture(one.id, "all", one.id, one.path.read_bytes()) for one in stickers)
    index = make_index("real", files, caps)
    figures |= _untouched(index, stickers, frames)
    if asked.stickers:
        figures |= _planted(index, stickers, asked.stickers, caps)
    figures |= _given_away(pictures, asked.sheet)
    if asked.million:
        figures |= _among_many(stickers, frames, pictures, asked.million)
    print(json.dumps({"benchmark": "contamination", **figures}))


def _rows_of(index: Index, stickers: Sequence[RealSticker]) -> dict[int, str]:
    """Whose each group of the index is."""
    from pipeline.release.contamination.index import file_hashes

    ids = [one.id for one in stickers]
    group = dict(zip(index.file.tolist(), index.group.tolist(), strict=True))
    return {
        group[h]: id_ for h, id_ in zip(file_hashes(ids, index.salt).tolist(), ids, strict=True)
    }


def _planted(
    index: Index, stickers: Sequence[RealSticker], count: int, caps: DecodeConfig
) -> dict[str, Any]:
    """Share of copies of each change that are found, as a copy and at all."""
    whose = _rows_of(index, stickers)
    ours, names, originals = Ours(), list[str](), list[str]()
    for one, found in _chosen(stickers, count):
        for name, data in _copies(one, found):
            shown = look(data, caps)
            if shown is not None:
                ours.add(len(names), shown)
            names.append(name)
            originals.append(one.id)
    started = process_time()
    matches = find_matches(index, ours)
    best = np.full(len(names), 999)
    for number, row, bits in zip(
        matches.ours.tolist(), matches.row.tolist(), matches.bits.tolist(), strict=True
    ):
        if whose[int(index.group[row])] == originals[number]:
            best[number] = min(best[number], bits)
    kinds = np.array(names)
    print(f"{'change':<18}{'planted':>8}{'a copy':>8}{'found':>8}")
    shares = {}
    for name in dict.fromkeys(names):
        here = best[kinds == name]
        shares[name] = [round(float(np.mean(here <= most)), 4) for most in (SURE, LIKELY)]
        print(f"{name:<18}{len(here):>8}{shares[name][0]:>8.3f}{shares[name][1]:>8.3f}")
    asked = np.isin(kinds, _ASKED)
    return {
        "planted": len(names),
        "found_as_copy": round(float(np.mean(best[asked] <= SURE)), 4),
        "found": round(float(np.mean(best[asked] <= LIKELY)), 4),
        "by_change": shares,
        "search_cpu_ms_each": round(1000 * (process_time() - started) / len(names), 1),
    }


def _copies(one: RealSticker, found: Opened) -> Iterator[tuple[str, bytes]]:
    for name, make in CHANGES.items():
        chance = Random(f"{one.id}{name}")
        kind = "jpeg" if name == "JPEG 60" else chance.choice(("png", "jpeg", "webp"))
        yield name, encoded(found, make(chance), kind)
    for name, replay in REPLAYS.items() if len(found.frames) > 1 else ():
        played = Opened(found.frames, replay(Random(f"{one.id}{name}"), found.play))
        yield name, encoded(played, lambda frame: frame, "png" if name == "still" else "gif")


def _untouched(
    index: Index, stickers: Sequence[RealSticker], frames: dict[str, Greys | None]
) -> dict[str, Any]:
    """Pairs of different stickers that meet, by bits."""
    whose = _rows_of(index, stickers)
    ours = Ours()
    for number, one in enumerate(stickers):
        shown = frames[one.id]
        if shown is not None:
            ours.add(number, shown)
    matches = find_matches(index, ours)
    pairs: dict[tuple[str, str], int] = {}
    for number, row, bits in zip(
        matches.ours.tolist(), matches.row.tolist(), matches.bits.tolist(), strict=True
    ):
        one, other = sorted((stickers[number].id, whose[int(index.group[row])]))
        if one != other:
            pairs[one, other] = min(bits, pairs.get((one, other), 999))
    bits = np.array(sorted(pairs.values()))
    print(f"{len(stickers)} untouched: pairs by bits {np.bincount(bits).tolist()}")
    return {
        "real_pairs_as_copies": int((bits <= SURE).sum()),
        "real_pairs_alike": int(((bits > SURE) & (bits <= LIKELY)).sum()),
        "codes": index.codes,
    }


def _among_many(
    stickers: Sequence[RealSticker],
    frames: dict[str, Greys | None],
    pictures: dict[str, Greys],
    count: int,
) -> dict[str, Any]:
    """What held-out stickers meet among pictures that are copies of none of them."""
    from pipeline.copies.candidates import near_pairs

    base = np.stack([pictures[one.id] for one in stickers if not one.held_out])
    code, check = _many(base[[not is_blank(one) for one in base]], count)
    index = Index(
        "pasted", ("all",), bytes(16), np.arange(1, count + 1, dtype=np.uint64), code, check,
        np.full(count, STILL, np.uint8), np.zeros(count, np.uint8),
        np.arange(count, dtype=np.uint32),
    )  # fmt: skip
    ours, asked = Ours(), 0
    for number, one in enumerate(stickers):
        shown = frames[one.id]
        if one.held_out and shown is not None:
            ours.add(number, shown[:1])
            asked += 1
    started = process_time()
    matches = find_matches(index, ours)
    seconds = process_time() - started
    own = own_codes(np.stack(ours.picture))[0]
    both, which = np.unique(np.concatenate([own, code]), return_inverse=True)
    mine = np.zeros(len(both), np.bool_)
    mine[which[: len(own)]] = True
    by_code = np.zeros(len(both), np.bool_)
    for one, other in zip(*near_pairs(both, 6, mine), strict=True):
        by_code[one] |= mine[one] and not mine[other]
        by_code[other] |= mine[other] and not mine[one]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.parquet"
        write_index(path, index)
        size = path.stat().st_size
    print(f"{asked} stickers against {count:,}: bits {np.bincount(matches.bits).tolist()}")
    return {
        "many": count,
        "asked": asked,
        "stickers_that_meet_by_code_alone": int(by_code.sum()),
        "many_as_copies": len({*matches.ours[matches.bits <= SURE].tolist()}),
        "many_alike": len({*matches.ours.tolist()}),
        "index_mb": round(size / 1e6, 1),
        "search_cpu_s": round(seconds, 1),
    }


def _many(base: Greys, count: int) -> tuple[Codes, Checks]:
    """Codes of pictures, each a window of one sticker in a window of another."""
    dice = np.random.default_rng(7)
    code, check = np.empty(count, np.uint64), np.empty((count, CHECK_BYTES), np.uint8)
    for start in range(0, count, _BLOCK):
        size = min(_BLOCK, count - start)
        made = _windows(dice, base, size, 0.4, 0.8)
        inner = _windows(dice, base, size, 0.5, 1.0)
        side = dice.integers(24, 48, size)
        place = (dice.random((2, size)) * (64 - side)).astype(int)
        at = np.arange(64)
        y, x = (((at >= p[:, None]) & (at < (p + side)[:, None])) for p in place)
        within = y[:, :, None] & x[:, None, :]
        sy, sx = (np.clip((at - p[:, None]) * 64 // side[:, None], 0, 63) for p in place)
        scaled = inner[np.arange(size)[:, None, None], sy[:, :, None], sx[:, None, :]]
        code[start : start + size], check[start : start + size] = own_codes(
            np.where(within, scaled, made)
        )
    return code, check


def _windows(dice: np.random.Generator, base: Greys, size: int, low: float, high: float) -> Greys:
    share = dice.uniform(low, high, (2, size))
    start = dice.random((2, size)) * (1 - share)
    rows, columns = (
        ((s[:, None] + (np.arange(64) + 0.5) / 64 * w[:, None]) * 64).astype(int)
        for s, w in zip(start, share, strict=True)
    )
    chosen = base[dice.integers(0, len(base), size)]
    made: Greys = chosen[np.arange(size)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return made


def _given_away(pictures: dict[str, Greys], sheet: Path | None) -> dict[str, Any]:
    """How like a sticker the best guess from its code, and from code and check, is."""
    shown = np.stack([one for one in pictures.values() if not is_blank(one)])
    code, check = own_codes(shown)
    guesses = {"code": best_guess(code, None), "code_and_check": best_guess(code, check)}
    figures = {}
    for name, guess in guesses.items():
        likeness = [
            abs(np.corrcoef(one[4:60, 4:60].ravel(), other[4:60, 4:60].ravel())[0, 1])
            for one, other in zip(shown, guess, strict=True)
        ]
        figures[f"likeness_of_{name}"] = round(float(np.median(likeness)), 3)
    if sheet is not None:
        rows = [np.concatenate([shown[n], *(g[n] for g in guesses.values())], axis=1)
                for n in range(0, 160, 4)]  # fmt: skip
        columns = [np.concatenate(rows[n : n + 8]) for n in range(0, 40, 8)]
        Image.fromarray(np.concatenate(columns, axis=1)).save(sheet)
    return figures


if __name__ == "__main__":
    main()
