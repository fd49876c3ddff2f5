"""Copies are found by an index alone, and what is no copy isn't."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw, ImageOps

from pipeline.release.contamination.index import Index
from pipeline.release.contamination.making import make_index
from pipeline.release.contamination.overlap import ALIKE, COPY, SAME_FILE, Match, find_overlaps
from pipeline.release.contamination.pictures import Picture
from schemas.config import DecodeConfig

CAPS = DecodeConfig()
Encode = Callable[..., bytes]


def scene(seed: int, size: int = 160, shift: int = 0) -> Image.Image:
    """A busy picture that no other seed gives; ``shift`` moves one thing on it."""
    dice = random.Random(seed)
    picture = Image.new("RGB", (256, 256), tuple(dice.randrange(120, 256) for _ in range(3)))
    pen = ImageDraw.Draw(picture)
    for number in range(14):
        x, y, side = dice.randrange(220), dice.randrange(220), dice.randrange(16, 110)
        box = (x, y, x + side, y + dice.randrange(16, 110))
        if number == 9:
            box = (30 + shift, 60, 100 + shift, 130)
        draw = pen.ellipse if dice.random() < 0.5 else pen.rectangle
        draw(box, fill=tuple(dice.randrange(256) for _ in range(3)))
    return picture.resize((size, size), Image.Resampling.LANCZOS)


def picture(data: bytes, split: str = "test", group: str | None = None) -> Picture:
    return Picture(hashlib.sha256(data).hexdigest(), split, group, data)


@pytest.fixture
def index(encode: Encode) -> Index:
    """Six stills and two animations, whose number is that of their seed."""
    stills = [picture(encode(scene(n), "png"), "train" if n % 2 else "test") for n in range(6)]
    moving = [picture(animation(encode, n)) for n in range(21, 23)]
    return make_index("published", [*stills, *moving], CAPS)


def animation(encode: Encode, seed: int, duration: int = 80) -> bytes:
    frames = [scene(seed, shift=shift) for shift in (0, 40, 80, 120)]
    return encode(frames, "gif", duration=duration, loop=0)


def cropped(image: Image.Image) -> Image.Image:
    width, height = image.size
    return image.crop((round(width * 0.02), 0, round(width * 0.97), round(height * 0.95)))


def only(index: Index, data: bytes) -> Match | None:
    (found,) = find_overlaps([index], [picture(data, "ours")], CAPS)
    assert found.checked == 1
    assert found.copies + found.alike == len(found.matches)
    return found.matches[0] if found.matches else None


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half": lambda image: image.resize((80, 80), Image.Resampling.BOX),
    "mirror": ImageOps.mirror,
    "crop": cropped,
    "border": lambda image: ImageOps.expand(image, 12, "white"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_without_the_picture(
    index: Index, encode: Encode, change: str
) -> None:
    for seed in range(6):
        found = only(index, encode(CHANGES[change](scene(seed)), "jpeg", quality=60))
        assert found is not None, seed
        assert found.confidence == COPY
        assert found.theirs == ("train" if seed % 2 else "test")
    assert change in (found.how, "half")


def test_the_same_file_is_told_as_such(index: Index, encode: Encode) -> None:
    found = only(index, encode(scene(3), "png"))
    assert found is not None
    assert found.confidence == SAME_FILE


def test_a_faster_animation_and_a_still_of_one_are_found(index: Index, encode: Encode) -> None:
    faster = only(index, animation(encode, 21, duration=30))
    still = only(index, encode(scene(22, shift=80), "png"))
    assert faster is not None
    assert still is not None
    assert (faster.confidence, still.confidence) == (COPY, COPY)
    assert still.how.startswith("a still of theirs")


def test_an_animation_that_shows_one_of_their_stills_is_found(index: Index, encode: Encode) -> None:
    found = only(index, encode([scene(4), scene(900), scene(901)], "gif", duration=80))
    assert found is not None
    assert found.how == "theirs is a still of ours"


def test_other_pictures_are_none(index: Index, encode: Encode) -> None:
    others = [picture(encode(scene(seed), "png"), "ours") for seed in range(100, 160)]
    others.append(picture(encode(Image.new("RGB", (90, 90), "white"), "png"), "ours"))
    (found,) = find_overlaps([index], others, CAPS)
    assert (found.checked, found.copies, found.matches) == (61, 0, [])


def test_a_thing_that_moved_makes_it_alike_at_most(index: Index, encode: Encode) -> None:
    found = only(index, encode(scene(5, shift=90), "png"))
    assert found is None or found.confidence == ALIKE or found.bits > 4


def test_groups_of_theirs_are_counted_once(encode: Encode) -> None:
    """Two sizes of one sticker are one group of theirs, and two copies of ours overlap with it."""
    theirs = [
        picture(encode(scene(1, size), "png"), "test", group="one") for size in (160, 100)
    ] + [picture(encode(scene(2), "png"), "test", group="two")]
    ours = [picture(encode(scene(1, size), "jpeg"), "train") for size in (120, 140)]
    (found,) = find_overlaps([make_index("theirs", theirs, CAPS)], ours, CAPS)
    (row,) = found.by_split
    assert (row.copies, row.groups, row.of_groups) == (2, 1, 2)
    assert found.share == 1.0


def test_what_cant_be_decoded_is_known_by_its_hash_alone(encode: Encode) -> None:
    broken = picture(b"GIF89a broken", "train")
    index = make_index("theirs", [broken, picture(encode(scene(1), "png"))], CAPS)
    (found,) = find_overlaps([index], [broken], CAPS)
    assert (index.undecodable, found.unseen, found.copies) == (1, 1, 1)
    assert found.matches[0].confidence == SAME_FILE
