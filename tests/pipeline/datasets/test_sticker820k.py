"""Sticker820K's layout: rows as a release's, broken ones named, malicious ones never run."""

from __future__ import annotations

import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.datasets.layout import find_layout
from pipeline.datasets.sticker820k import LAYOUT, read_sticker820k
from pipeline.engine.errors import StickerworksError
from pipeline.training.examples import Dataset
from pipeline.training.frames import ENDS

Make = Callable[..., Any]
INFO = {
    "caption": "一只猫在笑",
    "ocr_text": "哈哈",
    "emotion_class": "积极",
    "emotion_label": "开心",
    "style_class": "卡通",
    "img_size": [240, 240],
}


def problems_of(folder: Path, split: str = "train") -> list[str]:
    return [str(problem) for entry in read_sticker820k(folder, split) for problem in entry.problems]


def test_stickers_come_as_rows_in_the_order_of_their_list(write_sticker820k: Make) -> None:
    folder = write_sticker820k(
        {"b.gif": INFO, "一.png": {**INFO, "ocr_text": ""}, "c.png": INFO},
        {"b.gif": b"GIF", "一.png": b"PNG", "c.png": b"PNG"},
        train=["一.png", "b.gif"],
        valid=["c.png"],
    )
    assert find_layout(folder) is LAYOUT
    first, second = LAYOUT.rows(folder, "train")
    assert (first.id, first.data, second.id, second.data) == ("一.png", b"PNG", "b.gif", b"GIF")
    assert second.texts == {
        "caption_zh": "一只猫在笑", "ocr_text": "哈哈", "emotion": "积极", "style": "卡通"
    }  # fmt: skip
    assert "ocr_text" not in first.texts
    assert first.targets == frozenset({"开心"})
    assert [row.id for row in LAYOUT.rows(folder, "validation")] == ["c.png"]
    assert list(LAYOUT.rows(folder, "test")) == []
    assert LAYOUT.notes(folder, "train") == ()


def test_what_cannot_be_used_is_named_and_keeps_its_place(write_sticker820k: Make) -> None:
    names = ["good", "no info", "no image", "good", "cut", "list", "odd", "x" * 600, "", "last"]
    folder = write_sticker820k(
        {
            "good": INFO,
            "no image": INFO,
            "cut": pickle.dumps(INFO)[:40],
            "list": [1],
            "odd": {**INFO, "caption": None, "ocr_text": 7, "emotion_label": ["a"]},
            "last": INFO,
        },
        dict.fromkeys((*names[:2], *names[4:7], "last"), b"image"),
        train=names,
    )
    rows = list(LAYOUT.rows(folder, "train"))
    assert [row.id for row in rows if row.problem is None] == ["good", "odd", "last"]
    assert [row.id for row in rows if row.data is not None] == ["good", "odd", "last"]
    assert len(rows) == 8
    odd = rows[5]
    assert (odd.texts, odd.targets) == ({"emotion": "积极", "style": "卡通"}, frozenset())
    problems = problems_of(folder)
    expected = [
        "row 2, infos: 'no info' isn't there",
        "row 3, imgs: 'no image' isn't there",
        "row 4, name: 'good' stood in an earlier line",
        "row 5, infos: 'cut' is damaged",
        "row 6, infos: 'list' is no dict but list",
        "row 7, ocr_text: 'odd' is no text but int",
        "row 7, emotion_label: 'odd' is no text but list",
        "row 8, infos: 'xxx",
        "row 8, imgs: 'xxx",
    ]
    assert len(problems) == len(expected)
    for problem, start in zip(problems, expected, strict=True):
        assert problem.startswith(f"train.txt {start}")
        assert problem.isascii()
    assert LAYOUT.notes(folder, "train") == ("9 problems in train.txt", *problems[:5])


