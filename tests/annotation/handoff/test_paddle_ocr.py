"""Corrected texts become PaddleOCR's training sets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from annotation.handoff.paddle_ocr import export_ocr
from pipeline.engine.errors import StickerworksError
from pipeline.engine.fonts import chinese_font

Line = Callable[..., dict[str, Any]]
Draw = Callable[..., bytes]


def parse(folder: Path, task: str, name: str) -> list[tuple[Path, str]]:
    """As PaddleOCR's SimpleDataSet does, but nothing may be amiss."""
    root = folder / task
    found = []
    for raw in (root / f"{task}_gt_{name}.txt").read_bytes().splitlines(keepends=True):
        fields = raw.decode("utf-8").strip("\n").split("\t")
        assert len(fields) == 2
        path = root / fields[0]
        assert path.resolve().is_relative_to(root.resolve())
        with Image.open(path) as picture:
            picture.load()
        found.append((path, fields[1]))
    return found


def boxes(label: str) -> list[tuple[str, np.ndarray]]:
    """As PaddleOCR's DetLabelEncode does."""
    found = json.loads(label)
    assert found  # a picture without boxes is skipped
    points = np.array([box["points"] for box in found], dtype=np.float32)
    assert points.shape == (len(found), 4, 2)
    return list(zip((box["transcription"] for box in found), points, strict=True))


def manifest(folder: Path) -> dict[str, dict[str, Any]]:
    rows = map(json.loads, (folder / "manifest.jsonl").read_text("utf-8").splitlines())
    return {row["id"]: row for row in rows}


def labels(folder: Path, task: str = "rec", name: str = "train") -> list[str]:
    return [label for _, label in parse(folder, task, name)]


def digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sha = hashlib.sha256()
    for path in files:
        sha.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        sha.update(path.read_bytes())
    return sha.hexdigest()


@pytest.mark.skipif(chinese_font() is None, reason="no font with Chinese glyphs")
def test_what_the_shipped_ocr_reads_comes_back_corrected(
    bench: Any, drawn: Draw, tmp_path: Path, id_of: Callable[[str], str]
) -> None:
    """Draw, read, correct, export, parse, and read the crops again."""
    from pipeline.filter.ocr.rapid.backend import BACKEND, RapidReader

    texts = {"a": ["GOOD NIGHT"], "b": ["你好世界", "再见朋友"], "c": ["hello 大家好"]}
    for number, (name, lines) in enumerate(texts.items()):
        split = "validation" if number == 1 else "train"
        bench.add(name, [drawn(lines, ground) for ground in ("white", "yellow")], split=split)
        bench.vote(name, *["\n".join(lines).replace("朋友", "朋友们")] * 2)
    summary = export_ocr(bench.write(), tmp_path / "out")
    found = parse(tmp_path / "out", "rec", "train") + parse(tmp_path / "out", "rec", "val")
    assert summary.crops == {"train": 4, "val": 4}
    assert summary.pictures == {"train": 4, "val": 2 * 1}
    reader = BACKEND.open(BACKEND.options())
    assert isinstance(reader, RapidReader)
    for path, label in found:
        pixels = np.ascontiguousarray(np.asarray(Image.open(path))[:, :, ::-1])
        read, _ = reader.recognition.read([pixels])[0]
        assert "".join(read.split()) == "".join(label.replace("们", "").split())
    for path, label in parse(tmp_path / "out", "det", "val"):
        assert path.name.startswith(id_of("b"))
        (first, upper), (second, lower) = boxes(label)
        assert (first, second) == ("你好世界", "再见朋友们")
        # Drawn at 20 and 90 pixels from the top, 40 high.
        assert 15 < upper[0][1] < 40 < upper[2][1] < 85 < lower[0][1] < 110 < lower[2][1] < 155


