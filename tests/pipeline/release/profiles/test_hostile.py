"""Releases and profiles of strangers: names that lead elsewhere, and folders that were changed."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.datasets.emotion_layouts import SER30K
from pipeline.datasets.layout import read_every
from pipeline.engine.errors import StickerworksError
from pipeline.release.build import Release
from pipeline.release.checksums import CHECKSUMS, write_checksums
from pipeline.release.profiles.annotations import STICKERS
from pipeline.release.profiles.known import find_profile
from pipeline.release.profiles.make import (
    ABOUT,
    MadeProfile,
    check_whole,
    make_profile,
    verify_folder,
)

Export = Callable[..., MadeProfile]
SHARD = "data/train-00000-of-00002.parquet"


def spoil(folder: Path, name: str, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Change the rows of a Parquet file as an insider would: checksums are made anew."""
    table = pq.read_table(folder / name)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), folder / name)
    sign(folder)


def sign(folder: Path) -> None:
    (folder / CHECKSUMS).unlink()
    write_checksums(folder)


def imported(record: dict[str, Any], name: str = "x") -> str:
    return json.dumps({"dataset": "d", "name": name, "split": None, "record": record})


@pytest.fixture
def copy(labelled: Release, tmp_path: Path) -> Path:
    return Path(shutil.copytree(labelled.path, tmp_path / "copy"))


@pytest.mark.parametrize("name", ["ser30k", "met-meme", "sticker820k-lmdb"])
def test_names_of_data_sets_lead_nowhere_and_take_nothing_from_others(
    copy: Path, tmp_path: Path, name: str
) -> None:
    table = pq.read_table(copy / SHARD, columns=["id", "format", "image"])
    carried = [row for row in table.to_pylist() if row["image"] is not None]
    first, last = (f"{row['id']}.{row['format'].replace('ap', 'p')}" for row in carried[::15][:2])
    odd = [last, "../../escaped.png", "/tmp/x", "..", "", "a\0b", "x" * 300, ".hidden", "a\nb", 7,
           first, "Same.png", "same.png", "C:\\x"]  # fmt: skip

    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["emotion"], row["label_provenance"], row["pack"] = "anger", "imported", "p1"
        with_image = [row for row in rows if row["image"] is not None]
        for row, file_name in zip(with_image, odd, strict=False):
            topic = "p1" if file_name == last else file_name
            record = {"topic": topic, "file_name": file_name, "sentiment category": "3(anger)"}
            if name == "sticker820k-lmdb":
                record = {"caption": "c"}
            row["imported"] = imported(record, str(file_name))

    spoil(copy, SHARD, change)
    before = {path for path in tmp_path.rglob("*") if copy not in path.parents}
    made = make_profile(copy, find_profile(name), tmp_path / "below" / "made")
    assert verify_folder(made.path).problems == ()
    after = {path for path in tmp_path.rglob("*") if copy not in path.parents}
    assert all(made.path in (path, *path.parents) for path in after - before - {made.path.parent})
    listed = pq.read_table(made.path / STICKERS)
    assert len(set(map(str.casefold, listed["file"].to_pylist()))) == len(listed)
    assert {row["id"] for row in carried} <= set(listed["id"].to_pylist())


