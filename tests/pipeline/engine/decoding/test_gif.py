"""Frames of GIFs are those that Pillow shows by itself, whatever their disposal and palettes."""

from __future__ import annotations

import io
import random
import struct

import numpy as np
import pytest
from PIL import Image

from pipeline.engine.decoding.frames import OPAQUE, open_source, read_frames
from pipeline.engine.decoding.gif import Irregular, gif_frames
from pipeline.engine.decoding.header import Undecodable
from pipeline.engine.images import reading_images
from schemas.config import DecodeConfig

SIDE = 24


def packed(indices: np.ndarray, bits: int) -> bytes:
    """Indices as a GIF has them, uncompressed: each a code of its own, cleared before they grow."""
    clear, width = 1 << bits, bits + 1
    codes = []
    for place, index in enumerate(indices.reshape(-1).tolist()):
        if place % ((1 << bits) - 2) == 0:
            codes.append(clear)
        codes.append(index)
    codes.append(clear + 1)
    digits = np.array(codes)[:, None] >> np.arange(width) & 1
    data = np.packbits(digits.reshape(-1).astype(np.uint8), bitorder="little").tobytes()
    blocks = (data[at : at + 255] for at in range(0, len(data), 255))
    return bytes([bits]) + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def palette(dice: random.Random, bits: int) -> bytes:
    return dice.randbytes(3 << bits)


def part(dice: random.Random, bits: int, see_through: bool) -> bytes:
    """A frame on a random rectangle: any disposal, with or without transparency and palette."""
    x, y = dice.randrange(SIDE), dice.randrange(SIDE)
    width, height = dice.randint(1, SIDE - x), dice.randint(1, SIDE - y)
    if dice.random() < 0.3:
        x, y, width, height = 0, 0, SIDE, SIDE
    own = dice.random() < 0.4
    flags = dice.choice([0, 1, 2, 2, 3, 3, 4]) << 2 | see_through
    control = struct.pack("<HBBHBB", 0xF921, 4, flags, dice.randrange(30), dice.randrange(1, 4), 0)
    if dice.random() < 0.1:
        control = b""
    local = 0x80 | bits - 1 if own else 0
    image = struct.pack("<BHHHHB", 0x2C, x, y, width, height, local | dice.choice([0, 64]))
    indices = np.array([dice.randrange(1 << bits) for _ in range(width * height)])
    return control + image + (palette(dice, bits) if own else b"") + packed(indices, bits)


def gif(seed: int) -> bytes:
    dice = random.Random(seed)
    bits = dice.choice([2, 3, 8])
    head = b"GIF89a" + struct.pack("<HHBBB", SIDE, SIDE, 0x80 | bits - 1, dice.randrange(4), 0)
    frames = []
    for number in range(dice.randint(1, 6)):
        clear = seed % 2 == 0 if number == 0 else dice.random() < 0.5
        frames.append(part(dice, bits, clear))
    return head + palette(dice, bits) + b"".join(frames) + b";"


def as_pillow_shows(data: bytes) -> list[tuple[np.ndarray, int]]:
    shown = []
    with Image.open(io.BytesIO(data)) as image:
        for index in range(image.n_frames):
            image.seek(index)
            pixels = np.asarray(image.convert("RGBA")).copy()
            pixels[pixels[..., 3] == 0] = 0
            shown.append((pixels.view("<u4")[..., 0], image.info.get("duration", 0)))
    return shown


@pytest.mark.parametrize("part_of_seeds", range(4))
def test_frames_are_those_of_pillow(part_of_seeds):
    for seed in range(part_of_seeds * 60, part_of_seeds * 60 + 60):
        data = gif(seed)
        expected = as_pillow_shows(data)
        places = (np.empty((SIDE, SIDE), np.uint32) for _ in expected)
        before = None
        pictures = list(gif_frames(data, places))
        assert len(pictures) == len(expected), seed
        for picture, (pixels, duration) in zip(pictures, expected, strict=True):
            np.testing.assert_array_equal(picture.pixels, pixels, str(seed))
            assert picture.duration_ms == duration
            assert (picture.lowest >= OPAQUE) <= (int(pixels.min()) >= OPAQUE)
            if before is not None:
                top, bottom = picture.rows
                changed = np.flatnonzero((pixels != before).any(axis=1))
                assert all(top <= row < bottom for row in changed), seed
            before = pixels


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_what_readers_differ_on_is_left_to_pillow(seed):
    """A frame beyond the canvas, a grey palette, junk, or a cut: the same as Pillow, or fewer."""
    data = bytearray(gif(seed))
    dice = random.Random(seed)
    for _ in range(3):
        data[dice.randrange(13, len(data))] = dice.randrange(256)
    shown = frames_of(bytes(data))
    expected = frames_of(bytes(data), pillow=True)
    assert len(shown) == len(expected)
    if isinstance(expected, str):
        assert shown == expected
        return
    for got, wanted in zip(shown, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


def frames_of(data: bytes, *, pillow: bool = False) -> list[np.ndarray] | str:
    with pytest.MonkeyPatch.context() as patch, reading_images():
        if pillow:
            patch.setattr("pipeline.engine.decoding.frames.gif_frames", irregular)
        try:
            source = open_source(data, "gif", DecodeConfig())
            return [frame.pixels.copy() for frame in read_frames(source)]
        except Undecodable as error:
            return str(error)


def irregular(data, room):
    raise Irregular
