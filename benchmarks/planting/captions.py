"""Templates: the same picture with another caption, which must never be merged."""

from __future__ import annotations

from random import Random

from PIL import Image, ImageDraw

from benchmarks.planting.pictures import Change, flat, font

_CHARACTERS = (
    "我你他的了在是不有这人大来上个到说们为子和地出道也时年得就那要下以生会自着去之过家学对可里后小心"
    "好吧早安晚困饿哭笑怒爱谢哈累忙吃睡钱班课周末老板干活"
)


def captioned(chance: Random, text: str, style: int) -> Change:
    """Text over the picture's foot (0), on a white strip over it (1), or on one below it (2)."""
    share = chance.uniform(0.11, 0.2)

    def change(frame: Image.Image) -> Image.Image:
        picture = flat(frame)
        tall = round(picture.height * share)
        size = max(9, min(round(tall * 0.8), int(picture.width * 0.94 / len(text))))
        if style == 2:
            canvas = Image.new("RGB", (picture.width, picture.height + tall), "white")
            canvas.paste(picture)
            picture = canvas
        draw = ImageDraw.Draw(picture)
        if style == 1:
            draw.rectangle((0, picture.height - tall, picture.width, picture.height), "white")
        middle = (picture.width / 2, picture.height - tall / 2)
        ink, edge = ("white", max(1, size // 12)) if style == 0 else ("black", 0)
        draw.text(middle, text, ink, font(size), "mm", stroke_width=edge, stroke_fill="black")
        return picture.convert("RGBA")

    return change


def texts(chance: Random, length: int) -> tuple[str, str]:
    """Two texts without a character at the same place in both."""
    one = chance.choices(_CHARACTERS, k=length)
    other = [chance.choice([c for c in _CHARACTERS if c != known]) for known in one]
    return "".join(one), "".join(other)


def another_caption(chance: Random) -> tuple[Change, Change]:
    """1 to 12 characters against 1 to 12 others."""
    one, other = texts(chance, chance.randint(1, 12))
    if chance.random() < 0.5:
        other = "".join(chance.choices(_CHARACTERS, k=chance.randint(1, 12))) + one[:0]
    seed, style = chance.random(), chance.randrange(3)
    return captioned(Random(seed), one, style), captioned(Random(seed), other, style)


def one_character(chance: Random) -> tuple[Change, Change]:
    """Texts of 2 to 8 characters that differ in one."""
    one, other = texts(chance, chance.randint(2, 8))
    place = chance.randrange(len(one))
    near = one[:place] + other[place] + one[place + 1 :]
    seed, style = chance.random(), chance.randrange(3)
    return captioned(Random(seed), one, style), captioned(Random(seed), near, style)


def with_and_without(chance: Random) -> tuple[Change, Change]:
    """A caption over the picture against none."""
    text, _ = texts(chance, chance.randint(1, 12))
    return captioned(chance, text, 0), lambda frame: flat(frame).convert("RGBA")


PAIRS = {
    "another caption": another_caption,
    "one character": one_character,
    "with and without": with_and_without,
}
