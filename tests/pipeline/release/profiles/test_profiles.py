"""Profiles hold what their release says, and two of one release are the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.datasets.emotion_layouts import MET_MEME, SER30K
from pipeline.datasets.image_tables import VSD2M
from pipeline.datasets.layout import read_every
from pipeline.datasets.sticker820k import LAYOUT as STICKER820K
from pipeline.engine.decoding.measured import measure
from pipeline.engine.errors import StickerworksError
from pipeline.release.build import Release
from pipeline.release.features import LATER
from pipeline.release.profiles.known import PROFILES, find_profile
from pipeline.release.profiles.make import MadeProfile, make_profile, verify_folder
from schemas.config import DecodeConfig, ReleaseConfig

Export = Callable[..., MadeProfile]

FORMS = [
    *((name, False) for name in PROFILES if name != "full"),
    *((name, True) for name, profile in PROFILES.items() if profile.parquet),
]
WITH_IMAGE = 46
_ELSEWHERE = """
import sys
from pathlib import Path
from pipeline.release.features import LATER
from pipeline.release.profiles.known import find_profile
from pipeline.release.profiles.make import make_profile
from pipeline.release.profiles.profile import ExportRun
for form in sys.argv[3:]:
    name, webdataset = form.split()
    profile = find_profile(name, webdataset=webdataset == "True")
    make_profile(Path(sys.argv[1]), profile, Path(sys.argv[2], form), ExportRun(workers=1))
