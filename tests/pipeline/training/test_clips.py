"""Clips: GIFs keep every frame, sheets keep every clip, and short ones turn back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from pipeline.training.arrays import Images
from pipeline.training.clips import extend_clip, tile_clips, write_gif


def read_gif(path: Path) -> tuple[Images, list[int], int]:
    """Frames, milliseconds of each, and how often it repeats (0: for ever)."""
    frames, durations = [], []
    with Image.open(path) as image:
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")))
            durations.append(image.info["duration"])
        return np.stack(frames), durations, image.info["loop"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    clip=arrays.arrays(
        np.uint8,
        st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 9), st.just(3)),
    )
)
def test_a_gif_of_few_colours_comes_back_as_it_was(clip: Images, tmp_path: Path) -> None:
    write_gif(tmp_path / "clip.gif", clip, frame_ms=90)
    frames, durations, loop = read_gif(tmp_path / "clip.gif")
    assert np.array_equal(frames, clip)
    assert durations == [90] * len(clip)
    assert loop == 0


def test_equal_neighbours_stay_frames_of_their_own(tmp_path: Path) -> None:
    clip = np.zeros((8, 16, 16, 3), np.uint8)
    clip[3:6] = 200
    write_gif(tmp_path / "clip.gif", clip)
    frames, durations, loop = read_gif(tmp_path / "clip.gif")
    assert np.array_equal(frames, clip)
    assert (durations, loop) == ([120] * 8, 0)
    write_gif(tmp_path / "still.gif", np.full((8, 16, 16, 3), 7, np.uint8))
    assert len(read_gif(tmp_path / "still.gif")[0]) == 8


def test_a_gif_of_many_colours_stays_near(tmp_path: Path) -> None:
    smooth = np.linspace(0, 255, 48)
    frame = np.stack(np.broadcast_arrays(smooth[:, None], smooth[None], smooth[None, ::-1]), -1)
    clip = np.stack([frame, frame[::-1]]).astype(np.uint8)
    write_gif(tmp_path / "clip.gif", clip)
    frames, _, _ = read_gif(tmp_path / "clip.gif")
    assert frames.shape == clip.shape
    assert np.abs(frames.astype(int) - clip).mean() < 8


def test_clips_stand_side_by_side_on_white() -> None:
    clips = [np.full((2, 4, 6, 3), n, np.uint8) for n in (10, 20, 30)]
    sheet = tile_clips(clips, columns=2)
    assert sheet.shape == (2, 10, 14, 3)
    assert (sheet[:, :4, :6] == 10).all()
    assert (sheet[:, :4, 8:] == 20).all()
    assert (sheet[:, 6:, :6] == 30).all()
    assert (sheet[:, 6:, 8:] == 255).all()
    assert (sheet[:, 4:6] == 255).all()


@pytest.mark.parametrize(
    ("frames", "order"),
    [
        (8, [4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3]),
        (4, [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3][::-1]),
        (1, [0] * 16),
        (16, list(range(16))),
        (20, list(range(20))),
    ],
)
def test_a_short_clip_turns_back_at_both_ends(frames: int, order: list[int]) -> None:
    clip = np.arange(frames, dtype=np.uint8)[:, None, None, None].repeat(3, 3)
    found = extend_clip(clip, 16)[:, 0, 0, 0].tolist()
    if frames != 4:
        assert found == order
    assert len(found) == max(16, frames)
    steps = np.abs(np.diff(found))
    assert frames == 1 or (steps == 1).all()
    middle = (len(found) - frames + 1) // 2
    assert found[middle : middle + frames] == list(range(frames))
