"""Stills and moving previews, from sound and from hostile files."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from pipeline.engine.workspace import Workspace
from pipeline.report.pictures import draw_motion, load_pictures


def opened(uri: str) -> Image.Image:
    kind, _, content = uri.partition(";base64,")
    image = Image.open(io.BytesIO(base64.b64decode(content)))
    assert kind == f"data:image/{(image.format or '').lower()}"
    return image


def gif(path: Path, frames: int, size: tuple[int, int] = (200, 120), duration: int = 50) -> Path:
    pictures = [Image.new("RGB", size, (9 * i % 256, 80, 255 - 9 * i % 256)) for i in range(frames)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=duration, loop=0)
    return path


def test_stills_are_small_and_there_for_all_with_key_frames(filled: Workspace) -> None:
    rows = filled.read("decisions").to_pylist()
    pictures = load_pictures(filled, [row["id"] for row in rows], [])
    assert sorted(pictures) == sorted(r["id"] for r in rows if r["outcome"] != "failed")
    assert all(max(opened(p.still).size) <= 96 for p in pictures.values())
    assert not any(p.motion for p in pictures.values())


def test_motion_is_for_those_that_were_asked(filled: Workspace) -> None:
    animated = [r["id"] for r in filled.read("signals").to_pylist() if r["animated"]]
    pictures = load_pictures(filled, animated, animated[:2])
    moving = {key: picture.motion for key, picture in pictures.items() if picture.motion}
    assert sorted(moving) == sorted(animated[:2])
    assert all(getattr(opened(uri), "n_frames", 1) > 1 for uri in moving.values())


def test_motion_keeps_the_play_time_in_a_dozen_frames(tmp_path: Path) -> None:
    uri = draw_motion(gif(tmp_path / "a.gif", 40))
    assert uri is not None
    preview = opened(uri)
    assert 2 <= getattr(preview, "n_frames", 1) <= 12
    assert max(preview.size) <= 96
    total = 0
    for index in range(getattr(preview, "n_frames", 1)):
        preview.seek(index)
        total += preview.info["duration"]
    assert total == 40 * 50


def test_a_still_has_no_motion(tmp_path: Path) -> None:
    assert draw_motion(gif(tmp_path / "a.gif", 1)) is None


def test_noise_that_would_make_a_large_preview_has_none(tmp_path: Path) -> None:
    frames = [Image.effect_noise((300, 300), 90).convert("RGB") for _ in range(30)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=50)
    assert draw_motion(tmp_path / "a.gif") is None


def test_more_pixels_than_the_budget_are_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = gif(tmp_path / "a.gif", 11)
    monkeypatch.setattr("pipeline.report.pictures._MOTION_PIXELS", 200 * 120 * 11)
    assert draw_motion(path) is not None
    monkeypatch.setattr("pipeline.report.pictures._MOTION_PIXELS", 200 * 120 * 11 - 1)
    assert draw_motion(path) is None


@pytest.mark.parametrize("cut", [0, 3, 20, 300])
def test_damaged_files_have_no_motion(tmp_path: Path, cut: int) -> None:
    path = gif(tmp_path / "a.gif", 20)
    path.write_bytes(path.read_bytes()[:cut])
    assert draw_motion(path) is None


def test_a_missing_file_has_no_motion(tmp_path: Path) -> None:
    assert draw_motion(tmp_path / "gone.gif") is None


def test_a_broken_key_frame_is_left_out(
    make_workspace: Callable[..., Workspace], put_rows: Callable[..., None]
) -> None:
    workspace = make_workspace()
    rows = workspace.read("frames", 0).to_pylist()
    rows[0]["key_frames"][0]["jpeg"] = b"\xff\xd8 no picture"
    put_rows(workspace, "frames", 0, rows)
    ids = [row["id"] for row in rows]
    assert ids[0] not in load_pictures(workspace, ids, [])
    assert ids[2] in load_pictures(workspace, ids, [])
