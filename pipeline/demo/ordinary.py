"""The ordinary stickers of every pack: most of the collection, all kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from pipeline.demo.concepts import CONCEPTS, PACKS, Pack
from pipeline.demo.encode import EXTENSIONS, Kind, encode
from pipeline.demo.scene import SceneContent, Style
from pipeline.demo.sticker_writer import StickerWriter, truth


@dataclass(frozen=True)
class Make:
    """How one sticker of a pack is made; ``frames`` above 1 makes it move."""

    kind: Kind
    style: Style = "flat"
    frames: int = 1


# One sixth photo-like and two fifths animated, as in the collections that were measured.
_MAKES: tuple[Make, ...] = (
    Make("png"),
    Make("gif", frames=5),
    Make("jpeg", "photo"),
    Make("png", "line"),
    Make("webp"),
    Make("gif", frames=4),
    Make("jpeg"),
    Make("png"),
    Make("apng", frames=4),
    Make("gif", "photo", frames=4),
    Make("jpeg"),
    Make("gif", frames=6),
    Make("webp", frames=5),
    Make("png", "line"),
    Make("jpeg", "photo"),
    Make("gif", frames=4),
    Make("webp"),
    Make("png"),
    Make("gif", "line", frames=4),
)
# One a pack: what a URL must quote, and what a careless unquoting turns into something else.
_ODD = (" 100%", "#1", "?", "{}", "`x`", "🌙", "%20", "&a=b", "+1", " 😀", ";", "'\"")
_ODD_NUMBER = 17
_BARE_NUMBER = 9
_SECOND_CONCEPT = (1, 6, 12)


def draw_ordinary(writer: StickerWriter) -> None:
    """Draw the ordinary stickers of all packs."""
    for number, pack in enumerate(PACKS):
        for position, make in enumerate(_MAKES):
            _draw_one(writer, pack, position, make, _ODD[number])


def _draw_one(writer: StickerWriter, pack: Pack, position: int, make: Make, odd: str) -> None:
    label = f"{pack.english}/{position}"
    rng = writer.rng(label)
    concepts = _concepts(rng, pack, position)
    drawn, keyword = writer.caption(rng, concepts[0])
    caption = drawn if rng.random() < 0.6 else None
    content = SceneContent(concepts, make.style, () if caption is None else (caption,), make.frames)
    frames = writer.draw(label, content)
    words = (keyword, *(writer.keyword(rng, concept) for concept in concepts[1:]))
    extension = EXTENSIONS[make.kind]
    if position == _ODD_NUMBER:
        words = (*words[:-1], words[-1] + odd)
    name = writer.next_name(pack, words, extension)
    if position == _BARE_NUMBER:
        name = f"{rng.getrandbits(128):032x}.{extension}"
    domain = "real" if make.style == "photo" else "cartoon"
    facts = replace(truth("ordinary"), tags=concepts, domain=domain, caption=caption)
    writer.put(pack, name, encode(frames, make.kind, 10 * rng.randint(6, 18)), facts)


def _concepts(rng: Random, pack: Pack, position: int) -> tuple[str, ...]:
    others = [concept.name for concept in CONCEPTS if concept.name != pack.concept]
    first = pack.concept if position % 10 < 7 else rng.choice(others)
    if position not in _SECOND_CONCEPT:
        return (first,)
    return (first, rng.choice([name for name in others if name != first]))
