"""What strangers load a release with: datasets, pandas, pyarrow, mlcroissant, sha256sum."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import mlcroissant
import pandas as pd
import pyarrow.dataset as ds
from PIL import Image

from pipeline.release.build import Release


def test_datasets_loads_the_folder_with_animated_images(
    released: Release, drawn: Any, tmp_path: Path
) -> None:
    loaded = datasets.load_dataset(str(released.path), cache_dir=str(tmp_path))
    assert {split: rows.num_rows for split, rows in loaded.items()} == released.rows
    seen: Counter[tuple[str, int]] = Counter()
    for row in loaded["train"]:
        if row["image"] is not None:
            assert isinstance(row["image"], Image.Image)
            seen[row["format"], getattr(row["image"], "n_frames", 1)] += 1
    assert set(seen) == {("gif", 3), ("webp", 3), ("apng", 3), ("png", 1)}
    raw = loaded["train"].cast_column("image", datasets.Image(decode=False))
    assert raw[0]["image"]["bytes"] == drawn.bytes[drawn.ids.index(raw[0]["id"])]


def test_pandas_and_pyarrow_read_the_shards(released: Release, drawn: Any) -> None:
    frame = pd.read_parquet(released.path / "data")
    assert len(frame) == 54
    assert list(frame.set_index("id").loc[drawn.ids[0], "tags"]) == [drawn.tags[0]]
    table = ds.dataset(released.path / "data").to_table(filter=ds.field("format") == "gif")
    assert table.num_rows == 15


def test_mlcroissant_validates_and_reads(released: Release, drawn: Any) -> None:
    metadata = mlcroissant.Dataset(released.path / "croissant.json")
    assert not metadata.metadata.ctx.issues.errors
    records = list(metadata.records("default"))
    assert len(records) == 54
    by_id = {record["default/id"].decode(): record for record in records}
    assert set(by_id) <= set(drawn.ids)
    assert by_id[drawn.ids[0]]["default/width"] == 40


def test_sha256sum_agrees(released: Release) -> None:
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    done = subprocess.run(command, cwd=released.path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    names = [line[66:] for line in (released.path / "SHA256SUMS").read_text().splitlines()]
    assert names == sorted(names)
    present = {p.relative_to(released.path).as_posix() for p in released.path.rglob("*.*")}
    assert set(names) == {name for name in present if not (released.path / name).is_dir()}


def test_plots_are_pictures(released: Release) -> None:
    plots = sorted((released.path / "plots").iterdir())
    assert [plot.name for plot in plots] == [
        "caption_cloud_en.png",
        "caption_lengths.png",
        "caption_words.png",
        "domains.png",
        "frames.png",
        "funnel.png",
        "long_tail.png",
        "tag_cloud.png",
        "tags_per_sticker.png",
        "top_tags.png",
        "trigger_words.png",
    ]
    for plot in plots:
        with Image.open(plot) as image:
            assert len(image.convert("RGB").getcolors(1 << 24)) > 2, f"{plot.name} is blank"
