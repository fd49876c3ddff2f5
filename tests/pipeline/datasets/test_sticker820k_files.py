"""Sticker820K's layout as it is written: it grows, and its bytes tell nothing of who wrote it."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from pipeline.datasets import sticker820k_files
from pipeline.datasets.sticker820k import read_sticker820k
from pipeline.datasets.sticker820k_files import Sticker820kWriter
from pipeline.engine.errors import StickerworksError


def write(folder: Path, rows: int, shared: bool) -> dict[str, str]:
    dice, text = random.Random(0), "同样"
    folder.mkdir()
    with Sticker820kWriter(folder) as writer:
        for number in range(rows):
            # One object under two keys, or two that are equal: no pickle may tell them apart.
            again = text if shared else "".join(["同", "样"])
            info = {"caption": text, "ocr_text": again}
            image = dice.randbytes(dice.randrange(20_000))
            writer.add(f"{number}.gif", "train" if number % 3 else "test", info, image)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*") if path.is_file()}  # fmt: skip


def test_it_grows_beyond_its_first_room_and_is_the_same_every_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sticker820k_files, "_ROOM", 1 << 20)
    monkeypatch.setattr(sticker820k_files, "_COMMIT_BYTES", 200_000)
    first, second = (write(tmp_path / name, 300, name == "a") for name in "ab")
    assert first == second
    assert sorted(first) == ["imgs/data.mdb", "infos/data.mdb", "test.txt", "train.txt",
                             "valid.txt"]  # fmt: skip
    assert (tmp_path / "a/imgs/data.mdb").stat().st_size > 2 << 20
    dice = random.Random(0)
    expected = {f"{n}.gif": dice.randbytes(dice.randrange(20_000)) for n in range(300)}
    for split in ("train", "test"):
        for line in read_sticker820k(tmp_path / "a", split):
            assert line.problems == ()
            assert line.row is not None
            assert line.row.data == expected.pop(line.row.id)
            assert line.row.texts == {"caption_zh": "同样", "ocr_text": "同样"}
    assert not expected


def test_what_lmdb_cannot_write_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(StickerworksError, match=r"data\.mdb can't be written"),
        Sticker820kWriter(tmp_path) as writer,
    ):
        writer.add("x" * 600, "train", {}, b"")
