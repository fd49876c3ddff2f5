"""Old copies of a release, cleaned by the exported file as anybody runs it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.release.build import Release
from pipeline.release.takedown.cleaner import folder as cleaning
from pipeline.release.takedown.cleaner.folder import clean_folder, plan_cleaning
from pipeline.release.takedown.cleaner.named import CleaningError, TakenDown, hash_text
from pipeline.release.takedown.exporting import export_cleaner
from pipeline.release.verify import verify_release


@pytest.fixture
def copy(released: Release, tmp_path: Path) -> Path:
    return Path(shutil.copytree(released.path, tmp_path / "copy"))


def ids_of(copy: Path, name: str = "train") -> list[str]:
    files = sorted((copy / "data").glob(f"{name}-*.parquet"))
    return [id_ for file in files for id_ in pq.read_table(file, columns=["id"])["id"].to_pylist()]


def run(cleaner: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-I", str(cleaner), *words]
    return subprocess.run(line, capture_output=True, text=True, check=False, encoding="utf-8")


def test_an_exported_cleaner_cleans_a_copy_and_is_the_same_each_time(copy, tmp_path):
    gone, stays = ids_of(copy)[:3], ids_of(copy)[3:]
    cleaner, again = tmp_path / "cleaner.py", tmp_path / "again" / "cleaner.py"
    for path in (cleaner, again):
        export_cleaner(path, TakenDown(frozenset(gone)), {gone[0]: f"{gone[0]},2026-05-03,letter"})
    assert cleaner.read_bytes() == again.read_bytes()
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    shown = run(cleaner, str(copy))
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "3 stickers" in shown.stdout
    assert "--apply" in shown.stdout
    assert before == {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}

    done = run(cleaner, str(copy), "--apply")

    assert (done.returncode, done.stderr) == (0, "")
    assert ids_of(copy) == stays
    assert verify_release(copy).problems == ()
    held = {p.name for p in copy.rglob("*") if p.is_file() and gone[0].encode() in p.read_bytes()}
    assert held == {"taken_down.csv"}
    assert f"{gone[0]},2026-05-03,letter" in (copy / "taken_down.csv").read_text("utf-8")
    assert run(cleaner, str(copy), "--apply").stdout == "Nothing of it is in this release.\n"


def test_counts_and_card_are_those_of_what_is_left(copy, tmp_path):
    rows = pa.concat_tables(map(pq.read_table, sorted((copy / "data").glob("*.parquet"))))
    every = rows.filter(pa.compute.equal(rows["label_status"], "effective"))["id"].to_pylist()
    gone = TakenDown(frozenset(every))
    clean_folder(copy, gone, plan_cleaning(copy, gone, {}))
    counts = json.loads((copy / "counts.json").read_text("utf-8"))
    left = len(rows) - len(every)
    assert sum(counts["rows"].values()) == left
    assert counts["outcomes"]["released"] == left
    assert counts["label_status"].keys() == {"unlabelled"}
    assert counts["tags"] == {}
    assert counts["simulated"] == 0
    assert sum(counts["frames"].values()) == left
    carried = [e.get("with bytes", 0) + e.get("without bytes", 0) for e in counts["licences"]]
    assert sum(carried) == left
    card = (copy / "README.md").read_text("utf-8")
    assert f"> **{len(every)} stickers were taken down since" in card
    assert "| effective |" not in card
    assert (
        sum(int(line.split(": ")[1]) for line in card.splitlines() if "num_examples: " in line)
        == left
    )
    size = sum(path.stat().st_size for path in (copy / "data").iterdir())
    assert f"  download_size: {size}\n" in card
    more = TakenDown(frozenset(ids_of(copy)[:2]))
    clean_folder(copy, more, plan_cleaning(copy, more, {}))
    assert f"> **{len(every) + 2} stickers" in (copy / "README.md").read_text("utf-8")


@pytest.mark.parametrize("step", range(1, 9))
def test_a_killed_cleaning_is_finished_by_the_next(copy, tmp_path, monkeypatch, step):
    gone = TakenDown(frozenset(ids_of(copy)[:4] + ids_of(copy, "test")[:1]))
    whole = Path(shutil.copytree(copy, tmp_path / "whole"))
    clean_folder(whole, gone, plan_cleaning(whole, gone, {}))
    calls = 0
    real = cleaning.replacing

    def killed(path: Path):
        nonlocal calls
        calls += 1
        if calls == step:
            raise KeyboardInterrupt
        return real(path)

    for name in ("folder", "journal", "shards", "lines"):
        monkeypatch.setattr(f"pipeline.release.takedown.cleaner.{name}.replacing", killed)
    with pytest.raises(KeyboardInterrupt):
        clean_folder(copy, gone, plan_cleaning(copy, gone, {}))
    monkeypatch.undo()
    clean_folder(copy, gone, plan_cleaning(copy, gone, {}))
    expected = {p.relative_to(whole): p.read_bytes() for p in whole.rglob("*") if p.is_file()}
    assert {p.relative_to(copy): p.read_bytes() for p in copy.rglob("*") if p.is_file()} == expected


def test_what_is_no_release_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    with pytest.raises(CleaningError, match="no release"):
        plan_cleaning(tmp_path, TakenDown(frozenset({"ab" * 32})), {})
    assert (tmp_path / "notes.txt").exists()


def test_rows_of_addresses_and_files_of_pictures_go(copy):
    url = "https://site.example/a.gif"
    missed = pq.read_table(copy / "unfetched.parquet")
    assert len(missed) == 1
    public = missed["media_url"][0].as_py()
    picture = copy / "images" / "1.jpg"
    picture.parent.mkdir()
    picture.write_bytes(b"a key frame")
    (copy / "list.csv").write_text('name,words\n1.jpg,"a\nb"\n2.jpg,c\n', "utf-8")
    digest = "3b6ef3d77ff3a46f6c4a5cb1b4e8d5b9a1a1cc4c6a8f3b2d9d9a7f9ebc1c0000"
    pictures = frozenset({hashlib.sha256(b"a key frame").hexdigest()})
    gone = TakenDown(frozenset({digest}), pictures, frozenset({hash_text(public)}))
    assert public.startswith(url)
    clean_folder(copy, gone, plan_cleaning(copy, gone, {}))
    assert len(pq.read_table(copy / "unfetched.parquet")) == 0
    assert not picture.exists()
    assert (copy / "list.csv").read_text("utf-8") == "name,words\n2.jpg,c\n"
    assert verify_release(copy).problems == ()


def test_new_checksums_stand_in_other_texts_too(copy):
    shard = sorted((copy / "data").glob("train-*.parquet"))[0]
    old = cleaning.read_sums(copy)[f"data/{shard.name}"]
    (copy / "croissant.json").write_text(json.dumps({"sha256": old}), "utf-8")
    gone = TakenDown(frozenset(pq.read_table(shard, columns=["id"])["id"].to_pylist()[:1]))
    clean_folder(copy, gone, plan_cleaning(copy, gone, {}))
    told = json.loads((copy / "croissant.json").read_text("utf-8"))["sha256"]
    assert told == cleaning.read_sums(copy)[f"data/{shard.name}"] != old
