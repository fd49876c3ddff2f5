"""What two stickers are to each other: drawn ones, changed as people change them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from pipeline.copies.codes import CODE_COLUMNS, VIEWS, Codes, sticker_codes
from pipeline.copies.comparing import (
    HOW,
    NONE,
    SAME,
    STILL_OF,
    TEMPLATE,
    load_pictures,
)
from pipeline.engine.decoding.measured import measure
from schemas.config import DecodeConfig, DuplicatesConfig
from schemas.tables import FRAMES, SIGNALS

Change = Callable[[Image.Image], Image.Image]
Text = str | None


class Shard:
    """A reader over one shard in memory."""

    def __init__(self, files: Sequence[bytes]) -> None:
        kinds = ["gif" if data.startswith(b"GIF") else "png" for data in files]
        rows = [measure(d, k, DecodeConfig()) for d, k in zip(files, kinds, strict=True)]
        signals = [{"id": str(n), "error": None, **row.signals} for n, row in enumerate(rows)]
        frames = [
            {"id": str(n), "error": None, "key_frames": row.key_frames}
            for n, row in enumerate(rows)
        ]
        self.tables = {
            "signals": pa.Table.from_pylist(signals, schema=SIGNALS.schema),
            "frames": pa.Table.from_pylist(frames, schema=FRAMES.schema),
        }

    def read(self, table: str, part: Any, columns: list[str]) -> pa.Table:
        return self.tables[table].select(columns)


def meet(shard: Shard) -> dict[int, int]:
    """Views in which the codes of two stickers meet, with the bits between them."""
    codes = sticker_codes(shard.read("signals", 0, CODE_COLUMNS))
    moving = shard.tables["signals"]["animated"].to_pylist()
    found: dict[int, int] = {}
    for one, other in ((0, 1), (1, 0)):
        kinds = (codes.own, codes.derived) if moving[0] == moving[1] else (codes.frames,)
        for kind in kinds:
            for mine in of(codes.own, one):
                views = kind.view[kind.sticker == other].tolist()
                for code, view in zip(of(kind, other), views, strict=True):
                    bits = int(mine ^ code).bit_count()
                    found[view] = min(bits, found.get(view, 64))
    bound = DuplicatesConfig().max_phash_distance
    return {view: bits for view, bits in found.items() if bits <= bound}


def of(codes: Codes, sticker: int) -> list[int]:
    return [int(code) for code in codes.code[codes.sticker == sticker]]


def relation(one: bytes, other: bytes, texts: tuple[Text, Text] = (None, None)) -> tuple[int, str]:
    """What the two are, in the view that says most, and how; NONE where no codes meet."""
    shard: Any = Shard([one, other])
    views = np.array(sorted(meet(shard)), np.int64)
    first, second = np.zeros(len(views), np.int64), np.ones(len(views), np.int64)
    with load_pictures(shard, {0: 2}, np.array([0, 1]), DuplicatesConfig()) as pictures:
        found = pictures.compare(first, second, views, [texts] * len(views))
        back = pictures.compare(second, first, views, [texts[::-1]] * len(views))
    assert [*map(tuple, (found.what, found.distance))] == [*map(tuple, (back.what, back.distance))]
    best = max(range(len(views)), key=lambda place: int(found.what[place]), default=None)
    if best is None:
        return NONE, ""
    how = int(found.how[best])
    return int(found.what[best]), HOW[how] if how >= 0 else ""


def mark(picture: Image.Image, text: str = "@somebody") -> Image.Image:
    marked = picture.copy()
    letters = ImageFont.load_default(size=11)
    ImageDraw.Draw(marked).text((134, 184), text, "black", letters)
    return marked


def through_jpeg(picture: Image.Image) -> Image.Image:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=60)
    return Image.open(out)


CHANGES: dict[str, tuple[Change, str]] = {
    "half": (lambda p: p.resize((p.width // 2, p.height // 2), Image.Resampling.BOX), "perceptual"),
    "double": (lambda p: p.resize((p.width * 2, p.height * 2)), "perceptual"),
    "JPEG": (through_jpeg, "perceptual"),
    "palette": (lambda p: p.quantize(24).convert("RGB"), "perceptual"),
    "mirror": (ImageOps.mirror, "mirror"),
    "crop": (lambda p: p.crop((0, 9, p.width - 18, p.height - 9)), "crop"),
    "border": (lambda p: ImageOps.expand(p, 16, "navy"), "crop"),
    "watermark": (mark, "watermark"),
}


@pytest.fixture
def picture(face: Callable[..., Image.Image]) -> Image.Image:
    """Not the same in a mirror."""
    drawn = face(200, caption="HELLO")
    ImageDraw.Draw(drawn).rectangle([150, 120, 190, 150], "teal")
    return drawn


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_the_same(encode, picture, change):
    made, how = CHANGES[change]
    assert relation(encode(picture, "png"), encode(made(picture), "png")) == (SAME, how)


@pytest.mark.parametrize("captions", [("HELLO", "HALLO"), ("HELLO", ""), ("A", "B"), ("", "OK")])
def test_another_caption_is_a_template_though_it_is_smaller(encode, face, captions):
    one, other = (
        encode(face(side, caption=text), "png")
        for side, text in zip((200, 100), captions, strict=True)
    )
    assert relation(one, other) == (TEMPLATE, "")


def test_letters_that_replace_others_are_no_watermark(encode, picture):
    one, other = mark(picture, "NO WAY"), mark(picture, "TAKE IT")
    assert relation(encode(one, "png"), encode(other, "png"))[0] == TEMPLATE


def test_a_small_thing_in_the_middle_is_no_watermark(encode, picture):
    other = picture.copy()
    ImageDraw.Draw(other).rectangle([96, 60, 110, 66], "black")
    assert relation(encode(picture, "png"), encode(other, "png"))[0] == TEMPLATE


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("lend me 520 yuan, be good", "lend me 20 yuan for bubble tea"), TEMPLATE),
        (("thank you!", "thank you"), SAME),
        (("thank you", "thank you @somebody_else"), SAME),
        (("", "thank you"), SAME),
    ],
)
def test_captions_that_read_differently_are_never_the_same(encode, picture, texts, expected):
    smaller = picture.resize((150, 150))
    assert relation(encode(picture, "png"), encode(smaller, "png"), texts)[0] == expected


@pytest.fixture
def turning(face: Callable[..., Image.Image]) -> list[Image.Image]:
    """Twelve frames of a face that turns, and back."""
    return [face(160, tilt=4 * abs(6 - step) - 10, caption="HELLO") for step in range(12)]


PLAYS: dict[str, Callable[[list[Image.Image]], list[Image.Image]]] = {
    "begun elsewhere": lambda frames: frames[5:] + frames[:5],
    "backwards": lambda frames: frames[::-1],
    "every second": lambda frames: frames[::2],
    "mirrored": lambda frames: [ImageOps.mirror(frame) for frame in frames],
    "cropped": lambda frames: [frame.crop((5, 5, 155, 155)) for frame in frames],
    "smaller": lambda frames: [frame.resize((110, 110)) for frame in frames],
}


@pytest.mark.parametrize("play", PLAYS)
def test_animations_that_play_otherwise_are_the_same(encode, turning, play):
    one = encode(turning, "gif", duration=100)
    assert relation(one, encode(PLAYS[play](turning), "gif", duration=60))[0] == SAME


def test_one_that_was_cropped_and_lacks_frames_and_is_faster_is_taken_for_another(encode, turning):
    cropped = PLAYS["cropped"](turning)[::2]
    one = encode(turning, "gif", duration=100)
    assert relation(one, encode(cropped, "gif", duration=200))[0] == SAME
    assert relation(one, encode(cropped, "gif", duration=100))[0] == TEMPLATE


def test_a_part_of_an_animation_is_another_one(encode, turning):
    parts = turning[:3], turning[:7]
    one, other = (encode(frames, "gif", duration=100) for frames in parts)
    assert relation(one, other)[0] != SAME


def test_animations_with_other_captions_are_a_template(encode, face, turning):
    other = [face(160, tilt=4 * abs(6 - n) - 10, caption="HALLO") for n in range(12)]
    one, other = (encode(frames, "gif", duration=100) for frames in (turning, other))
    assert relation(one, other)[0] == TEMPLATE


@pytest.mark.parametrize("frame", [0, 4, 6])
def test_any_frame_of_an_animation_is_a_still_of_it(encode, turning, frame):
    moving = encode(turning, "gif", duration=100)
    assert relation(encode(turning[frame].resize((120, 120)), "png"), moving)[0] == STILL_OF


def test_a_still_with_another_caption_is_no_still_of_it(encode, face, turning):
    still = encode(face(160, tilt=-10, caption="MMMMMMMM"), "png")
    assert relation(still, encode(turning, "gif", duration=100))[0] != STILL_OF


def test_codes_of_a_row_depend_on_that_row_alone(encode, face, turning):
    files = [
        encode(face(90), "png"),
        encode(turning, "gif", duration=50),
        b"",
        encode(face(), "png"),
    ]
    table = Shard(files).read("signals", 0, CODE_COLUMNS)
    whole, alone = sticker_codes(table), sticker_codes(table.slice(3))
    for kind in ("own", "derived", "frames"):
        everything = getattr(whole, kind)
        assert of(everything, 2) == [], "what can't be decoded has none"
        assert of(everything, 3) == of(getattr(alone, kind), 0)
    assert len(of(whole.own, 3)) <= 2
    assert len(of(whole.derived, 3)) <= len(VIEWS) - 1
    assert of(whole.frames, 1)
    assert not of(whole.frames, 3)


def test_a_flat_picture_is_alike_only_to_flat_ones(encode):
    flat = [encode(Image.new("RGB", (80, 80), level), "png") for level in ("white", "black")]
    assert relation(flat[0], flat[0])[0] == SAME
    assert relation(*flat)[0] != SAME


def test_what_a_pair_is_does_not_depend_on_the_others(encode, face, picture, turning):
    files = [
        encode(picture, "png"),
        encode(picture.resize((120, 120)), "png"),
        encode(mark(picture), "png"),
        encode(face(160, caption="OTHER"), "png"),
        encode(ImageOps.mirror(picture), "png"),
        encode(turning, "gif", duration=100),
        encode(turning[::2], "gif", duration=100),
    ]
    shard: Any = Shard(files)
    ones, others = np.triu_indices(len(files), 1)
    views = np.zeros(len(ones), np.int64)
    views[others == 4] = [view.mirrored for view in VIEWS].index(True)
    with load_pictures(shard, {0: 7}, np.arange(7), DuplicatesConfig()) as pictures:
        texts: list[tuple[Text, Text]] = [(None, None)] * len(ones)
        together = pictures.compare(ones, others, views, texts)
        for n in range(len(ones)):
            alone = pictures.compare(
                ones[n : n + 1], others[n : n + 1], views[n : n + 1], [texts[n]]
            )
            for name in ("what", "how", "distance"):
                assert getattr(alone, name)[0] == getattr(together, name)[n]
    assert {NONE, TEMPLATE, STILL_OF, SAME} >= set(together.what.tolist()) >= {TEMPLATE, SAME}
