"""`stickerworks release takedown` and `release diff`, as people type them."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest

from pipeline.engine.decoding.one_pass import hash_file
from pipeline.engine.workspace import Workspace
from pipeline.release.takedown import carrying_out
from schemas.config import DecodeConfig

from .conftest import Program


def ids_of(root: Path) -> list[str]:
    return Workspace(root).read("stickers", columns=["id"])["id"].to_pylist()


def test_what_is_named_goes_once_and_stays_current(made: Path, program: Program, tmp_path: Path):
    before = ids_of(made)
    (path,) = (r["path"] for r in Workspace(made).read("media").to_pylist() if r["id"] == before[2])
    looks = hash_file(Path(path).read_bytes(), "png", DecodeConfig())
    shown = program("release", "takedown", "--sha256", before[2], "--reason", "letter", "--dry-run")
    assert shown.code == 0
    assert "1 stickers: 1 by sha256" in shown.said
    assert ids_of(made) == before

    done = program("release", "takedown", "--sha256", before[2], "--reason", "letter")

    assert done.code == 0, done.said
    assert ids_of(made) == [id_ for id_ in before if id_ != before[2]]
    stones = Workspace(made).read("tombstones").to_pylist()
    told = [(row["phash"], row["blocked"]) for row in stones if row["kind"] == "looks"]
    assert looks is not None
    assert told == [(looks[0], looks[1].hex())]
    assert "would run over" not in program("update", "--dry-run").said
    again = program("release", "takedown", "--sha256", before[2], "--reason", "letter")
    assert (again.code, "taken down before" in again.said) == (0, True)
    assert program("crawl").code == 0
    assert before[2] not in ids_of(made)
    log = (made / "logs" / "runs.jsonl").read_text("utf-8")
    assert before[2] not in log
    assert "letter" not in log
    assert program("release", "takedown", "--export", str(tmp_path / "cleaner.py")).code == 0
    assert before[2] in (tmp_path / "cleaner.py").read_text("utf-8")


def test_sheets_that_would_go_are_named_before(made: Path, program: Program):
    sheet = made / "reports" / "tags.xlsx"
    assert program("tags", "sheet").code == 0
    words = ("release", "takedown", "--sha256", ids_of(made)[2], "--reason", "letter")
    assert "reports/tags.xlsx would go" in program(*words, "--dry-run").said
    book = openpyxl.load_workbook(sheet)
    book["clusters"]["J2"].value = "drop"
    assert book["clusters"]["J1"].value == "decision"
    book.save(sheet)
    told = program(*words)
    assert told.code == 0
    assert "what was decided there is in reports/tags.decisions.csv" in told.said
    assert not sheet.exists()
    assert not sheet.with_suffix(".csv").exists()
    assert program("tags", "sheet", "--from", str(sheet.with_name("tags.decisions.csv"))).code == 0


def test_a_sample_picture_finds_its_sticker(made: Path, program: Program):
    media = Workspace(made).read("media").to_pylist()
    done = program("release", "takedown", "--picture", media[5]["path"], "--reason", "x", "--json")
    told = json.loads(done.out)["takedown"]
    assert told["ids"] == [media[5]["id"]]
    assert told["elsewhere"] == 1
    assert media[5]["id"] not in ids_of(made)


def test_a_whole_pack_goes_and_what_is_not_here_is_told(made: Path, program: Program):
    rows = Workspace(made).read("observations").to_pylist()
    pack = {row["id"] for row in rows if row["pack_id"] == "sad"}
    absent = program("release", "takedown", "--author", "nobody", "--reason", "x")
    assert (absent.code, "nothing here is named so" in absent.said) == (0, True)
    assert program("release", "takedown", "--pack", "folder/sad", "--reason", "x").code == 0
    assert set(ids_of(made)) == {row["id"] for row in rows} - pack
    everything = program("release", "takedown", "--pack", "happy", "--reason", "x")
    assert everything.code == 0, everything.said
    assert ids_of(made) == []
    assert program("crawl").code == 0
    assert ids_of(made) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--sha256", "abc", "--reason", "x"), "--sha256 is wrong"),
        (("--url", "ftp://x", "--reason", "x"), "--url is wrong"),
        (("--sha256", "ab" * 32), "needs a reason"),
        (("--picture", "/nowhere/a.png", "--reason", "x"), "Could not read the picture"),
        (("--list", "/nowhere/a.csv", "--reason", "x"), "Could not read the takedown list"),
        (("--export", "cleaner.py"), "Nothing was ever taken down"),
    ],
)
def test_misuse_is_one_line(made: Path, program: Program, words: tuple[str, ...], told: str):
    before = ids_of(made)
    answer = program("release", "takedown", *words)
    assert answer.code == 1
    assert told in answer.said
    assert ids_of(made) == before


def test_no_other_command_works_on_half_a_takedown(
    made: Path, program: Program, monkeypatch: pytest.MonkeyPatch
):
    gone = ids_of(made)[0]

    def killed(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(carrying_out, "purge_tables", killed)
    answer = program("release", "takedown", "--sha256", gone, "--reason", "x")
    assert answer.code == 130
    monkeypatch.undo()
    refused = program("filter")
    assert (refused.code, "A takedown was interrupted" in refused.said) == (1, True)
    out = str(made.parent / "out")
    for words in (
        ("push", "--repo", "me/x"),
        ("export", "ser30k"),
        ("index", "--output", out),
        ("diff", "0.1.0", "0.1.0"),
        ("fetch", "x", "--output", out),
    ):
        refused = program("release", *words)
        assert (refused.code, "A takedown was interrupted" in refused.said) == (1, True), words
    assert program("update", "--dry-run").code == 1
    assert program("status").code == 0
    assert program("release", "takedown", "--dry-run").code == 0
    assert program("release", "takedown").code == 0
    assert not (made / "takedown.json").exists()
    assert gone not in ids_of(made)
    assert "would run over" not in program("update", "--dry-run").said


def test_diff_names_versions_of_the_workspace(made: Path, program: Program):
    answer = program("release", "diff", "1.0.0", "../../etc")
    assert answer.code == 1
    assert "There is no Parquet release at 1.0.0" in answer.said
