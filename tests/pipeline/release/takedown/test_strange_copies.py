"""Copies of releases as strangers left them: other layouts, journals of others, odd files."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.release.takedown import exporting
from pipeline.release.takedown.cleaner.folder import clean_folder, plan_cleaning
from pipeline.release.takedown.cleaner.journal import JOURNAL, CleaningPlan, write_journal
from pipeline.release.takedown.cleaner.named import CleaningError, TakenDown, ids_in
from pipeline.release.takedown.cleaner.removed import RemovedFiles, stands_in

A, B, C, D = (hashlib.sha256(sign.encode()).hexdigest() for sign in "abcd")
FIRST, SECOND, LAST = sorted((B, C, D))
GONE = TakenDown(frozenset({A}))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A bare copy: two shards, in which the second and the last bear the name of the first."""
    folder = tmp_path / "above" / "copy"
    (folder / "data").mkdir(parents=True)
    rows = [(A, A), (LAST, A), (SECOND, A), (FIRST, FIRST)]
    for number, some in enumerate((rows[:2], rows[2:])):
        table = pa.table({
            "id": [id_ for id_, _ in some],
            "template_id": [name for _, name in some],
            "duplicate_group": [name for _, name in some],
        })  # fmt: skip
        pq.write_table(table, folder / "data" / f"train-0000{number}-of-00002.parquet")
    (folder / "SHA256SUMS").write_text("", "utf-8")
    return folder


def clean(folder: Path, gone: TakenDown = GONE) -> None:
    clean_folder(folder, gone, plan_cleaning(folder, gone, {}))


def column(folder: Path, name: str) -> list[str]:
    files = sorted((folder / "data").glob("*.parquet"))
    return [text for file in files for text in pq.read_table(file)[name].to_pylist()]


@pytest.mark.parametrize(
    "told",
    [
        {"x": 1},
        [],
        {"removed": ["../victim.txt"], "texts": {"../victim.txt": "pwned"}},
        {"of": GONE.digest, "plan": {"removed": ["../victim.txt"]}},
        {"of": GONE.digest, "plan": vars(CleaningPlan(removed=["../victim.txt"]))},
        {"of": GONE.digest, "plan": vars(CleaningPlan(texts={"../victim.txt": "pwned"}))},
        {"of": GONE.digest, "plan": vars(CleaningPlan(rewritten=["../victim.parquet"]))},
        {"of": GONE.digest, "plan": vars(CleaningPlan(removed=["SHA256SUMS"]))},
        {"of": GONE.digest, "plan": vars(CleaningPlan(texts={"README.md": "hides all rows"}))},
        {"of": "ab" * 32, "plan": vars(CleaningPlan(texts={"README.md": "of an earlier one"}))},
    ],
)  # fmt: skip
def test_a_journal_of_a_stranger_reaches_nothing(copy: Path, told: object) -> None:
    (copy.parent / "victim.txt").write_text("mine", "utf-8")
    (copy / JOURNAL).write_text(json.dumps(told), "utf-8")
    before = {path: path.read_bytes() for path in copy.parent.rglob("*") if path.is_file()}
    with pytest.raises(CleaningError, match=JOURNAL):
        clean(copy)
    assert before == {p: p.read_bytes() for p in copy.parent.rglob("*") if p.is_file()}


def test_a_journal_of_an_absolute_path_reaches_nothing(copy: Path) -> None:
    victim = copy.parent / "victim.txt"
    victim.write_text("mine", "utf-8")
    plan = plan_cleaning(copy, GONE, {})
    plan.removed.append(str(victim))
    write_journal(copy, GONE, plan)
    with pytest.raises(CleaningError, match="another folder"):
        clean(copy)
    assert victim.exists()


def test_what_another_cleaner_began_is_refused(copy: Path) -> None:
    earlier = TakenDown(frozenset({A, "ab" * 32}))
    write_journal(copy, earlier, plan_cleaning(copy, earlier, {}))
    with pytest.raises(CleaningError, match="half cleaned"):
        clean(copy)
    clean(copy, earlier)
    assert not (copy / JOURNAL).exists()