def test_a_person_s_words_replace_those_of_the_ocr(
    bench: Any, drawn: Draw, line_read: Line, tmp_path: Path
) -> None:
    bench.add("a", [drawn(["HELLO", "WORLD"])], [line_read("HELL0"), line_read("WQRLD", 1)])
    bench.vote("a", "HELLO\nWORLD", "HELLO\nWORLD", "HELL0\nWQRLD")
    export_ocr(bench.write(), tmp_path / "out")
    assert labels(tmp_path / "out") == ["HELLO", "WORLD"]
    ((_, label),) = parse(tmp_path / "out", "det", "train")
    assert [text for text, _ in boxes(label)] == ["HELLO", "WORLD"]
    assert (tmp_path / "out/rec/dict.txt").read_text("utf-8") == "D\nE\nH\nL\nO\nR\nW\n"


def test_the_crop_is_what_the_box_encloses(
    bench: Any, drawn: Draw, line_read: Line, tmp_path: Path
) -> None:
    box = (10.0, 5.0, 110.0, 5.0, 110.0, 45.0, 10.0, 45.0)
    jpeg = drawn(["HELLO"])
    bench.add("a", [jpeg], [line_read("HELL0", box=box)])
    bench.vote("a", "HELLO")
    export_ocr(bench.write(), tmp_path / "out")
    ((path, _),) = parse(tmp_path / "out", "rec", "train")
    ((picture, label),) = parse(tmp_path / "out", "det", "train")
    assert picture.read_bytes() == jpeg
    assert boxes(label)[0][1].tolist() == [[10, 5], [110, 5], [110, 45], [10, 45]]
    with Image.open(path) as crop, Image.open(picture) as whole:
        wanted = np.asarray(whole.crop((10, 5, 110, 45)), float)
        assert crop.size == (100, 40)
        assert np.abs(np.asarray(crop, float) - wanted).mean() < 2


def test_a_deleted_line_has_no_box_and_an_added_one_keeps_the_frame_out_of_detection(
    bench: Any, drawn: Draw, line_read: Line, tmp_path: Path, id_of: Callable[[str], str]
) -> None:
    read = [line_read("HELLO"), line_read("zzzzz", 1)]
    for name in ("deleted", "added"):
        bench.add(name, [drawn(["HELLO", "GOODBYE"])], read)
    bench.vote("deleted", "HELLO")
    bench.vote("added", "HELLO\nzzzzz\nGOODBYE ALL")
    summary = export_ocr(bench.write(), tmp_path / "out")
    assert sorted(labels(tmp_path / "out")) == ["HELLO", "HELLO", "zzzzz"]
    ((path, label),) = parse(tmp_path / "out", "det", "train")
    assert path.name.startswith(id_of("deleted"))
    assert [text for text, _ in boxes(label)] == ["HELLO"]
    assert summary.no_detection == {"a line was added that OCR has no box for": 1}
    assert manifest(tmp_path / "out")[id_of("added")]["detection"] == 0


def test_a_deleted_second_reading_is_not_taken_for_no_text(
    bench: Any, drawn: Draw, line_read: Line, tmp_path: Path
) -> None:
    """OCR read the same words differently in two frames; people leave one of both readings."""
    read = [line_read("HELLO"), line_read("HELL", frame=1)]
    bench.add("a", [drawn(["HELLO"]), drawn(["HELLO"])], read)
    bench.vote("a", "HELLO!")
    summary = export_ocr(bench.write(), tmp_path / "out")
    assert labels(tmp_path / "out") == ["HELLO!"]
    assert summary.pictures["train"] == 0
    assert summary.no_detection == {"a line that was deleted may be text all the same": 1}


def test_joined_lines_are_nobody_s_label_and_split_ones_keep_their_box(
    bench: Any, drawn: Draw, line_read: Line, tmp_path: Path
) -> None:
    bench.add("j", [drawn(["SEE", "YOU"])], [line_read("SEEE"), line_read("Y0U", 1)])
    bench.add("s", [drawn(["SEE YOU"])], [line_read("SEE Y0U")])
    bench.vote("j", "SEE YOU")
    bench.vote("s", "SEE\nYOU")
    summary = export_ocr(bench.write(), tmp_path / "out")
    assert labels(tmp_path / "out") == ["SEE YOU"]
    assert summary.left_out == {"lines that OCR found were joined to one": 1}


