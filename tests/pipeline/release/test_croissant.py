"""Croissant of any columns: mlcroissant validates it, reads it, and finds splits in it."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import mlcroissant
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipeline.release.build import Release
from pipeline.release.croissant import Contents, Label, Making, croissant_json, read_shards
from schemas.release import COLUMNS as RELEASED
from schemas.tables import DESCRIPTION_FIELDS

COLUMNS = (
    ("id", "string", "the id"),
    ("image", "image", "a picture"),
    ("key_frames", "[image]", "pictures"),
    ("tags", "[string]", "tags"),
)


def picture(colour: int) -> dict[str, Any]:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), (colour, 0, 0)).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": None}


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for split, count in (("train", 3), ("test", 2)):
        rows = [
            {
                "id": f"{split}{n}",
                "image": picture(n),
                "key_frames": [picture(n)] * n,
                "tags": ["a"],
            }
            for n in range(count)
        ]
        path = tmp_path / f"data/{split}-00000-of-00001.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)
    return tmp_path


def described(folder: Path, **more: Any) -> mlcroissant.Dataset:
    contents = Contents(
        name="cards",
        version="1.0.0",
        description="for a test",
        licence="cc-by-4.0",
        columns=COLUMNS,
        rows={"train": 3, "test": 2},
        shards=read_shards(folder),
        **more,
    )
    (folder / "croissant.json").write_text(croissant_json(contents), "utf-8")
    return mlcroissant.Dataset(folder / "croissant.json")


def test_records_of_all_splits_and_of_one(shards: Path) -> None:
    dataset = described(shards)
    assert not dataset.metadata.ctx.issues.errors
    records = list(dataset.records("default"))
    assert {row["default/id"]: row["default/split"] for row in records} == {
        b"train0": b"train", b"train1": b"train", b"train2": b"train",
        b"test0": b"test", b"test1": b"test",
    }  # fmt: skip
    by_id = {row["default/id"]: row for row in records}
    assert [frame.getpixel((0, 0)) for frame in by_id[b"train2"]["default/key_frames"]] == [
        (2, 0, 0)
    ] * 2
    some = list(dataset.records("default", filters={"default/split": "test"}))
    assert sorted(row["default/id"] for row in some) == [b"test0", b"test1"]
    splits = {row["splits/name"]: row["splits/rows"] for row in dataset.records("splits")}
    assert splits == {"train": 3, "test": 2}


def test_who_wrote_a_field_and_who_stands_behind_a_label(shards: Path) -> None:
    dataset = described(
        shards,
        made_by={"tags": [Making("votes", ("3 people",), 5, people=True)]},
        derived_from={"tags": ["image"]},
        labels=[Label("开心 | <b>", 4, 9, 3)],
    )
    text = json.loads((shards / "croissant.json").read_text("utf-8"))
    (records,) = (found for found in text["recordSet"] if found["@id"] == "default")
    (tags,) = (found for found in records["field"] if found["@id"] == "default/tags")
    assert tags["prov:wasDerivedFrom"] == [{"@id": "default/image"}]
    (made,) = tags["prov:wasGeneratedBy"]
    assert made["prov:label"] == "votes, 5 rows"
    assert made["prov:wasAssociatedWith"] == [{"@type": "prov:Person", "prov:label": "3 people"}]
    assert list(dataset.records("labels")) == [
        {"labels/tag": "开心 | <b>", "labels/rows": 4, "labels/votes": 9, "labels/annotators": 3}
    ]


def test_a_release_names_its_shards_its_makers_and_its_voters(released: Release) -> None:
    text = json.loads((released.path / "croissant.json").read_text("utf-8"))
    assert text["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    sums = {found["@id"]: found["sha256"] for found in text["distribution"] if "sha256" in found}
    assert sums == {
        f"data/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (released.path / "data").iterdir()
    }
    fields = {f["@id"]: f for found in text["recordSet"] for f in found["field"]}
    (caption,) = fields["default/caption_en"]["prov:wasGeneratedBy"]
    assert caption["prov:label"] == "writing, 53 rows"
    assert caption["prov:wasAssociatedWith"][0]["prov:label"] == "template/1"
    every = {name for name, *_ in RELEASED} | {"split"}
    told = {"prov:wasGeneratedBy", "prov:wasDerivedFrom"}
    assert {n for n in every if told & fields[f"default/{n}"].keys()} == every
    assert {n for n in every if "prov:wasGeneratedBy" not in fields[f"default/{n}"]} <= {
        "ocr_text", "tags", "test_sets", *(name for name, _ in DESCRIPTION_FIELDS)
    }  # fmt: skip
    assert "prov:wasDerivedFrom" not in fields["default/trigger_words"]
    (imported,) = fields["default/imported"]["prov:wasGeneratedBy"]
    assert imported["prov:label"] == "taking over from a data set, 54 rows"
    assert imported["prov:used"] == [{"@type": "prov:Entity", "prov:label": "set"}]
    (width,) = fields["default/width"]["prov:wasGeneratedBy"]
    assert width["prov:label"] == "measuring pixels, 54 rows"
    assert width["prov:wasAssociatedWith"][0]["prov:label"] == "stickerworks filter"
    assert text["rai:annotationsPerItem"] == (
        "3 to 3 counted votes, 3.00 on average, on 30 of 54 stickers"
    )
    assert text["rai:dataAnnotationPlatform"] == "simulated"
    dataset = mlcroissant.Dataset(released.path / "croissant.json")
    labels = {row["labels/tag"]: row for row in dataset.records("labels")}
    assert labels["cat"]["labels/rows"] == 10
    assert labels["cat"]["labels/annotators"] == 2