def test_siblings_of_what_goes_are_named_after_the_smallest_that_is_left(copy: Path) -> None:
    clean(copy)
    assert column(copy, "id") == [LAST, SECOND, FIRST]
    assert column(copy, "template_id") == [SECOND, SECOND, FIRST]
    assert column(copy, "duplicate_group") == [SECOND, SECOND, FIRST]


def test_a_template_of_one_has_no_name_and_a_group_of_one_has(copy: Path) -> None:
    clean(copy, TakenDown(frozenset({A, SECOND})))
    assert column(copy, "template_id") == [None, FIRST]
    assert column(copy, "duplicate_group") == [LAST, FIRST]


@pytest.mark.parametrize("deep", [900, 5000])
def test_json_that_is_nested_too_deep_does_not_stop_it_half_way(copy: Path, deep: int) -> None:
    (copy / "deep.json").write_text("[" * deep + f'"{A}"' + "]" * deep, "utf-8")
    clean(copy)
    assert A not in (copy / "deep.json").read_text("utf-8")
    assert not (copy / JOURNAL).exists()


@pytest.mark.parametrize("name", ["counts.json", "profile.json", "statistics.json"])
@pytest.mark.parametrize("text", ["[]", "{", "3", '{"rows": 3, "tags": 1}', "[" * 5000])
def test_counts_that_are_none_are_refused_before_anything_changes(
    copy: Path, name: str, text: str
) -> None:
    (copy / name).write_text(text, "utf-8")
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    with pytest.raises(CleaningError, match="get it again"):
        clean(copy)
    assert before == {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["old.npz", "old.pt", "old.tar.gz", "a.npy", "rows.arrow", "blob"])
def test_what_cannot_be_looked_into_is_refused(copy: Path, name: str) -> None:
    file = io.BytesIO()
    np.save(file, np.array([A, B]))
    (copy / name).write_bytes(file.getvalue())
    with pytest.raises(CleaningError, match="can't be looked into"):
        clean(copy)
    assert A in column(copy, "id")


def test_plain_text_under_any_name_is_cleaned(copy: Path) -> None:
    (copy / ".gitattributes").write_text("*.parquet lfs\n", "utf-8")
    (copy / "NOTES").write_text(f"x{A}\nand {B}\n", "utf-8")
    clean(copy)
    assert (copy / "NOTES").read_text("utf-8") == f"and {B}\n"
    assert (copy / ".gitattributes").read_text("utf-8") == "*.parquet lfs\n"


def test_a_copy_of_ser30k_loses_the_annotations_of_what_goes_alone(tmp_path: Path) -> None:
    names, folder = ["T1/1.png", "T2/1.png", "T2/11.png", "T3/7.png"], tmp_path / "copy"
    entries = []
    for number, name in enumerate(names):
        topic, file = name.split("/")
        (folder / "Images" / topic).mkdir(parents=True, exist_ok=True)
        (folder / "Images" / name).write_bytes(b"picture %d" % number)
        entries.append({"topic": topic, "file_name": file, "text": "a", "anno": 1})
    (folder / "Annotations").mkdir()
    (folder / "Annotations" / "all.json").write_text(json.dumps({"annotations": entries}), "utf-8")
    ids = [hashlib.sha256(b"picture %d" % n).hexdigest() for n in range(4)]
    table = pa.table({"file": names, "id": ids, "split": ["train", "train", "test", "test"]})
    pq.write_table(table, folder / "stickers.parquet")
    (folder / "profile.json").write_text('{"rows": {"train": 2, "test": 2}}', "utf-8")
    (folder / "SHA256SUMS").write_text("", "utf-8")
    clean(folder, TakenDown(frozenset({ids[0], ids[3]})))
    left = json.loads((folder / "Annotations" / "all.json").read_text("utf-8"))["annotations"]
    assert left == entries[1:3]
    assert json.loads((folder / "profile.json").read_text("utf-8"))["rows"] == {
        "train": 1, "test": 1
    }  # fmt: skip
    assert sorted(path.name for path in folder.rglob("*.png")) == ["1.png", "11.png"]
    assert pq.read_table(folder / "stickers.parquet")["id"].to_pylist() == ids[1:3]


