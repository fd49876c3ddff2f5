"""The demo's collection: about 320 stickers drawn by rule, laid out as ChineseBQB lays out its."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pipeline.demo.expected import TRUTH_FILE, DrawnSticker, read_expected, write_expected
from pipeline.demo.lettering import find_lettering
from pipeline.demo.ordinary import draw_ordinary
from pipeline.demo.planted_copies import plant_exact_copies, plant_reencoded, plant_templates
from pipeline.demo.planted_files import plant_file_cases, plant_private
from pipeline.demo.planted_rules import plant_rule_cases
from pipeline.demo.sticker_writer import StickerWriter

INDEX_NAME = "chinesebqb_github.json"
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
    earlier collection in the same folder are replaced.
    """
    _clear(folder)
    writer = StickerWriter(folder, seed, find_lettering())
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


def _clear(folder: Path) -> None:
    """Remove what an earlier run drew here, and nothing else."""
    truth = folder / TRUTH_FILE
    if not truth.exists():
        return
    root = folder.resolve()
    earlier = [folder / sticker.path for sticker in read_expected(truth)]
    truth.unlink()
    for path in earlier:
        if path.is_file() and root in path.resolve().parents:
            path.unlink()
