"""Stills and moving previews, from sound and from hostile files."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from hostile_files import hostile_files
from PIL import Image
from table_rows import put

from pipeline.engine.page.pictures import draw_motion, load_pictures
from pipeline.engine.workspace import Workspace


def opened(uri: str) -> Image.Image:
    kind, _, content = uri.partition(";base64,")
    image = Image.open(io.BytesIO(base64.b64decode(content)))
    assert kind == f"data:image/{(image.format or '').lower()}"
    return image


def gif(path: Path, frames: int, size: tuple[int, int] = (200, 120), duration: int = 50) -> Path:
    pictures = [Image.new("RGB", size, (9 * i % 256, 80, 255 - 9 * i % 256)) for i in range(frames)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=duration, loop=0)
    return path


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Six animated stickers in two shards; of the last one there is no key frame."""
    made = Workspace(tmp_path / "own")
    made.root.mkdir()
    for number in range(6):
        gif(made.root / f"{number}.gif", 4 + number)
    for part in (0, 1):
        ids = range(3 * part, 3 * part + 3)
        put(made, "stickers", [{"id": f"{n:064x}", "format": "gif"} for n in ids], part)
        put(made, "media", [{"id": f"{n:064x}", "path": f"{n}.gif"} for n in ids], part)
        put(made, "frames", [{"id": f"{n:064x}", "key_frames": key_frames(n)} for n in ids], part)
    return made


def key_frames(number: int) -> list[dict[str, Any]]:
    if number == 5:
        return []
    target = io.BytesIO()
    Image.new("RGB", (200, 120), (40 * number, 80, 90)).save(target, "JPEG")
    return [{"index": 0, "jpeg": target.getvalue()}]


def ids_of(workspace: Workspace) -> list[str]:
    return list(workspace.read("stickers")["id"].to_pylist())


def test_an_avif_moves_and_a_video_does_not(tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (60, 40), (60 * n, 80, 90)) for n in range(4)]
    out = io.BytesIO()
    pictures[0].save(out, "AVIF", save_all=True, append_images=pictures[1:], duration=50)
    motion = draw_motion(out.getvalue())
    assert motion is not None
    assert getattr(opened(motion), "n_frames", 1) == 4
    assert draw_motion(b"\x1a\x45\xdf\xa3" + bytes(500)) is None


def test_stills_are_small_and_there_for_all_with_key_frames(workspace: Workspace) -> None:
    pictures = load_pictures(workspace, ids_of(workspace), [])
    assert sorted(pictures) == ids_of(workspace)[:5]
    assert all(max(opened(p.still).size) <= 96 for p in pictures.values())
    assert not any(p.motion for p in pictures.values())


def test_motion_is_for_those_that_were_asked(workspace: Workspace) -> None:
    asked = ids_of(workspace)[1:5:3]
    pictures = load_pictures(workspace, ids_of(workspace), asked)
    moving = {key: picture.motion for key, picture in pictures.items() if picture.motion}
    assert sorted(moving) == asked
    assert all(getattr(opened(uri), "n_frames", 1) > 1 for uri in moving.values())


def test_motion_keeps_the_play_time_in_a_dozen_frames(tmp_path: Path) -> None:
    uri = draw_motion(gif(tmp_path / "a.gif", 40).read_bytes())
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
    assert draw_motion(gif(tmp_path / "a.gif", 1).read_bytes()) is None


def test_noise_that_would_make_a_large_preview_has_none(tmp_path: Path) -> None:
    frames = [Image.effect_noise((300, 300), 90).convert("RGB") for _ in range(30)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=50)
    assert draw_motion((tmp_path / "a.gif").read_bytes()) is None


def test_more_pixels_than_the_budget_are_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = gif(tmp_path / "a.gif", 11)
    monkeypatch.setattr("pipeline.engine.page.pictures._MOTION_PIXELS", 200 * 120 * 11)
    assert draw_motion(path.read_bytes()) is not None
    monkeypatch.setattr("pipeline.engine.page.pictures._MOTION_PIXELS", 200 * 120 * 11 - 1)
    assert draw_motion(path.read_bytes()) is None


@pytest.mark.parametrize("cut", [0, 3, 20, 300])
def test_damaged_files_have_no_motion(tmp_path: Path, cut: int) -> None:
    path = gif(tmp_path / "a.gif", 20)
    path.write_bytes(path.read_bytes()[:cut])
    assert draw_motion(path.read_bytes()) is None


def test_a_missing_file_has_no_motion(workspace: Workspace) -> None:
    wanted = ids_of(workspace)[:1]
    (workspace.root / "0.gif").unlink()
    assert load_pictures(workspace, wanted, wanted)[wanted[0]].motion is None


def test_a_broken_key_frame_is_left_out(workspace: Workspace) -> None:
    rows = workspace.read("frames", 0).to_pylist()
    rows[0]["key_frames"][0]["jpeg"] = b"\xff\xd8 no picture"
    put(workspace, "frames", rows)
    assert sorted(load_pictures(workspace, ids_of(workspace), [])) == ids_of(workspace)[1:5]


def test_hostile_files_have_no_motion_or_some_and_nothing_is_said(tmp_path, recwarn):
    path = tmp_path / "hostile"
    drawn = 0
    for file in hostile_files():
        path.write_bytes(file.data)
        drawn += draw_motion(path.read_bytes()) is not None
    assert drawn > 5
    assert not recwarn.list