def test_a_malicious_info_is_refused_and_does_not_run(
    write_sticker820k: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    evil = b"(dS'caption'\ncos\nsystem\n(S'touch MARK'\ntRs."
    terminal = b"cos\n\x1b[2Jsystem\n."
    folder = write_sticker820k(
        {"evil": evil, "terminal": terminal, "good": INFO},
        {"evil": b"image", "terminal": b"image", "good": b"image"},
        train=["evil", "terminal", "good"],
    )
    rows = list(LAYOUT.rows(folder, "train"))
    assert not (tmp_path / "MARK").exists()
    assert [row.data for row in rows] == [None, None, b"image"]
    assert rows[0].problem is not None
    assert "it asks for 'os.system'" in rows[0].problem
    assert problems_of(folder)[1].isprintable()


def test_an_info_of_absurd_length_is_not_read(write_sticker820k: Make) -> None:
    folder = write_sticker820k(
        {"long": {**INFO, "caption": "x" * 2**20}}, {"long": b""}, train=["long"]
    )
    (problem,) = problems_of(folder)
    assert "is longer than 1,048,576 bytes" in problem


@pytest.mark.parametrize("part", ["infos", "imgs"])
@pytest.mark.parametrize("left", [0, 100, 5000, -4096])
def test_a_file_that_is_cut_off_is_named(write_sticker820k: Make, part: str, left: int) -> None:
    names = [str(n) for n in range(300)]
    folder = write_sticker820k(
        dict.fromkeys(names, INFO), dict.fromkeys(names, b"image" * 100), train=names
    )
    file = folder / part / "data.mdb"
    content = file.read_bytes()
    file.write_bytes(content[:left])
    with pytest.raises(StickerworksError, match=f"{part}/data.mdb can't be read"):
        list(LAYOUT.rows(folder, "train"))


def spoil_lengths(file: Path, length: int | None) -> None:
    """Set the lengths of values that lie on pages of their own (as long as the file: None)."""
    content = bytearray(file.read_bytes())
    low = len(content) if length is None else length
    for page in range(0, len(content), 4096):
        flags, lower = struct.unpack_from("<HH", content, page + 10)
        for place in range(page + 16, page + lower, 2) if flags & 2 and page >= 8192 else ():
            node = page + struct.unpack_from("<H", content, place)[0]
            if content[node + 4] & 1:
                struct.pack_into("<HH", content, node, low & 0xFFFF, low >> 16)
    file.write_bytes(content)


@pytest.mark.parametrize("part", ["infos", "imgs"])
@pytest.mark.parametrize("length", [0x3FFFFFFF, None])
def test_values_beyond_the_end_of_a_file_cost_a_line(
    write_sticker820k: Make, part: str, length: int | None
) -> None:
    names, long = [str(n) for n in range(20)], pickle.dumps({**INFO, "caption": "x" * 5000})
    infos = dict.fromkeys(names, long)
    folder = write_sticker820k(infos, dict.fromkeys(names, b"x" * 25_000), train=names)
    spoil_lengths(folder / part / "data.mdb", length)
    with pytest.raises(
        StickerworksError, match=f"{part}/data.mdb can't be read as.*: LMDB crashed"
    ):
        list(LAYOUT.rows(folder, "train"))


@pytest.mark.parametrize("part", ["imgs/data.mdb", "infos/data.mdb", "train.txt", "test.txt"])
def test_pipes_and_links_out_of_the_folder_are_never_opened(
    write_sticker820k: Make, tmp_path: Path, part: str
) -> None:
    folder = write_sticker820k({"a": INFO}, {"a": b"image"}, train=["a"])
    (folder / part).unlink(missing_ok=True)
    os.mkfifo(folder / part)
    assert LAYOUT.every is not None
    with pytest.raises(StickerworksError, match=f"{part} can't be read as.*: it is no file"):
        list(LAYOUT.every(folder))
    (folder / part).unlink()
    (folder / part).symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_bytes(b"a\n")
    with pytest.raises(StickerworksError, match=f"{part} can't be read as.*: it is a link"):
        list(LAYOUT.every(folder))


def test_no_line_is_too_long_and_no_list_for_one_question(write_sticker820k: Make) -> None:
    names = [f"{n:04}" for n in range(700)]
    folder = write_sticker820k(
        dict.fromkeys(names, INFO),
        {name: name.encode() for name in names},
        train=[*names[:200], "y" * 20_000, names[7], names[200]],
    )
    assert LAYOUT.every is not None
    rows = list(LAYOUT.every(folder))
    assert [row.id for row in rows if row.problem is None] == names
    assert all(row.data == row.id.encode() for row in rows if row.problem is None)
    (long,) = [row for row in rows if row.problem]
    assert len(long.id) == 4096
    assert [problem.split(":")[0] for problem in problems_of(folder)] == [
        "train.txt row 201, infos", "train.txt row 201, imgs", "train.txt row 202, name"
    ]  # fmt: skip


def test_rows_become_examples_and_what_was_passed_over_is_told(
    write_sticker820k: Make, row: Make, gif: Make
) -> None:
    images = {name: row("circle", n)["image"]["bytes"] for n, name in enumerate("abc")}
    images["b"] = gif(*images.values(), images["a"])
    images["d"] = b"no image"
    folder = write_sticker820k({**dict.fromkeys("abd", INFO)}, images, train="abcd")
    examples = Dataset(folder).read("train", 32, ENDS, needs_targets=False)
    assert examples.ids == ("a", "b")
    assert examples.frames.counts.tolist() == [1, 3]
    notes = "\n".join(examples.notes)
    assert "train.txt row 3, infos: 'c' isn't there" in notes
    # Tags aren't asked for here, so that lacking them is no reason.
    assert "2 of 4 train rows were not used: 0 without tags, 1 without image, 1 unreadable" in notes


def test_another_folder_is_not_taken_for_one(tmp_path: Path) -> None:
    assert not LAYOUT.recognises(tmp_path)
    (tmp_path / "train.txt").write_text("a\n")
    (tmp_path / "infos").mkdir()
    assert not LAYOUT.recognises(tmp_path)