"""


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    files = sorted((folder / "data").glob("*.parquet"))
    return {row["id"]: row for file in files for row in pq.read_table(file).to_pylist()}


def test_made_elsewhere_by_other_workers_they_are_the_same_bytes(
    labelled: Release, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(labelled.path, tmp_path / "some" / "other name"))
    forms = [f"{name} {webdataset}" for name, webdataset in FORMS]
    command = [sys.executable, "-c", _ELSEWHERE, str(copy), str(tmp_path / "there"), *forms]
    where = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    assert subprocess.run(command, env=where, check=False).returncode == 0
    for name, webdataset in FORMS:
        profile = find_profile(name, webdataset=webdataset)
        here = make_profile(labelled.path, profile, tmp_path / profile.form)
        found = verify_folder(here.path)
        assert (found.problems, found.rows) == ((), here.rows)
        assert contents(here.path) == contents(tmp_path / "there" / f"{name} {webdataset}")


def test_configuration_names_every_profile() -> None:
    kinds = ReleaseConfig.model_fields["profiles"].annotation
    assert all(f"'{name}'" in str(kinds) for name in PROFILES)


def test_stickertag_has_the_key_frames_of_the_filter_and_none_without_an_image(
    labelled: Release, export: Export
) -> None:
    made = export("stickertag")
    full, rows = rows_of(labelled.path), rows_of(made.path)
    assert rows.keys() == full.keys()
    assert sum(bool(row["key_frames"]) for row in rows.values()) == WITH_IMAGE
    for id_, row in rows.items():
        frames = [frame["bytes"] for frame in row["key_frames"]]
        data = full[id_]["image"] and full[id_]["image"]["bytes"]
        measured = measure(data, full[id_]["format"], DecodeConfig()).key_frames if data else ()
        assert frames == [frame["jpeg"] for frame in measured or ()]
        for name in ("tags", "content", "style", "role", "action", "label_status", "licence"):
            assert row[name] == full[id_][name]


@pytest.mark.parametrize("name", ["vsd2m", "sticker820k"])
def test_columns_are_those_of_the_release(labelled: Release, export: Export, name: str) -> None:
    full, rows = rows_of(labelled.path), rows_of(export(name).path)
    assert rows.keys() == full.keys()
    for id_, row in rows.items():
        for column in PROFILES[name].columns:
            values = [full[id_].get(origin) for origin in column.origins]
            first = next((value for value in values if value is not None), None)
            assert row[column.name] == first
    if name == "sticker820k":
        assert {"长", "s"} == {row["description"][0] for row in rows.values() if row["description"]}


def test_webdataset_has_a_member_for_each_picture_and_one_for_the_rest(
    labelled: Release, export: Export
) -> None:
    made = export("full", webdataset=True)
    full, seen = rows_of(labelled.path), dict[str, dict[str, bytes]]()
    for path in sorted((made.path / "data").iterdir()):
        with tarfile.open(path) as tar:
            for member in tar:
                id_, _, extension = member.name.partition(".")
                opened = tar.extractfile(member)
                assert opened is not None
                assert (member.mtime, member.uid, member.uname) == (0, 0, "")
                seen.setdefault(id_, {})[extension] = opened.read()
    assert seen.keys() == full.keys()
    for id_, members in seen.items():
        image = full[id_].pop("image")
        assert json.loads(members.pop("json")) == full[id_]
        kind = {"apng": "png"}.get(full[id_]["format"], full[id_]["format"])
        assert members == ({} if image is None else {kind: image["bytes"]})


@pytest.mark.parametrize(
    ("name", "layout"),
    [("ser30k", SER30K), ("met-meme", MET_MEME), ("sticker820k-lmdb", STICKER820K)],
)
def test_layouts_of_annotation_files_hold_what_has_an_image_and_a_label(
    export: Export, name: str, layout: Any
) -> None:
    made = export(name)
    found = list(read_every(layout, made.path))
    assert len(found) == sum(made.rows.values())
    assert sum(made.rows.values()) + sum(made.left_out.values()) == 54
    assert made.left_out["the release carries no image"] == 54 - WITH_IMAGE
    puzzled = sum(count for reason, count in made.left_out.items() if "seven" in reason)
    assert (puzzled > 0) == (name != "sticker820k-lmdb")


def test_views_reach_the_annotations_that_mghft_reads(export: Export) -> None:
    made = export("ser30k")
    texts = [row.texts for row in read_every(SER30K, made.path)]
    assert any(text["intention"].startswith("The sticker's intention: greets") for text in texts)
    trapped = [text for text in texts if "a trap" in text["intention"]]
    assert [text["overall_style"] for text in trapped] == ["The sticker's style: flat"]
    assert "character_details" not in trapped[0]


def test_releases_of_earlier_versions_have_profiles(labelled: Release, tmp_path: Path) -> None:
    old = Path(shutil.copytree(labelled.path, tmp_path / "old"))
    for path in (old / "data").iterdir():
        table = pq.read_table(path)
        pq.write_table(table.drop_columns([*LATER]), path)
    for name in ("stickertag", "vsd2m", "ser30k"):
        made = make_profile(old, find_profile(name), tmp_path / name)
        assert not [p for p in verify_folder(made.path).problems if "SHA256SUMS" not in p]


def test_import_takes_in_what_vsd2m_holds(labelled: Release, export: Export) -> None:
    full = rows_of(labelled.path)
    taken = {row.id: row for row in read_every(VSD2M, export("vsd2m").path)}
    assert taken.keys() == full.keys()
    for id_, row in taken.items():
        assert row.trigger_words == tuple(full[id_]["trigger_words"])
        assert row.texts.get("description_en") == full[id_]["description_en"]
        assert (row.data is None) == (full[id_]["image"] is None)


def test_a_profile_that_is_there_is_found_and_anything_else_is_left_alone(
    labelled: Release, export: Export, tmp_path: Path
) -> None:
    assert not export("vsd2m").up_to_date
    assert export("vsd2m").up_to_date
    with pytest.raises(StickerworksError, match="is not this profile of this release"):
        export("sticker820k")
    (tmp_path / "made" / "README.md").write_text("mine", "utf-8")
    with pytest.raises(StickerworksError, match="changed after it was made"):
        export("vsd2m")
    with pytest.raises(StickerworksError, match="is not this profile"):
        make_profile(labelled.path, find_profile("vsd2m"), tmp_path)
    assert (tmp_path / "made" / "README.md").read_text("utf-8") == "mine"


def test_nothing_is_written_into_a_release(labelled: Release) -> None:
    for target in (labelled.path, labelled.path / "data" / "mine"):
        with pytest.raises(StickerworksError, match="lies in the release"):
            make_profile(labelled.path, find_profile("vsd2m"), target)


def test_names_of_no_profile_are_told() -> None:
    with pytest.raises(StickerworksError, match="no profile 'stickertags'.*stickertag, vsd2m"):
        find_profile("stickertags")
    with pytest.raises(StickerworksError, match="is the release itself"):
        find_profile("full")
    with pytest.raises(StickerworksError, match="WebDataset has no place"):
        find_profile("ser30k", webdataset=True)