def test_names_of_met_meme_are_those_of_its_language(tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    for language, data in (("E", b"english"), ("C", b"chinese")):
        (folder / f"{language}images").mkdir(parents=True)
        (folder / f"{language}images" / "1.jpg").write_bytes(data)
        text = "file_name,text\n1.jpg,开心\n2.jpg,a\n"
        (folder / f"{language}_text.csv").write_bytes(text.encode("gb18030"))
    (folder / "SHA256SUMS").write_text("", "utf-8")
    clean(folder, TakenDown(frozenset({hashlib.sha256(b"chinese").hexdigest()})))
    assert b"1.jpg" in (folder / "E_text.csv").read_bytes()
    assert (folder / "C_text.csv").read_bytes() == b"file_name,text\n2.jpg,a\n"


def test_tar_shards_lose_the_members_of_what_goes(tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    path = folder / "data" / "test-00000-of-00001.tar"
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:", format=tarfile.USTAR_FORMAT) as tar:
        for id_ in (A, SECOND, LAST):
            row = json.dumps({"id": id_, "template_id": A}, sort_keys=True).encode()
            for name, data in (("gif", b"picture"), ("json", row)):
                member = tarfile.TarInfo(f"{id_}.{name}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    (folder / "profile.json").write_text('{"rows": {"test": 3}}', "utf-8")
    (folder / "SHA256SUMS").write_text("", "utf-8")
    clean(folder)
    assert A.encode() not in path.read_bytes()
    with tarfile.open(path) as tar:
        assert tar.getnames() == [f"{id_}.{k}" for id_ in (SECOND, LAST) for k in ("gif", "json")]
        told = tar.extractfile(f"{LAST}.json")
        assert told is not None
        assert json.loads(told.read())["template_id"] == SECOND
    assert json.loads((folder / "profile.json").read_text("utf-8"))["rows"] == {"test": 2}
    assert plan_cleaning(folder, GONE, {}).is_empty


def test_a_tar_file_that_is_none_is_refused(copy: Path) -> None:
    (copy / "data" / "train.tar").write_bytes(b"no tar" * 200)
    with pytest.raises(CleaningError, match="tar"):
        clean(copy)


def test_modules_of_the_exported_file_share_no_name() -> None:
    seen: dict[str, str] = {}
    for module in exporting._MODULES:
        for node in ast.parse(Path(str(module.__file__)).read_text("utf-8")).body:
            names = [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
            if isinstance(node, ast.Assign):
                names = [n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)]
            for name in names:
                assert seen.setdefault(name, module.__name__) == module.__name__


@given(st.text("0af", max_size=40), st.text("0afx ", max_size=40))
def test_ids_are_found_wherever_they_begin(before: str, after: str) -> None:
    assert A in ids_in(before + A + after)


@given(st.text(max_size=20), st.text(max_size=20))
def test_words_stand_between_blanks(before: str, after: str) -> None:
    assert stands_in(f"{before} T1/1.png {after}", "T1/1.png")
    assert not stands_in("T1/1.png2 aT1/1.png T1/1.png.bak", "T1/1.png")


def test_a_name_that_files_share_is_told_apart_by_what_stands_beside() -> None:
    files = RemovedFiles(["Images/T1/1.png"], ["Images/T2/1.png", "Images/T2/2.png"])
    assert files.is_called("1.png", ["T1"])
    assert files.is_called("T1/1.png")
    assert files.is_called("/home/me/copy/Images/T1/1.png")
    assert not files.is_called("1.png", ["T2", ""])
    assert not files.is_called("T2/1.png", ["T1/1.png"])