def test_a_frame_counts_for_detection_only_where_every_line_has_its_box(
    bench: Any, drawn: Draw, line_read: Line, tmp_path: Path
) -> None:
    read = [line_read("ONE", frame=n) for n in range(3)] + [line_read("TWO", 1, frame=1)]
    bench.add("a", [drawn(["ONE", "TWO"])] * 3, read)
    bench.vote("a", "ONE\nTWO!")
    export_ocr(bench.write(), tmp_path / "out")
    assert labels(tmp_path / "out") == ["ONE", "ONE", "ONE", "TWO!"]
    ((path, _),) = parse(tmp_path / "out", "det", "train")
    assert path.stem.endswith("-1")


def test_test_stickers_and_dropped_ones_leave_no_trace_but_a_reason(
    bench: Any, drawn: Draw, line_read: Line, tmp_path: Path, id_of: Callable[[str], str]
) -> None:
    for name, facts in {
        "train": {}, "val": {"split": "validation"}, "test": {"split": "test"},
        "dropped": {"kept": False}, "near": {"group": "test"},
    }.items():  # fmt: skip
        bench.add(name, [drawn([name])], [line_read(f"{name}X")], **facts)
        bench.vote(name, name)
    bench.vote("stranger", "who?")
    export_ocr(bench.write(), tmp_path / "out")
    assert (labels(tmp_path / "out"), labels(tmp_path / "out", name="val")) == (["train"], ["val"])
    rows = manifest(tmp_path / "out")
    assert {name: rows[id_of(name)].get("reason") for name in ("test", "dropped", "near")} == {
        "test": "it is in test",
        "dropped": "it was dropped",
        "near": "a sticker related to it is in test",
    }
    assert rows[id_of("stranger")]["reason"] == "the workspace doesn't have it"
    pictures = [path.name for path in (tmp_path / "out").rglob("*.jpg")]
    allowed = (id_of("train"), id_of("val"))
    assert len(pictures) == 4
    assert all(name.startswith(allowed) for name in pictures)


def test_every_correction_ends_in_the_manifest_with_its_reason(
    bench: Any, drawn: Draw, line_read: Line, tmp_path: Path, id_of: Callable[[str], str]
) -> None:
    jpeg = drawn(["HELLO"])
    cases = {
        "conflict": ([line_read("HELL0")], ["HELLO", "HALLO"], "corrected it differently"),
        "alone": ([line_read("HELLO")], ["HELLO"], "one annotator alone"),
        "unread": ([], ["HELLO"], "OCR found no line"),
        "other": ([line_read("HELLO")], ["nothing alike"], "no line that OCR found matches"),
        "long": ([line_read("HELLO")], ["x" * 9000], "longer than"),
        "box": ([line_read("HELLO", box=[0.0] * 7)], ["HELLO!"], "no quadrilateral"),
        "frame": ([line_read("HELLO", frame=7)], ["HELLO!"], "no quadrilateral"),
    }
    for name, (read, texts, _) in cases.items():
        bench.add(name, [jpeg], read)
        bench.vote(name, *texts)
    bench.add("broken", [jpeg], [line_read("HELL0")])
    bench.stickers[id_of("broken")]["frames"]["key_frames"][0]["jpeg"] = jpeg[:400]
    bench.vote("broken", "HELLO")
    bench.add("silent", [jpeg], [line_read("HELLO")])
    bench.vote("silent", None)
    summary = export_ocr(bench.write(), tmp_path / "out")
    rows = manifest(tmp_path / "out")
    assert set(rows) == {id_of(name) for name in (*cases, "broken")}
    for name, (_, _, why) in cases.items():
        assert why in rows[id_of(name)]["reason"]
    assert rows[id_of("broken")]["reason"] == "a key frame can't be opened"
    assert sum(summary.left_out.values()) == len(rows)
    readme = (tmp_path / "out/README.md").read_text("utf-8")
    assert all(reason in readme for reason in summary.left_out)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=12), st.text("\t\n\r\0\u2028\x85\"'\\{}[],<>#*", max_size=8))
