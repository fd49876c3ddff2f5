"""Frames: which are picked, how they are composited, and what a broken file leaves."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hostile_files import hostile_files
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.engine.decoding.measured import measure
from pipeline.training.frames import (
    ENDS,
    KEY_FRAME,
    UNREADABLE,
    clip,
    decode_frames,
    decode_key_frame,
    from_jpegs,
    to_jpeg,
)
from schemas.config import DecodeConfig


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def test_transparency_is_composited_on_white_and_proportions_are_kept() -> None:
    image = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (20, 0, 40, 20))
    small = decode_key_frame(encode(image, "PNG"), 8)
    assert small.shape == (8, 8, 3)
    assert small.dtype == np.uint8
    assert (small[4, 0] == 255).all(), "the transparent half is white"
    assert tuple(small[4, 7]) == (255, 0, 0)
    assert (small[0] == 255).all(), "a wide image is padded above"
    assert (small[2:6, 7] == (255, 0, 0)).all()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_frames_that_are_equally_good_the_first_is_taken(kind: str) -> None:
    red, blue = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(red, kind, save_all=True, append_images=[blue], duration=50, **options)
    assert (decode_key_frame(data, 4) == (255, 0, 0)).all()


def animation(frames: int, kind: str = "GIF") -> bytes:
    """Frame n is grey of level 10 n; every pixel differs from the frame before."""
    pictures = [Image.new("RGB", (12, 12), (10 * n,) * 3) for n in range(frames)]
    options = {"lossless": True} if kind == "WEBP" else {}
    return encode(
        pictures[0], kind, save_all=True, append_images=pictures[1:], duration=50, **options
    )


@given(frames=st.integers(1, 300), length=st.integers(2, 32))
def test_a_clip_has_its_length_and_walks_through_the_animation(frames: int, length: int) -> None:
    chosen = clip(length).choose(frames)
    assert len(chosen) == length
    assert chosen[0] == 0
    assert max(chosen) <= frames - 1
    steps = np.diff(chosen)
    if frames >= length:
        assert chosen[-1] == frames - 1, "first and last are kept"
        assert len(set(chosen)) == length
        assert steps.max() - steps.min() <= 1, "evenly spread"
    elif frames > 1:
        assert set(np.abs(steps)) == {1}, "to and fro, a frame at a time"


@given(frames=st.integers(1, 300))
def test_the_ends_of_a_still_are_one_frame(frames: int) -> None:
    assert ENDS.choose(frames) == tuple(sorted({0, frames // 2, frames - 1}))


def test_short_clips_go_to_and_fro() -> None:
    assert clip(8).choose(3) == (0, 1, 2, 1, 0, 1, 2, 1)
    assert clip(8).choose(1) == (0,) * 8
    assert clip(3).choose(5) == (0, 2, 4)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_picked_frames_come_in_order(kind: str) -> None:
    frames, length = decode_frames(animation(11, kind), clip(3), 4)
    assert length == 11
    assert frames.shape == (3, 4, 4, 3)
    assert [int(frame[0, 0, 0]) for frame in frames] == [0, 50, 100]
    assert decode_frames(animation(11, kind), KEY_FRAME, 4)[1] == 11


def test_an_animation_that_breaks_off_ends_there() -> None:
    data = animation(9)
    frames, length = decode_frames(data[: len(data) * 2 // 3], clip(4), 8)
    assert len(frames) == 4
    assert 1 < length < 9
    assert int(frames[-1][0, 0, 0]) <= 10 * (length - 1)


def test_a_frame_survives_its_jpeg() -> None:
    picture = np.zeros((2, 32, 32, 3), np.uint8)
    picture[:, 8:24, 8:24] = (200, 40, 90)
    back = from_jpegs([to_jpeg(frame) for frame in picture])
    assert back.shape == picture.shape
    assert np.abs(back.astype(int) - picture).mean() < 2


def test_sixteen_bits_are_scaled_and_not_cut() -> None:
    ramp = np.linspace(0, 65535, 16, dtype=np.uint16)[None].repeat(16, 0)
    frame = decode_key_frame(encode(Image.fromarray(ramp), "PNG"), 16)
    assert np.abs(frame[0, :, 0].astype(int) - np.linspace(0, 255, 16)).max() <= 1


def test_hostile_files_are_decoded_or_unreadable_and_nothing_is_said(recwarn) -> None:
    decoded = 0
    for file in hostile_files():
        try:
            frames, _ = decode_frames(file.data, ENDS, 8)
        except UNREADABLE:
            continue
        decoded += 1
        assert frames.shape[1:] == (8, 8, 3)
    assert decoded > 50
    assert not recwarn.list


def draw(seed: int, side: int = 40) -> Image.Image:
    """Blocks of any colour, half of them transparent."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 4), np.uint8)
    blocks[..., 3] = np.where(blocks[..., 3] < 128, 0, 255)
    return Image.fromarray(blocks).resize((side, side), Image.Resampling.NEAREST)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
@pytest.mark.parametrize("durations", [[50] * 5, [50, 50, 50, 200, 50], [10, 90, 10, 90, 10]])
def test_the_key_frame_is_the_one_that_the_filter_would_choose(
    kind: str, durations: list[int]
) -> None:
    blank, *others = [Image.new("RGBA", (40, 40), "white"), *map(draw, range(4))]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(blank, kind, save_all=True, append_images=others, duration=durations, **options)
    frame, length = decode_frames(data, KEY_FRAME, 40)
    assert (frame.shape, length) == ((1, 40, 40, 3), 5)
    name = "apng" if kind == "PNG" else kind.lower()
    measured = measure(data, name, DecodeConfig(key_frames=1, key_frame_side=40)).key_frames
    assert measured is not None
    with Image.open(io.BytesIO(measured[0]["jpeg"])) as chosen:
        difference = np.abs(np.asarray(chosen).astype(int) - frame[0])
    assert difference.mean() < 8, "but for what JPEG does to sharp colours"
    assert np.asarray(frame[0]).std() > 30, "the blank first frame shows nothing"


def test_what_a_viewer_without_animation_shows_is_no_frame_of_it() -> None:
    other, moving = Image.new("RGB", (40, 40), "red"), [draw(n).convert("RGB") for n in range(3)]
    data = encode(other, "PNG", save_all=True, append_images=moving, default_image=True)
    frames, length = decode_frames(data, ENDS, 40)
    assert length == 3
    expected = [np.asarray(frame.resize((40, 40), Image.Resampling.BILINEAR)) for frame in moving]
    assert all((a == b).all() for a, b in zip(frames, expected, strict=True))


def test_a_second_picture_in_a_jpeg_is_no_frame() -> None:
    picture, depth = draw(0).convert("RGB"), draw(1).convert("RGB")
    data = encode(picture, "MPO", save_all=True, append_images=[depth])
    alone = encode(picture, "JPEG")
    assert decode_frames(data, KEY_FRAME, 16)[1] == 1
    assert (decode_key_frame(data, 16) == decode_key_frame(alone, 16)).all()


def test_an_animation_that_breaks_off_has_a_key_frame_before() -> None:
    data = animation(9)
    frames, length = decode_frames(data[: len(data) * 2 // 3], KEY_FRAME, 8)
    assert len(frames) == 1
    assert 1 < length < 9
