from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.local.titles import title_of

REAL = Path(__file__).parents[3] / "shared" / "real-stickers"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("写不完了.gif", "写不完了"),
        ("linedog-写不完了.gif", "写不完了"),
        ("linedog-打你2.gif", "打你"),
        ("不说话@2x.png", "不说话"),
        ("熊猫头_摸耳朵.gif", "熊猫头 摸耳朵"),
        ("猫 - 副本 (2).png", "猫"),
        ("cat - Copy (3).png", "cat"),
        ("photocopy.gif", "photocopy"),
        ("Hello World!.GIF", "Hello World!"),
        ("v1.5 cat.gif", "v1.5 cat"),
        ("鸽", "鸽"),
        ("哈.gif", "哈"),
    ],
)
def test_a_caption_is_a_title(name: str, title: str) -> None:
    assert title_of(name, "linedog") == title


@pytest.mark.parametrize(
    "name",
    [
        *("001.png", "666.gif", "a.gif", "。。。.png", ".gif", "", "-.gif"),
        *("AgAD0AADlp-MDg.webp", "AgADXhgAAogOKEg.webp", "AQADBgEAAladvQo.tgs"),
        *("3f2504e0-4f89-11d3-9a0c-0305e82c3301.png", "d41d8cd98f00b204e9800998ecf8427e.gif"),
        *("IMG_20240101_123456.jpg", "Screenshot_2024-01-01-12-00-00.png", "giphy (1).gif"),
        *("mmexport1612345678901.jpg", "微信图片_20240101123.png", "屏幕截图 2024-01-01 12.png"),
        *("sticker-12.webp", "tenor-12.gif", "1234567890123.gif", "x" * 1001),
        *("LineDog00012.gif", "linedog.gif"),
    ],
)
def test_what_no_person_wrote_is_no_title(name: str) -> None:
    assert title_of(name, "linedog") is None


@given(st.text(st.characters(), max_size=40), st.text(st.characters(), max_size=9))
def test_any_name_is_read(name: str, folder: str) -> None:
    title = title_of(name, folder)
    assert title is None or title.strip()


@pytest.mark.parametrize("piece", [" ", "(1)", "-", "副本", "9", "_copy", "@2x"])
def test_long_names_cost_no_more_than_others(piece: str) -> None:
    started = time.process_time()
    title_of(piece * (1000 // len(piece)), "x")
    title_of(piece * 1_000_000, "x")
    assert time.process_time() - started < 1


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real stickers are not at {REAL}")
def test_the_captions_of_the_real_stickers_are_found_without_their_manifest() -> None:
    rows = [json.loads(line) for line in (REAL / "manifest.jsonl").read_text().splitlines()]
    named = [row for row in rows if row["title"] and any(map(str.isalpha, row["title"]))]
    assert len(named) > 80
    for row in named:
        path = Path(row["path"])
        title = title_of(path.name, path.parent.name)
        assert title == row["title"].removesuffix("@2x").rstrip("0123456789"), path.name