def test_no_text_breaks_the_files(
    bench: Any, drawn: Draw, line_read: Line, tmp_path: Path, text: str, odd: str
) -> None:
    bench.stickers.clear()
    bench.votes.clear()
    said = f"HELLO{odd}{text}"
    bench.add("a", [drawn(["HELLO"])], [line_read(said + "x")])
    bench.add("b", [drawn(["HELLO"])], [line_read("GOODBYE")])
    bench.vote("a", said)
    bench.vote("b", "GOOD BYE")
    export_ocr(bench.write(), tmp_path / "out")
    assert labels(tmp_path / "out")[-1] == "GOOD BYE"
    for _, label in parse(tmp_path / "out", "det", "train"):
        boxes(label)
    characters = (tmp_path / "out/rec/dict.txt").read_bytes().decode().split("\n")[:-1]
    assert all(len(character) == 1 for character in characters)
    assert set("".join(labels(tmp_path / "out"))) - {" "} == set(characters)


def test_the_same_tables_give_the_same_bytes_whatever_the_shards_of_votes(
    bench: Any, drawn: Draw, line_read: Line, tmp_path: Path
) -> None:
    for name in "abcde":
        bench.add(name, [drawn([name * 4])], [line_read(name * 3 + "x")])
        bench.vote(name, name * 4)
    export_ocr(bench.write(), tmp_path / "one")
    bench.votes.reverse()
    export_ocr(bench.write(), tmp_path / "two")
    export_ocr(bench.write(), tmp_path / "two")
    assert digest(tmp_path / "one") == digest(tmp_path / "two")


def test_simulated_votes_are_left_out_unless_asked_for(
    bench: Any, drawn: Draw, line_read: Line, tmp_path: Path
) -> None:
    bench.add("a", [drawn(["HELLO"])], [line_read("HELL0")])
    bench.vote("a", "HELLO", simulated=True, origin="simulated")
    with pytest.raises(StickerworksError, match="1 votes that do are simulated"):
        export_ocr(bench.write(), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert export_ocr(bench.write(), tmp_path / "out", simulated=True).crops["train"] == 1
    assert "Simulated annotators are among them" in (tmp_path / "out/README.md").read_text("utf-8")


def test_only_the_latest_vote_that_counts_is_used(
    bench: Any, drawn: Draw, line_read: Line, tmp_path: Path, one_vote: Callable[..., Any]
) -> None:
    bench.add("a", [drawn(["HELLO"])], [line_read("HELL0")])
    bench.votes += [
        one_vote("a", 0, ocr="HALLO", sequence=1),
        one_vote("a", 0, ocr="HELLO", sequence=2),
        one_vote("a", 1, ocr="HOWDY", quarantined="given by the lead"),
        one_vote("a", 2, ocr="HOLLA", skipped=True),
    ]
    export_ocr(bench.write(), tmp_path / "out")
    assert labels(tmp_path / "out") == ["HELLO"]


def test_the_readme_warns_of_bytes_that_may_not_be_passed_on(
    bench: Any, drawn: Draw, line_read: Line, tmp_path: Path, id_of: Callable[[str], str]
) -> None:
    for name, free in (("free", True), ("kept", False)):
        bench.add(name, [drawn([name])], [line_read(name + "x")], redistribute=free)
        bench.vote(name, name)
    summary = export_ocr(bench.write(), tmp_path / "out")
    assert summary.withheld_bytes == 1
    assert "Of 1 of the 2 stickers" in (tmp_path / "out/README.md").read_text("utf-8")
    rows = manifest(tmp_path / "out")
    assert [rows[id_of(name)]["redistribute"] for name in ("free", "kept")] == [True, False]


def test_labels_that_paddleocr_would_skip_are_told(
    bench: Any, drawn: Draw, line_read: Line, tmp_path: Path
) -> None:
    long = "HELLO TO EVERYBODY OUT THERE"
    bench.add("a", [drawn([long])], [line_read(long + "!")])
    bench.vote("a", long)
    export_ocr(bench.write(), tmp_path / "out")
    assert "Global.max_text_length=30" in (tmp_path / "out/README.md").read_text("utf-8")
