"""Labels made elsewhere, and their corrections."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from annotation.machine.domain_model import SHIPPED
from annotation.machine.manifest import key_frames, read_manifest
from pipeline.engine.errors import StickerworksError

Draw = Callable[[int], Image.Image]
CORRECTIONS = SHIPPED.with_name("domain_corrections.jsonl")


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def sticker(tmp_path: Path, drawing: Draw) -> Path:
    path = tmp_path / "one.png"
    drawing(1).save(path)
    return path


def test_files_and_ids_are_read_and_the_unlabelled_left_out(sticker: Path) -> None:
    rows = [
        {"path": "one.png", "domain": "cartoon", "pack": "p"},
        {"id": "abc", "domain": "real"},
        {"path": "gone.png", "domain": None, "pack": "q"},
    ]
    file, known = read_manifest(write(sticker.with_name("m.jsonl"), rows))
    assert file.id == hashlib.sha256(sticker.read_bytes()).hexdigest()
    assert (file.path, file.pack, file.domain) == (sticker, "p", "cartoon")
    assert (known.id, known.path, known.pack, known.domain) == ("abc", None, None, "real")


def test_corrections_change_single_stickers(sticker: Path) -> None:
    manifest = write(
        sticker.with_name("m.jsonl"),
        [{"path": "one.png", "domain": "cartoon"}, {"id": "abc", "domain": "cartoon"}],
    )
    digest = hashlib.sha256(sticker.read_bytes()).hexdigest()
    corrections = write(
        sticker.with_name("c.jsonl"),
        [{"sha256": digest, "from": "cartoon", "to": "real", "why": "a photograph"}],
    )
    first, second = read_manifest(manifest, corrections)
    assert (first.found, first.domain) == ("cartoon", "real")
    assert (second.found, second.domain) == ("cartoon", "cartoon")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sha256": "abc", "from": "real", "to": "cartoon"}, "has it as cartoon"),
        ({"sha256": "xyz", "from": "real", "to": "cartoon"}, "no labelled sticker"),
        ({"sha256": "abc", "from": "real", "to": "real"}, "is no correction"),
        ({"from": "real", "to": "cartoon"}, "is no correction"),
    ],
)
def test_corrections_of_other_labels_are_refused(
    tmp_path: Path, change: dict[str, str], said: str
) -> None:
    manifest = write(tmp_path / "m.jsonl", [{"id": "abc", "domain": "cartoon"}])
    with pytest.raises(StickerworksError, match=said):
        read_manifest(manifest, write(tmp_path / "c.jsonl", [change]))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"domain": "real"}, "makes no sense"),
        ({"domain": "real", "id": "a", "path": "b"}, "makes no sense"),
        ({"domain": "real", "id": "a", "pack": 7}, "makes no sense"),
        ({"domain": "real", "path": "gone.png"}, "gone.png can't be read"),
        ({"domain": "real", "path": "../../etc/passwd"}, "outside of the manifest's folder"),
        ({"domain": "real", "path": "nul\0.png"}, "can't be read"),
        ([], "line 1 is no object"),
    ],
)
def test_lines_without_sense_are_named(tmp_path: Path, row: Any, said: str) -> None:
    with pytest.raises(StickerworksError, match=said):
        read_manifest(write(tmp_path / "m.jsonl", [row]))


@given(st.binary(max_size=200))
def test_anything_is_read_or_refused(tmp_path_factory: Any, content: bytes) -> None:
    path = tmp_path_factory.mktemp("m") / "m.jsonl"
    path.write_bytes(content)
    with suppress(StickerworksError):
        assert all(entry.domain in ("real", "cartoon") for entry in read_manifest(path))


def test_frames_are_spread_over_an_animation(tmp_path: Path) -> None:
    shades = [Image.new("RGB", (8, 8), (40 * n,) * 3) for n in range(6)]
    path = tmp_path / "moving.gif"
    shades[0].save(path, save_all=True, append_images=shades[1:], duration=50)
    assert len(key_frames(path)) == 3


def test_the_corrections_shipped_are_whole() -> None:
    rows = [json.loads(line) for line in CORRECTIONS.read_text(encoding="utf-8").splitlines()]
    assert len({row["sha256"] for row in rows}) == len(rows) == 40
    shipped = json.loads(SHIPPED.read_text(encoding="utf-8"))["training"]
    assert shipped["corrected_stickers"] == len(rows)
    assert shipped["corrections_sha256"] == hashlib.sha256(CORRECTIONS.read_bytes()).hexdigest()
    assert all(row["why"] and {row["from"], row["to"]} == {"real", "cartoon"} for row in rows)
