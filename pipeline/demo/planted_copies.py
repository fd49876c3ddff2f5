"""Planted cases for duplicates: the same bytes twice, re-encoded copies, and templates."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageSequence

from pipeline.demo.concepts import BY_NAME, PACKS
from pipeline.demo.distinct import grey_level, perceptual_hash
from pipeline.demo.encode import encode, save, save_webp
from pipeline.demo.lettering import write_lines
from pipeline.demo.render import flatten, render
from pipeline.demo.scene import SceneContent, Style, compose
from pipeline.demo.sticker_writer import StickerWriter, truth
from pipeline.engine.errors import StickerworksError

_CAPTIONS = 4
_TEMPLATE_SIDE = 240
_BAND = 54
_ATTEMPTS = 300
_STARTS = ("SO", "TOO", "NOT", "VERY", "BE", "ALL", "WHAT", "MY")
_ENDS = ("NOW", "ME", "ALL", "MORE", "AGAIN")
# The filter calls it the same sticker below 16 grey levels in the worst tile.
_TILE_APART = 25.0
_HASH_NEAR = 2
_WAYS = (Image.Resampling.LANCZOS, Image.Resampling.BILINEAR, Image.Resampling.BOX)


def plant_exact_copies(writer: StickerWriter, folder: Path) -> None:
    """The same bytes under another pack and keyword: one sticker with two observations."""
    originals = [row for row in writer.drawn if row.case == "ordinary" and row.path < "007"]
    for number, original in enumerate(originals[3::11][:10]):
        pack = PACKS[6 + number % 6]
        word = writer.keyword(writer.rng(f"exact/{number}"), original.tags[0])
        name = writer.next_name(pack, (word,), original.name.rpartition(".")[2])
        drawn = replace(original, case="exact_duplicate")
        writer.put(pack, name, (folder / original.path).read_bytes(), drawn)


def plant_reencoded(writer: StickerWriter) -> None:
    """Copies of a better original: smaller, or the same pixels in fewer bytes."""
    for number in range(4):
        _plant_pair(writer, f"png_jpeg/{number}", "flat", _png_to_jpeg)
        _plant_pair(writer, f"gif_webp/{number}", "flat", _gif_to_webp)
    for number in range(3):
        _plant_pair(writer, f"png_png/{number}", "flat", _png_to_png)
        _plant_pair(writer, f"jpeg_jpeg/{number}", "photo", _jpeg_to_jpeg)


def plant_templates(writer: StickerWriter) -> None:
    """One picture under several captions: all are kept, and no split may separate them."""
    for pack in (PACKS[1], PACKS[4], PACKS[7], PACKS[11]):
        name = f"template-{pack.english.lower()}"
        for card in _template(writer, name, pack.concept):
            text = card.text
            drawn = replace(truth("template"), template=name, caption=text)
            drawn = replace(drawn, tags=(pack.concept,), domain="cartoon")
            word = text if not text.isascii() else f"{text} {pack.concept}"
            writer.put(pack, writer.next_name(pack, (word,), "png"), save(card.image, "PNG"), drawn)


Recode = Callable[[list[Image.Image]], tuple[str, bytes, str, bytes]]
"""Frames to the extension and bytes of an original, then of its copy."""


def _plant_pair(writer: StickerWriter, label: str, style: Style, recode: Recode) -> None:
    rng = writer.rng(label)
    # The copy stands in a later pack, so that the original is the first in every order.
    first, second = rng.choice(PACKS[:6]), rng.choice(PACKS[6:])
    concept = first.concept
    frames = writer.draw(label, SceneContent((concept,), style, frames=5 if "gif" in label else 1))
    extension, data, copy_extension, copy = recode(frames)
    domain = "real" if style == "photo" else "cartoon"
    drawn = replace(truth("original"), tags=(concept,), domain=domain)
    name = writer.next_name(first, (writer.keyword(rng, concept),), extension)
    original = writer.put(first, name, data, drawn)
    drawn = replace(drawn, case="reencoded", expected="dropped", rule="duplicate")
    drawn = replace(drawn, duplicate_of=original.sha256)
    name = writer.next_name(second, (writer.keyword(rng, concept),), copy_extension)
    writer.put(second, name, copy, drawn)


def _png_to_jpeg(frames: list[Image.Image]) -> tuple[str, bytes, str, bytes]:
    image = flatten(frames[0])
    copy = save(_shrink(image, 0.9), "JPEG", quality=90)
    return "png", save(image, "PNG"), "jpg", copy


def _png_to_png(frames: list[Image.Image]) -> tuple[str, bytes, str, bytes]:
    return (
        "png",
        save(frames[0], "PNG", compress_level=1),
        "png",
        save(frames[0], "PNG", optimize=True),
    )


def _jpeg_to_jpeg(frames: list[Image.Image]) -> tuple[str, bytes, str, bytes]:
    data = save(flatten(frames[0]), "JPEG", quality=94)
    image = Image.open(io.BytesIO(data))
    return "jpg", data, "jpg", save(_shrink(image, 0.85), "JPEG", quality=75)


def _gif_to_webp(frames: list[Image.Image]) -> tuple[str, bytes, str, bytes]:
    data = encode(frames, "gif", 120)
    with Image.open(io.BytesIO(data)) as gif:
        decoded = [frame.convert("RGBA") for frame in ImageSequence.Iterator(gif)]
    copy = save_webp(decoded, [120] * len(decoded), lossless=True, exact=True, method=4)
    return "gif", data, "webp", copy


def _shrink(image: Image.Image, share: float) -> Image.Image:
    size = (round(image.width * share), round(image.height * share))
    return image.resize(size, Image.Resampling.LANCZOS)


@dataclass(frozen=True)
class CaptionedPicture:
    """A captioned picture; ``hashes`` by each usual way of shrinking, ``tiles`` 8x8 grey means."""

    image: Image.Image
    text: str
    hashes: tuple[int, ...]
    tiles: NDArray[np.float64]


def _template(writer: StickerWriter, name: str, concept: str) -> list[CaptionedPicture]:
    """Cards of one template: hashes that match, captions that no eye would take for equal."""
    texts = _texts(writer, concept)
    size = (_TEMPLATE_SIDE, _TEMPLATE_SIDE)
    for attempt in range(_ATTEMPTS):
        content = SceneContent((concept,), caption=texts[:1], size=size, ground="waves")
        scene = compose(writer.rng(f"{name}/{attempt}"), content)
        (picture,) = render(replace(scene, caption=()), writer.lettering)
        top = 0 if scene.caption_on_top else _TEMPLATE_SIDE - _BAND
        cards = [_caption_card(writer, picture, top, text) for text in texts]
        for first in cards:
            chosen = _choose(first, cards)
            if len(chosen) == _CAPTIONS and writer.gallery.admit([first.image]):
                return chosen
    raise StickerworksError(f"No captions suit {name}.", "Choose another seed.")


def _choose(first: CaptionedPicture, cards: list[CaptionedPicture]) -> list[CaptionedPicture]:
    """Up to four cards that hash like the first, each far from the others in some tile."""
    chosen = [first]
    for card in cards:
        pairs = zip(first.hashes, card.hashes, strict=True)
        near = max((one ^ other).bit_count() for one, other in pairs) <= _HASH_NEAR
        if near and all(_worst_tile(card, other) > _TILE_APART for other in chosen):
            chosen.append(card)
    return chosen[:_CAPTIONS]


def _worst_tile(one: CaptionedPicture, other: CaptionedPicture) -> float:
    return float(np.abs(one.tiles - other.tiles).max())


def _texts(writer: StickerWriter, concept: str) -> tuple[str, ...]:
    phrases = BY_NAME[concept]
    if writer.lettering.chinese:
        return phrases.chinese_phrases
    word = phrases.english.upper()
    return (word, *(f"{start} {word}" for start in _STARTS), *(f"{word} {end}" for end in _ENDS))


def _caption_card(
    writer: StickerWriter, picture: Image.Image, top: int, text: str
) -> CaptionedPicture:
    card = picture.copy()
    # Half clear, so that the picture below still decides the hash.
    band = Image.new("RGBA", (_TEMPLATE_SIDE, _BAND), (255, 255, 255, 150))
    card.alpha_composite(band, (0, top))
    box = (6, top, _TEMPLATE_SIDE - 6, top + _BAND)
    write_lines(ImageDraw.Draw(card), box, (text,), writer.lettering)
    grey = grey_level(card)
    tiles = np.asarray(grey.resize((8, 8), Image.Resampling.BOX), dtype=np.float64)
    return CaptionedPicture(
        flatten(card), text, tuple(perceptual_hash(grey, way) for way in _WAYS), tiles
    )
