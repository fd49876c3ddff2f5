"""Ways of spoiling a release; each maps its rows to others and leaves ids and columns right,
unless these are what it spoils."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random

import numpy as np
from PIL import Image, ImageOps

from benchmarks.spoiling.copies import Row, Rows, with_bytes

Way = Callable[[Rows, Random], Rows]

_LABELS = ("tags", "label_status", "suggested_tags", "annotators")


def permuted_tags(rows: Rows, dice: Random, share: float, only: tuple[str, ...] = ()) -> Rows:
    """That share of each split's rows exchange what says their tags."""
    return {
        split: _permuted(some, dice, share) if not only or split in only else some
        for split, some in rows.items()
    }


def blank_pictures(rows: Rows, dice: Random, share: float) -> Rows:
    """Empty pictures, each of its own colour and size."""

    def blank(row: Row) -> Row:
        colour = tuple(dice.randrange(256) for _ in range(3))
        size = (dice.randrange(100, 300), dice.randrange(100, 300))
        return with_bytes(row, _png(Image.new("RGB", size, colour)), "png")

    return _changed(rows, dice, share, blank)


def grainy_blanks(rows: Rows, dice: Random, share: float) -> Rows:
    """Empty pictures with grain that nobody sees, which is entropy all the same."""

    def blank(row: Row) -> Row:
        random = np.random.default_rng(dice.randrange(2**32))
        pixels = random.integers(246, 255, (160, 160, 3), np.uint8)
        return with_bytes(row, _png(Image.fromarray(pixels)), "png")

    return _changed(rows, dice, share, blank)


def noise(rows: Rows, dice: Random, share: float = 1.0) -> Rows:
    """Pictures of noise."""

    def noisy(row: Row) -> Row:
        random = np.random.default_rng(dice.randrange(2**32))
        pixels = random.integers(0, 255, (120, 120, 3), np.uint8)
        return with_bytes(row, _png(Image.fromarray(pixels)), "png")

    return _changed(rows, dice, share, noisy)


def leak(rows: Rows, dice: Random, into: str = "test", count: int = 15) -> Rows:
    """Train pictures as JPEG of quality 60, at half size or mirrored in another split."""
    chosen = dice.sample(rows["train"], count)
    ways = (_jpeg, _half, _mirror)
    planted = [with_bytes(row, *ways[n % 3](row)) for n, row in enumerate(chosen)]
    return {**rows, into: [*rows[into], *planted]}


