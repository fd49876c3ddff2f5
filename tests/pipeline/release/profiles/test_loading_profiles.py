"""What strangers load profiles with: datasets, pandas, pyarrow, DuckDB, Polars, WebDataset."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import mlcroissant
import pandas as pd
import pyarrow.dataset as ds
import pytest
from PIL import Image

from pipeline.release.build import Release
from pipeline.release.profiles.known import PROFILES
from pipeline.release.profiles.make import MadeProfile

Export = Callable[..., MadeProfile]

ROWS = 54
PARQUET = [name for name, profile in PROFILES.items() if profile.parquet and name != "full"]
PICTURES = {name: "key_frames" if name == "stickertag" else "image" for name in PARQUET}


@pytest.mark.parametrize("name", PARQUET)
def test_datasets_loads_every_profile_and_its_pictures_move(
    export: Export, tmp_path: Path, name: str
) -> None:
    made = export(name)
    loaded = datasets.load_dataset(str(made.path), cache_dir=str(tmp_path / "cache"))
    assert {split: rows.num_rows for split, rows in loaded.items()} == made.rows
    assert loaded["train"].column_names == [column.name for column in PROFILES[name].columns]
    for row in loaded["train"]:
        found = row[PICTURES[name]]
        if name == "stickertag":
            assert all(frame.format == "JPEG" for frame in found)
            assert len(found) <= 3
        elif found is not None:
            still = row["format"] == "png"
            assert getattr(found, "n_frames", 1) == (1 if still else 3)


def test_the_cast_that_cards_tell_of_keeps_every_frame(export: Export, tmp_path: Path) -> None:
    made = export("vsd2m")
    train = datasets.load_dataset(str(made.path), cache_dir=str(tmp_path / "c"), split="train")
    train = train.cast_column("image", datasets.Image(decode=False))
    kept = train.map(lambda row: {"image": row["image"]})
    assert [row["image"] for row in kept] == [row["image"] for row in train]
    assert "datasets.Image(decode=False)" in (made.path / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", PARQUET)
def test_pandas_and_pyarrow_read_every_profile(export: Export, name: str) -> None:
    data = export(name).path / "data"
    frame = pd.read_parquet(data)
    columns = [column.name for column in PROFILES[name].columns]
    assert (len(frame), list(frame.columns)) == (ROWS, columns)
    table = ds.dataset(data).to_table(filter=ds.field("format") == "gif")
    assert table.num_rows == 15


@pytest.mark.parametrize("name", PARQUET)
def test_mlcroissant_validates_and_reads_every_profile(export: Export, name: str) -> None:
    metadata = mlcroissant.Dataset(export(name).path / "croissant.json")
    assert not metadata.metadata.ctx.issues.errors
    records = list(metadata.records("default"))
    assert len({record["default/id"] for record in records}) == ROWS
    pictures = [record[f"default/{PICTURES[name]}"] for record in records]
    first = next(found for found in pictures if found is not None and found != [])
    assert isinstance(first[0] if name == "stickertag" else first, Image.Image)


@pytest.mark.parametrize("name", PARQUET)
def test_duckdb_reads_every_profile(export: Export, name: str) -> None:
    duckdb: Any = pytest.importorskip("duckdb")
    data = export(name).path / "data" / "*.parquet"
    rows = duckdb.sql(f"select format, count(*) from '{data}' group by all").fetchall()
    assert sum(count for _, count in rows) == ROWS
    column = "key_frames[1].bytes" if name == "stickertag" else "image.bytes"
    asked = f"select {column} from '{data}' where format = 'gif' and {column} is not null"
    assert Image.open(io.BytesIO(duckdb.sql(f"{asked} limit 1").fetchall()[0][0])).format in (
        "GIF",
        "JPEG",
    )


@pytest.mark.parametrize("name", PARQUET)
def test_polars_reads_every_profile(export: Export, name: str) -> None:
    polars: Any = pytest.importorskip("polars")
    frame = polars.read_parquet(export(name).path / "data" / "*.parquet")
    assert frame.height == ROWS
    assert frame.columns == [column.name for column in PROFILES[name].columns]
    column = polars.col(PICTURES[name])
    picture = column.list.first() if name == "stickertag" else column
    found = frame.select(picture.struct.field("bytes")).drop_nulls()
    assert Image.open(io.BytesIO(found.item(0, 0))).format in ("GIF", "JPEG", "PNG", "WEBP")


@pytest.mark.parametrize("name", ["full", *PARQUET])
def test_webdataset_reads_every_profile(export: Export, labelled: Release, name: str) -> None:
    webdataset: Any = pytest.importorskip("webdataset")
    made = export(name, webdataset=True)
    for split, rows in made.rows.items():
        shards = sorted(map(str, (made.path / "data").glob(f"{split}-*.tar")))
        samples = list(webdataset.WebDataset(shards, shardshuffle=False).decode())
        assert len(samples) == rows
        assert all(sample["json"]["id"] == sample["__key__"] for sample in samples)
        moving = [Image.open(io.BytesIO(s["gif"])).n_frames for s in samples if "gif" in s]
        framed = ["key_frame_0.jpg" in sample for sample in samples]
        assert all(count == 3 for count in moving)
        assert any(framed) if name == "stickertag" else len(moving) > 0
