"""A folder of drawn stickers that carry the keywords of a list."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

_SIDE = 128
# Reading the text of more pictures would take longer than all else.
_MOST = 2000


def draw_folder(folder: Path, keywords: Sequence[str]) -> None:
    """Pictures, and a manifest that shares the keywords out among them, one or more to each."""
    folder.mkdir(parents=True)
    chance = np.random.default_rng(0)
    count = min(len(keywords), _MOST)
    lines = []
    for number in range(count):
        path = f"{number:05d}.png"
        _picture(chance).save(folder / path)
        own = list(keywords[number::count])
        lines.append(json.dumps({"path": path, "keywords": own}, ensure_ascii=False))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def topical_keywords(count: int, topics: int, seed: int = 0) -> list[str]:
    """Distinct Latin phrases on so many topics of unequal size, one to four words each."""
    chance = random.Random(seed)
    shares = [1 / (topic + 20) for topic in range(topics)]
    found: dict[str, None] = {}
    while len(found) < count:
        topic = chance.choices(range(topics), shares)[0]
        own = [f"{_word(topic)}{_word(n)}" for n in range(3)]
        words = [own[0], *chance.sample(own[1:], chance.randint(0, 2))]
        if chance.random() < 0.5:
            words.append(f"rare{_word(chance.randrange(4000))}")
        chance.shuffle(words)
        found[" ".join(words)] = None
    return list(found)


def _word(number: int) -> str:
    """A made-up word for a number: ba, be, ..., baba, ..."""
    syllables = [a + b for a in "bdfghjklmnprstvz" for b in "aeiou"]
    word = ""
    while True:
        number, place = divmod(number, len(syllables))
        word += syllables[place]
        if not number:
            return word


def _picture(chance: np.random.Generator) -> Image.Image:
    """A soft field of colours, unlike any other."""
    knots = chance.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(knots).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
