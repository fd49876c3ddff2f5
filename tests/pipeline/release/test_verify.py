"""Verification finds what was planted, and nothing where there is nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.datasets.release import read_groups
from pipeline.engine.errors import StickerworksError
from pipeline.release.build import Release
from pipeline.release.checksums import CHECKSUMS, write_checksums
from pipeline.release.features import LATER, features_of
from pipeline.release.verify import verify_release
from schemas.release import COLUMNS

TRAIN = "data/train-00000-of-00002.parquet"
TEST = "data/test-00000-of-00001.parquet"


@pytest.fixture
def copy(released: Release, tmp_path: Path) -> Path:
    """A copy of a sound release, to be spoilt."""
    return Path(shutil.copytree(released.path, tmp_path / "copy"))


def rewrite(folder: Path, name: str, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Change the rows of a shard as an insider would: checksums are made anew."""
    table = pq.read_table(folder / name)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), folder / name)
    write_anew(folder)


def write_anew(folder: Path) -> None:
    (folder / CHECKSUMS).unlink()
    write_checksums(folder)


def test_a_fresh_release_is_sound(released: Release) -> None:
    found = verify_release(released.path)
    assert found.problems == ()
    assert (found.rows, found.files) == (released.rows, 4)


@pytest.mark.parametrize("name", [TRAIN, "README.md", "plots/frames.png", "decisions.parquet"])
def test_one_changed_byte_is_found(copy: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    assert any(f"{name} has changed" in problem for problem in verify_release(copy).problems)


def test_missing_unlisted_and_cut_files_are_found(copy: Path) -> None:
    (copy / "tagset.json").unlink()
    (copy / "extra.bin").write_bytes(b"x")
    (copy / TEST).write_bytes((copy / TEST).read_bytes()[:-100])
    problems = verify_release(copy).problems
    assert "tagset.json is missing" in problems
    assert f"extra.bin is not listed in {CHECKSUMS}" in problems
    assert any(problem.startswith(f"{TEST} can't be read to its end") for problem in problems)
    assert "README.md says 6 rows of test, its shards hold 0" in problems


def test_a_lost_shard_is_found_by_the_card(copy: Path) -> None:
    (copy / TRAIN).unlink()
    write_anew(copy)
    assert verify_release(copy).problems == ("README.md says 36 rows of train, its shards hold 16",)


@pytest.mark.parametrize("column", ["duplicate_group", "template_id"])
def test_a_leak_is_found(copy: Path, column: str) -> None:
    rewrite(copy, TRAIN, lambda rows: rows[0].update({column: "shared"}))
    rewrite(copy, TEST, lambda rows: rows[3].update({column: "shared"}))
    assert verify_release(copy).problems == (f"{column} shared stands in test and train: a leak",)


def test_templates_within_one_split_and_absent_ones_are_no_leak(copy: Path) -> None:
    rewrite(copy, TRAIN, lambda rows: [row.update(template_id="t") for row in rows])
    rewrite(copy, TEST, lambda rows: [row.update(template_id=None) for row in rows])
    assert verify_release(copy).problems == ()


def test_a_sticker_in_two_splits_is_found(copy: Path) -> None:
    stolen = pq.read_table(copy / TRAIN).to_pylist()[0]
    rewrite(copy, TEST, lambda rows: rows.__setitem__(0, stolen))
    problems = verify_release(copy).problems
    assert any(f"sticker {stolen['id']} stands in the release twice" in p for p in problems)
    assert f"id {stolen['id']} stands in test and train: a leak" in problems


def test_bytes_of_another_sticker_are_found(copy: Path) -> None:
    rewrite(copy, TEST, lambda rows: rows[1]["image"].update(bytes=b"GIF89a"))
    assert any("are not those of its id" in problem for problem in verify_release(copy).problems)


def test_a_shard_with_another_schema_is_found(copy: Path) -> None:
    table = pq.read_table(copy / TEST)
    pq.write_table(table.drop_columns(["entropy"]), copy / TEST)
    write_anew(copy)
    assert any("another schema" in p and "entropy" in p for p in verify_release(copy).problems)
    pq.write_table(table.replace_schema_metadata(None), copy / TEST)
    write_anew(copy)
    problems = verify_release(copy).problems
    assert any("another schema" in problem and "features" in problem for problem in problems)


@pytest.mark.parametrize("column", ["tags", "licence", "source_urls"])
def test_a_column_that_all_shards_lack_or_have_otherwise_is_found(copy: Path, column: str) -> None:
    for path in sorted((copy / "data").glob("*.parquet")):
        rows = pq.read_table(path)
        place = rows.schema.get_field_index(column)
        numbers = pa.array(range(len(rows)))
        changed = rows.set_column(place, column, numbers) if column == "tags" else (
            rows.drop_columns([column])
        )  # fmt: skip
        pq.write_table(changed, path)
    write_anew(copy)
    told = [
        line for line in verify_release(copy).problems if "other columns than a release" in line
    ]
    assert len(told) == 4
    assert all(column in line for line in told)


def test_shards_of_earlier_versions_are_sound(copy: Path) -> None:
    kept = [name for name, *_ in COLUMNS if name not in LATER]
    features = features_of([column for column in COLUMNS if column[0] in kept])
    for path in (copy / "data").glob("*.parquet"):
        pq.write_table(pq.read_table(path).select(kept).cast(features.arrow_schema), path)
    write_anew(copy)
    assert verify_release(copy).problems == ()


def test_ids_that_are_none_are_found(copy: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[0].update(id=None, image=None)
        rows[1].update(id="../../x", image=None)

    rewrite(copy, TEST, change)
    assert verify_release(copy).problems == (
        f"{TEST}: a row has no id", f"{TEST}: the id '../../x' is no sha256",
    )  # fmt: skip


@pytest.mark.parametrize(
    "name", ["croissant.json", "decisions.parquet", "legal/legal.json", "legal/index.html"]
)
def test_files_that_every_release_has_are_missed(copy: Path, name: str) -> None:
    (copy / name).unlink()
    write_anew(copy)
    assert verify_release(copy).problems == (f"{name} is missing, which every release has",)
    excuse = {"croissant.json": "fetched.json", "legal/index.html": "taken_down.csv"}.get(name)
    if excuse:
        (copy / excuse).write_text("")
        write_anew(copy)
        assert verify_release(copy).problems == ()


@pytest.mark.parametrize("column", ["ocr_text", "duplicate_group"])
def test_texts_that_are_no_utf8_are_found_and_told_by_readers(copy: Path, column: str) -> None:
    rows = pq.read_table(copy / TEST)
    wrong = pa.array([b"\xff\xfe"] * len(rows)).view(pa.string())
    place = rows.schema.get_field_index(column)
    pq.write_table(rows.set_column(place, rows.schema.field(column), wrong), copy / TEST)
    write_anew(copy)
    assert any(f"{TEST} can't be read" in line for line in verify_release(copy).problems)
    with pytest.raises(StickerworksError, match="can't be read to its end"):
        list(read_groups(copy, "test", [column]))


@pytest.mark.parametrize(
    "splits", ["[{name: 5, num_examples: 6}]", "[{name: test, num_examples: x}]"]
)
def test_a_card_with_odd_splits_is_told(copy: Path, splits: str) -> None:
    (copy / "README.md").write_text(f"---\ndataset_info: {{splits: {splits}}}\n---\n")
    write_anew(copy)
    assert verify_release(copy).problems == (
        "README.md doesn't say how many rows there are: TypeError",
    )


def test_checksums_that_point_outside_are_refused(copy: Path) -> None:
    with (copy / CHECKSUMS).open("a") as file:
        file.write(f"{'0' * 64}  ../../etc/passwd\n{'0' * 64}  /etc/passwd\nnonsense\n")
    problems = verify_release(copy).problems
    assert len([p for p in problems if "is not a checksum of a file" in p]) == 3


def test_missing_checksums_and_card_are_problems(copy: Path) -> None:
    (copy / CHECKSUMS).unlink()
    (copy / "README.md").write_text("# no front matter\n")
    problems = verify_release(copy).problems
    assert problems[0] == f"{CHECKSUMS} is missing"
    assert problems[1].startswith("README.md doesn't say how many rows")


def test_no_release_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match="no release at"):
        verify_release(tmp_path / "nowhere")
