"""The demo's collection: about 320 stickers drawn by rule, laid out as ChineseBQB lays out its."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import PIL

from pipeline.demo.expected import TRUTH_FILE, DrawnSticker, read_expected, write_expected
from pipeline.demo.lettering import Lettering, find_lettering
from pipeline.demo.ordinary import draw_ordinary
from pipeline.demo.planted_copies import plant_exact_copies, plant_reencoded, plant_templates
from pipeline.demo.planted_files import plant_file_cases, plant_private
from pipeline.demo.planted_rules import plant_rule_cases
from pipeline.demo.sticker_writer import StickerWriter
from pipeline.engine.atomic_files import atomic_file

INDEX_NAME = "chinesebqb_github.json"
_MARK_FILE = "drawn.txt"
PREFIX = "/zhaoolee/ChineseBQB/master"
"""Path below which the source serves its index and its media."""


@dataclass(frozen=True)
class CollectionSummary:
    """What was drawn: entries of the index by expected outcome, and whether captions lack Chinese.

    ``chinese`` is false where no font with Chinese glyphs was found: captions are English then.
    """

    entries: int
    packs: int
    outcomes: dict[str, int]
    cases: dict[str, int]
    chinese: bool


def draw_collection(folder: Path, seed: int = 0) -> list[DrawnSticker]:
    """Draw the collection into ``folder`` and write ``expected.jsonl``; order is the index's.

    The same seed gives the same bytes, as long as Pillow and the font stay the same. Files of an
    earlier collection in the same folder are replaced, unless it is this one, whole.
    """
    lettering = find_lettering()
    drawn_before = _whole(folder, seed, lettering)
    if drawn_before is not None:
        return drawn_before
    _clear(folder)
    writer = StickerWriter(folder, seed, lettering)
    draw_ordinary(writer)
    plant_rule_cases(writer)
    plant_file_cases(writer)
    plant_templates(writer)
    plant_reencoded(writer)
    plant_exact_copies(writer, folder)
    plant_private(writer)
    stickers = sorted(writer.drawn, key=lambda sticker: sticker.path)
    # Written last: a folder without it holds an unfinished collection.
    write_expected(folder, stickers)
    with atomic_file(folder / _MARK_FILE) as temporary:
        temporary.write_text(_mark(folder, seed, lettering, stickers), encoding="utf-8")
    return stickers


def summarise(stickers: list[DrawnSticker]) -> CollectionSummary:
    """Count a collection."""
    return CollectionSummary(
        entries=len(stickers),
        packs=len({sticker.category for sticker in stickers}),
        outcomes=dict(sorted(Counter(sticker.expected for sticker in stickers).items())),
        cases=dict(sorted(Counter(sticker.case for sticker in stickers).items())),
        chinese=any(not (sticker.caption or "").isascii() for sticker in stickers),
    )


def build_index(stickers: list[DrawnSticker], base_url: str) -> bytes:
    """The index as ChineseBQB serves it: JSON whose URLs are raw, unescaped Unicode."""
    data = [
        {
            "name": sticker.name,
            "category": sticker.category,
            "url": f"{base_url}{PREFIX}/{sticker.path}",
        }
        for sticker in stickers
    ]
    index = {"status": 1000, "info": "Stickers drawn for the demo of stickerworks", "data": data}
    return json.dumps(index, ensure_ascii=False, indent=1).encode()


def _whole(folder: Path, seed: int, lettering: Lettering) -> list[DrawnSticker] | None:
    """The stickers that lie in ``folder``, if drawing them again would change no byte."""
    mark = folder / _MARK_FILE
    if not mark.is_file() or not (folder / TRUTH_FILE).is_file():
        return None
    stickers = read_expected(folder / TRUTH_FILE)
    same = mark.read_bytes() == _mark(folder, seed, lettering, stickers).encode()
    return stickers if same else None


def _mark(folder: Path, seed: int, lettering: Lettering, stickers: list[DrawnSticker]) -> str:
    """Digest of what was drawn and of all that decides how it is drawn."""
    digest = hashlib.sha256(repr((seed, PIL.__version__, lettering)).encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    for sticker in stickers:
        file = folder / sticker.path
        digest.update(repr(sticker).encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest() if file.is_file() else b"none")
    return digest.hexdigest()


def _clear(folder: Path) -> None:
    """Remove what an earlier run drew here, and nothing else."""
    (folder / _MARK_FILE).unlink(missing_ok=True)
    truth = folder / TRUTH_FILE
    if not truth.exists():
        return
    root = folder.resolve()
    earlier = [folder / sticker.path for sticker in read_expected(truth)]
    truth.unlink()
    for path in earlier:
        if path.is_file() and root in path.resolve().parents:
            path.unlink()
