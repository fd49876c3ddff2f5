"""Profiles take what people answered first, and say who said it."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.datasets.emotion_layouts import MET_MEME, SER30K
from pipeline.datasets.layout import read_every
from pipeline.datasets.sticker820k import LAYOUT as STICKER820K
from pipeline.release.build import Release
from pipeline.release.profiles.known import find_profile
from pipeline.release.profiles.make import make_profile, verify_folder

VOTED = "people's answers to the question emotion"


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    files = sorted((folder / "data").glob("*.parquet"))
    return {row["id"]: row for file in files for row in pq.read_table(file).to_pylist()}


def with_image(release: Release) -> dict[str, dict[str, Any]]:
    return {id_: row for id_, row in rows_of(release.path).items() if row["image"]}


@pytest.mark.parametrize(("name", "layout"), [("ser30k", SER30K), ("met-meme", MET_MEME)])
def test_emotions_are_those_that_people_answered(
    answered: Release, tmp_path: Path, name: str, layout: Any
) -> None:
    made = make_profile(answered.path, find_profile(name), tmp_path / "made")
    assert verify_folder(made.path).problems == ()
    rows = with_image(answered)
    emotions = {Path(row.id).stem: row.targets for row in read_every(layout, made.path)}
    answers = {id_: row["voted_emotion"] for id_, row in rows.items() if row["voted_emotion"]}
    voted = {id_ for id_, answer in answers.items() if answer in layout.classes}
    assert voted
    assert not emotions.keys() & (answers.keys() - voted), "what a model says isn't asked then"
    assert all(emotions[id_] == {rows[id_]["voted_emotion"]} for id_ in voted)
    others = {id_: row["emotion"] for id_, row in rows.items() if id_ not in answers}
    said = {id_: emotion for id_, emotion in others.items() if emotion in layout.classes}
    assert said
    assert all(emotions[id_] == {said[id_]} for id_ in said)
    who = json.loads((made.path / "profile.json").read_text("utf-8"))["said_by"]
    assert who == {VOTED: len(voted), "a model or data set (emotion)": len(said)}
    card = (made.path / "README.md").read_text("utf-8")
    assert f"question emotion | {len(voted)} |" in card


def test_sticker820k_has_the_classes_that_people_chose(answered: Release, tmp_path: Path) -> None:
    made = make_profile(answered.path, find_profile("sticker820k"), tmp_path / "made")
    assert verify_folder(made.path).problems == ()
    full, rows = rows_of(answered.path), rows_of(made.path)
    for id_, row in rows.items():
        assert row["emotion"] == (full[id_]["voted_emotion"] or full[id_]["emotion"])
        assert row["style"] == "cartoon", "several styles are no class"
    lmdb = make_profile(answered.path, find_profile("sticker820k-lmdb"), tmp_path / "lmdb")
    assert verify_folder(lmdb.path).problems == ()
    found = Counter(row.texts.get("emotion") for row in read_every(STICKER820K, lmdb.path))
    expected = Counter(
        row["voted_emotion"] or row["emotion"] for row in with_image(answered).values()
    )
    assert found == expected


def test_webdataset_of_everything_has_the_answers(answered: Release, tmp_path: Path) -> None:
    profile = find_profile("full", webdataset=True)
    made = make_profile(answered.path, profile, tmp_path / "made")
    assert verify_folder(made.path).problems == ()
    full = rows_of(answered.path)
    with tarfile.open(sorted((made.path / "data").glob("*.tar"))[0]) as tar:
        name = next(name for name in tar.getnames() if name.endswith(".json"))
        opened = tar.extractfile(name)
        assert opened is not None
        row = json.loads(opened.read())
    wanted = full[row["id"]]
    wanted.pop("image")
    assert row == wanted
    assert "voted_style_agreement" in row
    (made.path / "questions.json").write_text("[", encoding="utf-8")
    assert "doesn't say what was asked" in " ".join(verify_folder(made.path).problems)