@pytest.mark.parametrize("text", ["[]", "{}", "{", '{"name": "x", "record": 5}', "[" * 100_000])
def test_what_no_import_writes_is_told(copy: Path, tmp_path: Path, text: str) -> None:
    spoil(copy, SHARD, lambda rows: rows[0].update(imported=text))
    with pytest.raises(StickerworksError, match="column imported of sticker"):
        make_profile(copy, find_profile("ser30k"), tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_ids_that_are_no_sha256_are_refused(copy: Path, tmp_path: Path) -> None:
    spoil(copy, SHARD, lambda rows: rows[3].update(id="../../x"))
    for name in ("stickertag", "ser30k"):
        with pytest.raises(StickerworksError, match="id is no sha256"):
            make_profile(copy, find_profile(name), tmp_path / "made")


@pytest.mark.parametrize(
    ("text", "told"),
    [("{", "can't be read"), ("[" * 100_000, "can't be read"), ("[]", "no JSON object"),
     ('{"name": "../x", "version": "0.1.0"}', "no name"), ('{"name": "x"}', "no version")],
)  # fmt: skip
def test_names_come_from_metadata_that_can_be_read(
    copy: Path, tmp_path: Path, text: str, told: str
) -> None:
    (copy / "croissant.json").write_text(text, "utf-8")
    with pytest.raises(StickerworksError, match=told):
        make_profile(copy, find_profile("vsd2m"), tmp_path / "made")


def test_a_release_that_is_not_whole_is_told(copy: Path, tmp_path: Path) -> None:
    check_whole(copy)
    (copy / "counts.json").write_text("{}", "utf-8")
    with pytest.raises(StickerworksError, match="not as it was released"):
        check_whole(copy)
    (copy / SHARD).write_bytes((copy / SHARD).read_bytes()[:-100])
    with pytest.raises(StickerworksError, match="can't be read to its end"):
        check_whole(copy)
    with pytest.raises(StickerworksError, match="There is no release"):
        check_whole(tmp_path / "nowhere")
    with pytest.raises(StickerworksError, match="can't be read to its end"):
        make_profile(copy, find_profile("vsd2m"), tmp_path / "made")
    (copy / SHARD).unlink()
    with pytest.raises(StickerworksError, match="1 of the 2 files"):
        make_profile(copy, find_profile("vsd2m"), tmp_path / "made")
    with pytest.raises(StickerworksError, match="There is no release"):
        make_profile(tmp_path / "nowhere", find_profile("vsd2m"), tmp_path / "made")


def test_images_that_cannot_be_decoded_have_no_key_frames(copy: Path, tmp_path: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[0]["image"] = {"bytes": b"GIF89a, and no more", "path": "x"}

    spoil(copy, SHARD, change)
    made = make_profile(copy, find_profile("stickertag"), tmp_path / "made")
    row = pq.read_table(made.path / SHARD).slice(0, 1).to_pylist()[0]
    assert row["key_frames"] == []
    assert "1 images can't be decoded" in (made.path / "README.md").read_text("utf-8")


def test_verification_finds_what_was_changed_in_parquet(export: Export) -> None:
    made = export("stickertag").path

    def change(rows: list[dict[str, Any]]) -> None:
        rows[0]["key_frames"] = [{"bytes": b"\x89PNG", "path": "x"}]
        rows[1]["id"] = rows[2]["id"]
        rows[3].update(label_status="effective", tags=[])

    spoil(made, SHARD, change)
    problems = "\n".join(verify_folder(made).problems)
    assert "key frame 0 of sticker" in problems
    assert "stands in the release twice" in problems
    assert "is effective and has no tags" in problems
    table = pq.read_table(made / SHARD)
    pq.write_table(table.rename_columns(["x", *table.column_names[1:]]), made / SHARD)
    assert any("another schema than the profile" in p for p in verify_folder(made).problems)


def test_verification_finds_a_domain_and_bytes_of_others(export: Export) -> None:
    made = export("vsd2m").path

    def change(rows: list[dict[str, Any]]) -> None:
        rows[0]["domain"] = "odd"
        rows[1]["image"] = rows[2]["image"]

    spoil(made, SHARD, change)
    problems = "\n".join(verify_folder(made).problems)
    assert "neither real nor cartoon" in problems
    assert "are not those of its id" in problems


def test_verification_finds_what_was_changed_in_annotation_files(export: Export) -> None:
    made = export("ser30k").path
    files = [row.file for row in read_every(SER30K, made)]
    assert files[0] is not None
    assert files[1] is not None
    assert files[2] is not None
    files[0].write_bytes(files[1].read_bytes())
    files[2].unlink()
    for name, left in (("all_annos", -1), ("image-level/train", -2)):
        path = made / "Annotations" / f"{name}.json"
        rows = json.loads(path.read_text("utf-8"))["annotations"]
        path.write_text(json.dumps({"annotations": rows[:left]}), "utf-8")
    sign(made)
    problems = "\n".join(verify_folder(made).problems)
    assert "is not that of its id" in problems
    assert "has no image" in problems
    assert "stands in no split" in problems


def test_rows_that_are_missing_or_added_are_found(export: Export) -> None:
    made = export("sticker820k-lmdb").path
    names = (made / "train.txt").read_text("utf-8").splitlines()
    (made / "train.txt").write_text("\n".join(names[1:]), "utf-8")
    spoil(made, STICKERS, lambda rows: rows[1].update(file="other"))
    problems = verify_folder(made).problems
    assert any(names[0] in line and "stands in no split" in line for line in problems)
    assert "other is listed in stickers.parquet and isn't there" in problems
    assert any("is not listed in stickers.parquet" in problem for problem in problems)


def test_a_leak_between_splits_is_found_in_annotation_files(export: Export) -> None:
    made = export("met-meme").path
    spoil(made, STICKERS, lambda rows: rows[0].update(duplicate_group="g", split="test"))
    spoil(made, STICKERS, lambda rows: rows[1].update(duplicate_group="g"))
    problems = "\n".join(verify_folder(made).problems)
    assert "duplicate_group g stands in test and train: a leak" in problems
    assert "profile.json says" in problems


def test_rows_may_be_fewer_where_some_were_taken_down(export: Export) -> None:
    made = export("vsd2m").path
    spoil(made, SHARD, lambda rows: rows.pop())
    told = "profile.json says 36 rows of train, there are 35"
    assert told in verify_folder(made).problems
    (made / "taken_down.csv").write_text("sha256,date,reason\n", "utf-8")
    assert told not in verify_folder(made).problems
    (made / ABOUT).write_text((made / ABOUT).read_text("utf-8").replace(": 36", ": 34"), "utf-8")
    assert any("34 rows of train, there are 35" in line for line in verify_folder(made).problems)


@pytest.mark.parametrize("member", ["../../x.gif", "x.json", "a" * 64 + "/x.gif"])
def test_members_of_tar_files_that_are_not_ours_are_told(export: Export, member: str) -> None:
    made = export("vsd2m", webdataset=True).path
    path = sorted((made / "data").glob("*.tar"))[0]
    with tarfile.open(path, "a") as tar:
        tar.addfile(tarfile.TarInfo(member), io.BytesIO())
    assert any("it has the member" in problem for problem in verify_folder(made).problems)


def test_bytes_and_links_in_tar_files_are_told(export: Export) -> None:
    made = export("vsd2m", webdataset=True).path
    first, second, *_ = sorted((made / "data").glob("*.tar"))
    id_ = "a" * 64
    with tarfile.open(first, "a") as tar:
        tar.addfile(tarfile.TarInfo(f"{id_}.gif"), io.BytesIO())
    with tarfile.open(second, "a") as tar:
        link = tarfile.TarInfo(f"{id_}.gif")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    problems = "\n".join(verify_folder(made).problems)
    assert f"sticker {id_} has no JSON of its own" in problems
    assert f"the bytes of sticker {id_} are not those of its id" in problems
    assert "it has the member" in problems


def rewrite_tars(folder: Path, change: Callable[[str, dict[str, bytes]], None]) -> None:
    """Change the members of each sticker, told its split, as an insider would."""
    for path in sorted((folder / "data").glob("*.tar")):
        samples: dict[str, dict[str, bytes]] = {}
        with tarfile.open(path) as tar:
            for member in tar:
                id_, _, name = member.name.partition(".")
                file = tar.extractfile(member)
                assert file is not None
                samples.setdefault(id_, {})[name] = file.read()
        with tarfile.open(path, "w") as tar:
            for id_, members in samples.items():
                change(path.name.partition("-")[0], members)
                for name, data in members.items():
                    info = tarfile.TarInfo(f"{id_}.{name}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
    sign(folder)


def test_what_is_left_of_rows_in_tar_files_is_told(export: Export) -> None:
    made = export("full", webdataset=True).path
    assert verify_folder(made).problems == ()

    def change(split: str, members: dict[str, bytes]) -> None:
        row = json.loads(members["json"])
        bare = {"id": row["id"], "duplicate_group": "g"}
        members.clear()
        members["json"] = json.dumps(bare).encode()

    rewrite_tars(made, change)
    problems = "\n".join(verify_folder(made).problems)
    assert "duplicate_group g stands in test and train and validation: a leak" in problems
    assert "has other columns than the profile" in problems
    assert "rows without pictures, there are" in problems


@pytest.mark.parametrize(
    ("name", "told"),
    [("avif", "the bytes of sticker"), ("key_frame_0.jpg", "can't be decoded"),
     ("key_frame_7.jpg", "don't follow each other"), ("type", "has a width that is no int32"),
     ("surrogate", "has no JSON of its own")],
)  # fmt: skip
def test_odd_members_of_tar_files_are_told(export: Export, name: str, told: str) -> None:
    made = export("stickertag" if "frame" in name else "full", webdataset=True).path

    def change(split: str, members: dict[str, bytes]) -> None:
        if name == "type":
            row = json.loads(members["json"])
            members["json"] = json.dumps({**row, "width": "wide"}).encode()
        elif name == "surrogate":
            members["json"] = members["json"].replace(b'"tags": [', b'"tags": ["\\ud800", ')
        else:
            members[name] = b"other"

    rewrite_tars(made, change)
    assert told in "\n".join(verify_folder(made).problems)


@pytest.mark.parametrize("text", ["{", "[]", '{"profile": "none"}', "[" * 100_000, "x" * 2_000_000])
def test_a_description_that_is_not_ours_is_told(export: Export, text: str) -> None:
    made = export("vsd2m").path
    (made / ABOUT).write_text(text, "utf-8")
    with pytest.raises(StickerworksError, match="isn't what we write"):
        verify_folder(made)
