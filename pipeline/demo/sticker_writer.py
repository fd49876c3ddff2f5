"""Where stickers are drawn: seeded draws, file names, files and their expected outcomes."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

from PIL import Image

from pipeline.demo.concepts import BY_NAME, Pack
from pipeline.demo.distinct import Gallery
from pipeline.demo.expected import DrawnSticker
from pipeline.demo.lettering import Lettering
from pipeline.demo.render import render
from pipeline.demo.scene import SceneContent, compose
from pipeline.engine.errors import StickerworksError, disk_errors

_ATTEMPTS = 60


class StickerWriter:
    """Draws into one folder and remembers what it drew; the same seed gives the same bytes."""

    def __init__(self, folder: Path, seed: int, lettering: Lettering) -> None:
        self.lettering = lettering
        self.gallery = Gallery()
        self.drawn: list[DrawnSticker] = []
        self._folder = folder
        self._seed = seed
        self._numbers: Counter[str] = Counter()

    def rng(self, label: str) -> Random:
        """Random numbers of one drawing, whatever was drawn before it."""
        return Random(f"{self._seed}/{label}")

    def draw(self, label: str, content: SceneContent) -> list[Image.Image]:
        """Frames with that content that look like nothing drawn before."""
        for attempt in range(_ATTEMPTS):
            scene = compose(self.rng(f"{label}/{attempt}"), content)
            frames = render(scene, self.lettering)
            if self.gallery.admit(frames):
                return frames
        raise StickerworksError(
            f"Seed {self._seed} gives no drawing for {label} that differs from the others.",
            "Choose another seed.",
        )

    def caption(self, rng: Random, concept: str) -> tuple[str, str]:
        """A caption that can be drawn here, and the keyword that says it in a file name."""
        phrases = BY_NAME[concept]
        if self.lettering.chinese and rng.random() < 0.8:
            text = rng.choice(phrases.chinese_phrases)
            return text, text
        text = rng.choice(phrases.english_phrases)
        return text, f"{text} {concept}"

    def keyword(self, rng: Random, concept: str) -> str:
        """A keyword that says a concept in a file name."""
        return rng.choice(BY_NAME[concept].keywords)

    def next_name(self, pack: Pack, words: tuple[str, ...], extension: str) -> str:
        """``<theme><5 digits>-<word>-<word>.<extension>``, numbered within its pack."""
        self._numbers[pack.category] += 1
        head = f"{pack.theme}{self._numbers[pack.category]:05d}"
        return "-".join((head, *words)) + (f".{extension}" if extension else "")

    def put(self, pack: Pack, name: str, data: bytes | None, truth: DrawnSticker) -> DrawnSticker:
        """Write a file of a pack (None: an entry without one) and note its expected outcome."""
        path = f"{pack.category}/{name}"
        sha256 = None
        if data is not None:
            file = self._folder / path
            with disk_errors(file):
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            if truth.expected != "unfetched":
                sha256 = hashlib.sha256(data).hexdigest()
        sticker = replace(truth, path=path, category=pack.category, name=name, sha256=sha256)
        self.drawn.append(sticker)
        return sticker


def truth(case: str) -> DrawnSticker:
    """An entry of which only the case is known; ``dataclasses.replace`` adds the rest."""
    return DrawnSticker(path="", category="", name="", case=case)