def truncated_files(rows: Rows, dice: Random, share: float) -> Rows:
    """Files of which the second half is missing."""

    def cut(row: Row) -> Row:
        data = row["image"]["bytes"]
        return with_bytes(row, data[: len(data) // 2], row["format"], measured=False)

    return _changed(rows, dice, share, cut)


def first_frames(rows: Rows, dice: Random) -> Rows:
    """Animations of which only the first frame is left; what the columns say stays."""

    def first(row: Row) -> Row:
        if not row["animated"]:
            return row
        with Image.open(io.BytesIO(row["image"]["bytes"])) as image:
            return with_bytes(row, _png(image.convert("RGBA")), "png", measured=False)

    return {split: [first(row) for row in some] for split, some in rows.items()}


def wrong_width(rows: Rows, dice: Random, share: float = 0.05) -> Rows:
    """Columns that say another width."""
    return _changed(rows, dice, share, lambda row: {**row, "width": row["width"] + 7})


def repeated_rows(rows: Rows, dice: Random, share: float) -> Rows:
    """Rows replaced by copies of one row of their split, other bytes each."""
    made = {}
    for split, some in rows.items():
        one = dice.choice(some)
        chosen = set(dice.sample(range(len(some)), round(share * len(some))))
        made[split] = [
            with_bytes(one, _recoded(one, n), "png") if n in chosen else row
            for n, row in enumerate(some)
        ]
    return made


def collapsed_tags(rows: Rows, dice: Random, share: float = 0.7) -> Rows:
    """Most rows get the commonest tag instead of their own."""
    counts = Counter(tag for some in rows.values() for row in some for tag in row["tags"])
    ((common, _),) = counts.most_common(1)
    return _changed(rows, dice, share, lambda row: {**row, "tags": [common]})


def lost_rows(rows: Rows, dice: Random, share: float = 0.5) -> Rows:
    """A shard of train is missing, and card and counts have been corrected."""
    kept = rows["train"][round(share * len(rows["train"])) :]
    return {**rows, "train": kept}


def swapped_pictures(rows: Rows, dice: Random, share: float) -> Rows:
    """Rows exchange their pictures, with ids and columns."""

    def take(row: Row, other: Row) -> Row:
        return with_bytes(row, other["image"]["bytes"], other["format"])

    return {split: _exchanged(some, dice, share, take) for split, some in rows.items()}


WAYS: dict[str, Way] = {
    "30% permuted tags": partial(permuted_tags, share=0.3),
    "60% permuted tags": partial(permuted_tags, share=0.6),
    "20% blank": partial(blank_pictures, share=0.2),
    "80% blank": partial(blank_pictures, share=0.8),
    "15 of train in test": leak,
    "20% truncated": partial(truncated_files, share=0.2),
    "30% permuted tags, train alone": partial(permuted_tags, share=0.3, only=("train",)),
    "permuted tags, test alone": partial(permuted_tags, share=1.0, only=("test",)),
    "15 of train in validation": partial(leak, into="validation"),
    "20% blank with grain": partial(grainy_blanks, share=0.2),
    "all noise": noise,
    "5% wrong widths": wrong_width,
    "first frames alone": first_frames,
    "30% swapped pictures": partial(swapped_pictures, share=0.3),
    "15% copies of one row": partial(repeated_rows, share=0.15),
    "one tag for most": collapsed_tags,
    "half of train lost": lost_rows,
}


def _permuted(some: list[Row], dice: Random, share: float) -> list[Row]:
    def take(row: Row, other: Row) -> Row:
        return {**row, **{name: other[name] for name in _LABELS}}

    return _exchanged(some, dice, share, take)


def _exchanged(
    some: list[Row], dice: Random, share: float, take: Callable[[Row, Row], Row]
) -> list[Row]:
    """That share of the rows take something of another of them, in a circle."""
    chosen = dice.sample(range(len(some)), round(share * len(some)))
    made = list(some)
    for one, other in zip(chosen, [*chosen[1:], *chosen[:1]], strict=True):
        made[one] = take(some[one], some[other])
    return made


def _changed(rows: Rows, dice: Random, share: float, change: Callable[[Row], Row]) -> Rows:
    made = {}
    for split, some in rows.items():
        chosen = set(dice.sample(range(len(some)), round(share * len(some))))
        made[split] = [change(row) if n in chosen else row for n, row in enumerate(some)]
    return made


def _opened(row: Row) -> Image.Image:
    with Image.open(io.BytesIO(row["image"]["bytes"])) as image:
        picture = image.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    return white.convert("RGB")


def _jpeg(row: Row) -> tuple[bytes, str]:
    file = io.BytesIO()
    _opened(row).save(file, "JPEG", quality=60)
    return file.getvalue(), "jpeg"


def _half(row: Row) -> tuple[bytes, str]:
    picture = _opened(row)
    size = (max(16, picture.width // 2), max(16, picture.height // 2))
    return _png(picture.resize(size, Image.Resampling.LANCZOS)), "png"


def _mirror(row: Row) -> tuple[bytes, str]:
    return _png(ImageOps.mirror(_opened(row))), "png"


def _recoded(row: Row, number: int) -> bytes:
    """The same pixels in other bytes."""
    from PIL.PngImagePlugin import PngInfo

    told = PngInfo()
    told.add_text("Comment", str(number))
    file = io.BytesIO()
    _opened(row).save(file, "PNG", pnginfo=told)
    return file.getvalue()


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
