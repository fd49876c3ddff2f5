"""Planted cases for the rules: what entropy, aspect, size and text length must drop, and what
comes near and must stay."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image, ImageDraw

from pipeline.demo.concepts import CONCEPTS, PACKS, Pack
from pipeline.demo.encode import encode, save, save_gif
from pipeline.demo.expected import DrawnSticker
from pipeline.demo.lettering import wrap, write_lines
from pipeline.demo.render import flatten
from pipeline.demo.scene import SceneContent
from pipeline.demo.sticker_writer import StickerWriter, truth
from pipeline.engine.errors import StickerworksError

_TEXT_SIDE = 320
_PAPERS = ((250, 246, 235), (235, 245, 250), (242, 250, 235), (250, 236, 240))
_ATTEMPTS = 60


def plant_rule_cases(writer: StickerWriter) -> None:
    """Plant what each rule drops, and what must survive it."""
    _plant_blank(writer)
    _plant_shapes(writer)
    _plant_white_art(writer)
    for number in range(6):
        _plant_text(writer, number, "text_heavy", 44)
        _plant_text(writer, number, "text_near", 21)
    for number in range(3):
        _plant_moving_text(writer, number)


def _put(
    writer: StickerWriter, pack: Pack, extension: str, data: bytes, drawn: DrawnSticker
) -> None:
    drawn = replace(drawn, tags=(pack.concept,), domain="cartoon")
    word = writer.keyword(writer.rng(f"{pack.english}/{drawn.case}"), pack.concept)
    writer.put(pack, writer.next_name(pack, (word,), extension), data, drawn)


def _plant_blank(writer: StickerWriter) -> None:
    dropped = replace(truth("blank"), expected="dropped", rule="entropy")
    side = 160
    white = Image.new("RGB", (side, side), "white")
    speck = Image.new("RGB", (side + 8, side), "white")
    ImageDraw.Draw(speck).ellipse((80, 80, 83, 83), fill="black")
    colours = ((250, 240, 200), (200, 240, 250), (220, 250, 210))
    cards = [Image.new("P", (side, side)) for _ in colours]
    for card, colour in zip(cards, colours, strict=True):
        card.putpalette(colour)
    _put(writer, PACKS[0], "png", save(white, "PNG"), dropped)
    _put(writer, PACKS[3], "png", save(Image.new("RGBA", (side, side)), "PNG"), dropped)
    _put(writer, PACKS[6], "gif", save_gif(cards, 120), dropped)
    _put(writer, PACKS[9], "png", save(speck, "PNG"), dropped)


def _plant_shapes(writer: StickerWriter) -> None:
    for number in range(4):
        wide, tall, tiny = PACKS[number], PACKS[number + 4], PACKS[number + 8]
        _plant_shape(writer, wide, "wide", (300 + 6 * number, 90), "aspect")
        _plant_shape(writer, tall, "tall", (88, 290 + 6 * number), "aspect")
        _plant_shape(writer, tiny, "tiny", (20 + 3 * number, 24), "min_side")


def _plant_shape(
    writer: StickerWriter, pack: Pack, case: str, size: tuple[int, int], rule: str
) -> None:
    frames = writer.draw(f"{pack.english}/{case}", SceneContent((pack.concept,), size=size))
    drawn = replace(truth(case), expected="dropped", rule=rule)
    _put(writer, pack, "png", encode(frames, "png"), drawn)


def _plant_white_art(writer: StickerWriter) -> None:
    for pack in (PACKS[2], PACKS[5], PACKS[8], PACKS[11]):
        frames = writer.draw(f"{pack.english}/white", SceneContent((pack.concept,), "white"))
        drawn = replace(truth("white_art"), flag="dark_background")
        _put(writer, pack, "png", encode(frames, "png"), drawn)


def _plant_text(writer: StickerWriter, number: int, case: str, characters: int) -> None:
    pack = PACKS[2 * number + (case == "text_near")]
    (card,), caption = _cards(writer, f"{case}/{number}", pack.concept, (characters,))
    drawn = replace(truth(case), ocr_case=True, caption=caption)
    if case == "text_heavy":
        drawn = replace(drawn, expected="dropped", rule="ocr_length")
    _put(writer, pack, "png", encode([card], "png"), drawn)


def _plant_moving_text(writer: StickerWriter, number: int) -> None:
    pack = PACKS[3 * number + 1]
    # Twelve a frame, forty-eight in all: only their sum is above the limit.
    cards, caption = _cards(writer, f"text_moving/{number}", pack.concept, (12, 12, 12, 12))
    drawn = replace(truth("text_moving"), ocr_case=True, caption=caption)
    _put(writer, pack, "gif", encode(cards, "gif", 400), drawn)


def _cards(
    writer: StickerWriter, label: str, concept: str, counts: tuple[int, ...]
) -> tuple[list[Image.Image], str]:
    """Cards of one figure with so many characters each, and all of their text."""
    for attempt in range(_ATTEMPTS):
        draw = f"{label}/{attempt}"
        texts = [_words(writer, f"{draw}/{frame}", count) for frame, count in enumerate(counts)]
        ground = _ground(writer, draw, concept)
        cards = [_lettered(writer, ground, text) for text in texts]
        if writer.gallery.admit(cards):
            return cards, " ".join(word for text in texts for word in text)
    raise StickerworksError(f"Nothing distinct was drawn for {label}.", "Choose another seed.")


def _ground(writer: StickerWriter, label: str, concept: str) -> Image.Image:
    """A card with a figure in its upper half."""
    content = SceneContent((concept,), "flat", size=(_TEXT_SIDE, _TEXT_SIDE))
    (frame,) = writer.draw(label, content)
    rng = writer.rng(f"{label}/card")
    card = Image.new("RGB", frame.size, rng.choice(_PAPERS))
    small = flatten(frame).resize((150, 150), Image.Resampling.LANCZOS)
    card.paste(small, (rng.randint(0, _TEXT_SIDE - 150), 4))
    return card


def _lettered(writer: StickerWriter, ground: Image.Image, words: tuple[str, ...]) -> Image.Image:
    card = ground.copy()
    lines = wrap(words, 11 if writer.lettering.chinese else 17)
    box = (12, 160, _TEXT_SIDE - 12, _TEXT_SIDE - 8)
    write_lines(ImageDraw.Draw(card), box, lines, writer.lettering)
    return card


def _words(writer: StickerWriter, label: str, characters: int) -> tuple[str, ...]:
    """Captions with at least so many characters in all, spaces left out, and at most two more."""
    rng = writer.rng(label)
    pool = [
        phrase
        for concept in CONCEPTS
        for phrase in (
            concept.chinese_phrases if writer.lettering.chinese else concept.english_phrases
        )
    ]
    words: list[str] = []
    count = 0
    while count < characters:
        phrase = rng.choice(pool)
        length = len(phrase.replace(" ", ""))
        if phrase not in words and count + length <= characters + 2:
            words.append(phrase)
            count += length
    return tuple(words)
