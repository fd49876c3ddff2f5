"""Frames of animations for models: a few that differ, in order, with their times."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from synthetic.moving import drawn_tgs, drawn_video

from pipeline.engine.decoding.header import Undecodable
from pipeline.engine.stage import Context
from pipeline.filter.clip_settings import ClipSettings
from pipeline.filter.clips import LEAST, fill_up, open_clips, sample_clip
from pipeline.filter.stages import clip_settings
from schemas.config import Config, DecodeConfig
from schemas.tables import CLIPS, MEDIA, SIGNALS, STICKERS

SETTINGS = ClipSettings(frames=8, side=48, caps=DecodeConfig())


def starts(rows: list[dict[str, Any]]) -> list[int]:
    return [row["start_ms"] for row in rows]


@pytest.mark.parametrize("kind", ["gif", "apng", "webp"])
def test_a_long_animation_gives_eight_frames_in_play_order(encode, disc, kind) -> None:
    data = encode([disc(at=n / 30) for n in range(30)], kind, duration=70)
    rows = sample_clip(data, kind, SETTINGS)
    assert len(rows) == 8
    assert starts(rows) == [70 * row["index"] for row in rows] == sorted(set(starts(rows)))
    # Spread over the whole of it, as the disc moves.
    assert rows[0]["index"] < 4
    assert rows[-1]["index"] > 25


@pytest.mark.parametrize(("kind", "a_frame"), [("webm", 40), ("tgs", 33)])
def test_videos_and_lottie_give_frames_at_their_own_times(kind, a_frame) -> None:
    data = drawn_video("webm", "libvpx") if kind == "webm" else drawn_tgs()
    rows = sample_clip(data, kind, SETTINGS)
    assert len(rows) >= LEAST
    assert all(abs(row["start_ms"] - a_frame * row["index"]) <= row["index"] for row in rows)


def test_frames_are_small_jpegs_that_differ(encode, disc) -> None:
    data = encode([disc(size=(400, 300), at=n / 9) for n in range(9)], "gif", duration=50)
    rows = sample_clip(data, "gif", SETTINGS)
    assert len({row["jpeg"] for row in rows}) == 8
    for row in rows:
        with Image.open(io.BytesIO(row["jpeg"])) as picture:
            assert (picture.format, picture.size) == ("JPEG", (48, 36))
        assert (row["width"], row["height"]) == (48, 36)


def test_times_are_those_that_browsers_show(encode, disc) -> None:
    frames = [disc(at=n / 4) for n in range(4)]
    data = encode(frames, "gif", duration=[0, 10, 200, 70])
    rows = sample_clip(data, "gif", SETTINGS)
    assert starts(rows) == [0, 100, 200, 400]
    assert [row["duration_ms"] for row in rows] == [100, 100, 200, 70]


def test_what_hardly_changes_still_gives_four_frames(encode, disc) -> None:
    frames = [disc() for _ in range(20)]
    for place, frame in enumerate(frames):
        frame.putpixel((place, 0), (0, 0, 0))
    rows = sample_clip(encode(frames, "gif", duration=50), "gif", SETTINGS)
    assert [row["index"] for row in rows] == [1, 5, 10, 15]


def test_a_short_animation_gives_all_that_it_has(encode, disc) -> None:
    data = encode([disc(at=0.2), disc(at=0.8)], "gif", duration=50)
    assert [row["index"] for row in sample_clip(data, "gif", SETTINGS)] == [0, 1]


def test_the_same_bytes_give_the_same_frames(encode, disc) -> None:
    data = encode([disc(at=n / 12) for n in range(12)], "gif", duration=50)
    assert sample_clip(data, "gif", SETTINGS) == sample_clip(data, "gif", SETTINGS)


def test_a_cut_animation_gives_the_frames_before_the_cut(encode, face) -> None:
    whole = encode([face(tilt=30 * n) for n in range(8)], "gif", duration=50)
    rows = sample_clip(whole[: len(whole) // 2], "gif", SETTINGS)
    assert 1 <= len(rows) < 8
    assert rows == sorted(rows, key=lambda row: row["index"])


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"no picture at all"])
def test_what_is_no_animation_is_undecodable(data: bytes) -> None:
    with pytest.raises(Undecodable):
        sample_clip(data, "gif", SETTINGS)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=40), st.data())
def test_filling_up_keeps_the_picks_and_reaches_four_where_it_can(
    durations: list[int], data: st.DataObject
) -> None:
    places = st.integers(0, len(durations) - 1)
    picks = sorted(data.draw(st.sets(places, min_size=1, max_size=8)))
    filled = fill_up(picks, durations)
    assert filled == sorted(set(filled))
    assert set(picks) <= set(filled) <= set(range(len(durations)))
    assert len(filled) == max(len(picks), min(LEAST, len(durations)))


def test_filling_up_spreads_evenly() -> None:
    assert fill_up([0], [1] * 40) == [0, 10, 20, 30]
    assert fill_up([0, 39], [1] * 40) == [0, 10, 20, 39]
    assert fill_up([29], [1] * 40) == [0, 10, 20, 29]


def rows_of(tmp_path: Path, files: list[tuple[Any, ...]], settings: ClipSettings) -> list[Any]:
    """The table of stickers given as name, bytes, whether animated, and format."""
    stickers, media, signals = [], [], []
    for name, data, animated, kind, *flags in files:
        key = hashlib.sha256(data or b"").hexdigest()
        if data is not None:
            (tmp_path / name).write_bytes(data)
        stickers.append({"id": key, "format": kind})
        media.append({"id": key, "path": None if data is None else name})
        signals.append({"id": key, "animated": animated, "flags": flags})
    tables = {
        "stickers": pa.Table.from_pylist(stickers, STICKERS.schema),
        "media": pa.Table.from_pylist(media, MEDIA.schema),
        "signals": pa.Table.from_pylist(signals, SIGNALS.schema),
    }
    found = open_clips(Context(settings, tmp_path))(tables)["clips"]
    assert found.schema == CLIPS.schema
    assert found["id"] == tables["stickers"]["id"]
    return found.to_pylist()


def test_only_animations_get_frames_and_each_row_says_why_not(encode, disc, tmp_path) -> None:
    moving = encode([disc(at=n / 9) for n in range(9)], "gif", duration=50)
    still = encode(disc(), "gif")
    files = [
        ("moving", moving, True, "gif"),
        ("still", still, False, "gif"),
        ("unknown", still, None, "gif"),
        ("gone", None, True, "gif"),
        ("broken", b"GIF89a" + b"\0" * 20, True, "gif"),
    ]
    made = rows_of(tmp_path, files, SETTINGS)
    rows = {name: row for (name, *_), row in zip(files, made, strict=True)}
    counts = {name: row["frames"] and len(row["frames"]) for name, row in rows.items()}
    assert counts == {"moving": 8, "still": [], "unknown": [], "gone": [], "broken": None}
    assert [name for name, row in rows.items() if row["error"]] == ["broken"]


def test_what_is_drawn_for_dark_chats_is_shown_on_dark(encode, disc, tmp_path) -> None:
    clear = [disc(at=n / 4, mode="RGBA", ground=(0, 0, 0, 0)) for n in range(4)]
    data = encode(clear, "apng", duration=50)
    files = [("light", data, True, "apng"), ("dark", data, True, "apng", "dark_background")]
    light, dark = rows_of(tmp_path, files, SETTINGS)

    def corner(row: dict[str, Any]) -> tuple[int, ...]:
        with Image.open(io.BytesIO(row["frames"][0]["jpeg"])) as picture:
            return tuple(picture.convert("RGB").getpixel((0, 0)))

    assert min(corner(light)) > 240
    assert max(corner(dark)) < 100


def test_where_no_model_asks_no_frames_are_made(encode, disc, tmp_path) -> None:
    moving = encode([disc(at=n / 9) for n in range(9)], "gif", duration=50)
    assert clip_settings(Config()).frames == 0
    [row] = rows_of(tmp_path, [("moving", moving, True, "gif")], clip_settings(Config()))
    assert row["frames"] == []
    asked = Config.model_validate({"annotate": {"captioner": "openai"}})
    assert clip_settings(asked).frames == 8
