from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import pipeline.demo.collection
import pipeline.demo.lettering
from pipeline.demo.collection import build_index, draw_collection, summarise
from pipeline.demo.concepts import CONCEPTS
from pipeline.demo.expected import TRUTH_FILE, DrawnSticker, read_expected, write_expected
from pipeline.engine.errors import StickerworksError


def files_below(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_whatever_the_hash_seed(collection, tmp_path):
    script = "import sys, pathlib; from pipeline.demo.collection import draw_collection as d\n"
    script += "d(pathlib.Path(sys.argv[1]))"
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, env=environment)
    drawn = files_below(collection.folder)
    assert len(drawn) > 330
    assert files_below(tmp_path) == drawn


def test_holds_what_a_demo_must_show(collection):
    summary = summarise(collection.stickers)
    assert 300 <= summary.entries <= 350
    assert summary.packs == 13
    assert summary.outcomes["kept"] >= 270
    assert set(summary.outcomes) == {"kept", "dropped", "failed", "unfetched"}
    kept = [row for row in collection.stickers if row.expected == "kept"]
    share_real = sum(row.domain == "real" for row in kept) / len(kept)
    assert 0.1 <= share_real <= 0.2
    tags = Counter(tag for row in kept for tag in row.tags)
    assert set(tags) == {concept.name for concept in CONCEPTS}
    assert min(tags.values()) >= 15
    assert sum(len(row.tags) == 2 for row in kept) >= 25


def test_every_rule_and_reason_is_planted(collection):
    rules = {row.rule for row in collection.stickers if row.expected == "dropped"}
    assert rules == {"entropy", "aspect", "min_side", "ocr_length", "duplicate", "truncated"}
    reasons = {row.why for row in collection.stickers if row.expected in ("failed", "unfetched")}
    assert reasons == {"decode", "too_large", "gone", "refused", "not_media"}


def test_index_has_the_shape_of_the_real_one(collection):
    text = build_index(collection.stickers, "http://127.0.0.1:1").decode()
    index = json.loads(text)
    assert index["status"] == 1000
    assert [set(item) for item in index["data"]] == [{"name", "category", "url"}] * len(
        collection.stickers
    )
    first = index["data"][0]
    assert first["url"] == (
        f"http://127.0.0.1:1/zhaoolee/ChineseBQB/master/{first['category']}/{first['name']}"
    )
    assert "001Happy_开心一家😄BQB" in text, "the real index doesn't escape Unicode"


def test_names_hold_what_urls_must_quote(collection):
    names = "".join(row.name for row in collection.of_case("ordinary"))
    for character in " #%?{}`&+;'😀":
        assert character in names
    bare = [row for row in collection.stickers if len(row.name.partition(".")[0]) == 32]
    assert len(bare) >= 10


def test_a_second_seed_replaces_the_first_and_leaves_other_files_alone(
    tmp_path, monkeypatch, collection
):
    """Drawn without a Chinese font, to see that path too."""
    monkeypatch.setattr(pipeline.demo.lettering, "chinese_font", lambda: None)
    category = collection.stickers[0].category
    (tmp_path / category).mkdir()
    mine = tmp_path / category / "mine.png"
    mine.write_text("not yours")
    stale = tmp_path / category / "stale.png"
    stale.write_text("drawn earlier")
    earlier = DrawnSticker(f"{category}/stale.png", category, "stale.png", "ordinary")
    outside = tmp_path.parent / "outside.png"
    outside.write_text("not below the folder")
    escaping = DrawnSticker("../outside.png", "..", "outside.png", "ordinary")
    write_expected(tmp_path, [earlier, escaping])

    stickers = draw_collection(tmp_path, seed=1)

    assert mine.read_text() == "not yours"
    assert outside.exists()
    assert not stale.exists()
    summary = summarise(stickers)
    assert not summary.chinese
    assert summary.cases == summarise(collection.stickers).cases
    assert all((row.caption or "").isascii() for row in stickers)
    here = {row.sha256 for row in stickers if row.sha256 and row.case == "ordinary"}
    there = {row.sha256 for row in collection.stickers if row.sha256}
    assert not here & there


def test_what_was_drawn_is_drawn_again_only_where_it_differs(collection, tmp_path, monkeypatch):
    folder = Path(shutil.copytree(collection.folder, tmp_path / "copy"))
    before = files_below(folder)

    class DrawnError(Exception):
        """Somebody draws."""

    def draw(*_):
        raise DrawnError

    monkeypatch.setattr(pipeline.demo.collection, "draw_ordinary", draw)
    assert draw_collection(folder) == collection.stickers
    assert files_below(folder) == before
    with pytest.raises(DrawnError):
        draw_collection(Path(shutil.copytree(folder, tmp_path / "other seed")), seed=1)
    # A page that no source gives, hence without a sha256 of its own.
    refused = next(row for row in collection.stickers if row.why == "not_media")
    (folder / refused.path).write_bytes(b"changed")
    with pytest.raises(DrawnError):
        draw_collection(folder)
    with pytest.raises(DrawnError):
        draw_collection(folder)  # one that was begun leaves no mark


def test_truth_file_survives_a_round_trip(collection):
    assert read_expected(collection.folder / TRUTH_FILE) == collection.stickers


@pytest.mark.parametrize("line", ["{", "[]", '{"path": "a"}', '{"tags": []}', "\x00"])
def test_a_damaged_truth_file_is_named_with_its_line(tmp_path, line):
    path = tmp_path / TRUTH_FILE
    write_expected(tmp_path, [DrawnSticker("a/b", "a", "b", "ordinary")])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(StickerworksError, match=r"Line 2 of .*expected\.jsonl"):
        read_expected(path)


def test_a_missing_truth_file_says_what_to_do(tmp_path):
    with pytest.raises(StickerworksError, match="make demo"):
        read_expected(tmp_path / TRUTH_FILE)
