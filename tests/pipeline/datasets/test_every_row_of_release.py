"""A release of ours, imported: effective tags, no template, and what it was imported from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from image_tables import picture

from pipeline.datasets.layout import Row, read_every
from pipeline.datasets.release import LAYOUT
from pipeline.engine.errors import StickerworksError
from pipeline.release.features import release_schema

SAID: dict[str, Any] = {
    "id": "a" * 64, "tags": ["猫"], "label_status": "effective", "suggested_tags": ["狗"],
    "simulated": False, "caption_en": "a cat", "captioner": "openai", "trigger_words": ["cat"],
    "authors": ["ann", "bob"], "licence": "CC0", "licence_basis": "item", "ocr_text": "哈",
    "imported": '{"dataset": "ser30k"}', "keywords": [], "test_sets": ["vsd_r"],
}  # fmt: skip


def written(folder: Path, split: str = "train", **changes: Any) -> Path:
    row = {**SAID, "image": {"bytes": picture(1), "path": "a.png"}, **changes}
    (folder / "data").mkdir(exist_ok=True)
    table = pa.Table.from_pylist([row], schema=release_schema())
    pq.write_table(table, folder / f"data/{split}-00000-of-00001.parquet")
    return folder


def only(folder: Path) -> Row:
    (row,) = read_every(LAYOUT, folder)
    return row


def test_it_says_all_that_a_release_says(tmp_path: Path) -> None:
    row = only(written(tmp_path, "test"))
    assert (row.id, row.data, row.split) == ("a" * 64, picture(1), "test")
    assert (row.targets, row.trigger_words) == (frozenset({"猫"}), ("cat",))
    assert row.texts == {"caption_en": "a cat", "captioner": "openai", "ocr_text": "哈"}
    assert row.test_sets == ("vsd_r",)
    assert row.origin == {"licence": "CC0", "licence_basis": "item", "author": "ann"}
    assert row.record == {"label_status": "effective", "captioner": "openai",
                          "imported": '{"dataset": "ser30k"}'}  # fmt: skip


def test_suggestions_are_no_labels_and_templates_no_captions(tmp_path: Path) -> None:
    row = only(written(tmp_path, label_status="adjudicate", captioner="template", image=None))
    assert (row.targets, "caption_en" in row.texts) == (frozenset(), False)
    assert (row.data, row.problem) == (None, "the release carries no bytes")


def test_labels_that_nobody_gave_stay_known_as_such(tmp_path: Path) -> None:
    assert only(written(tmp_path, simulated=True)).simulated is True


def test_a_release_that_lacks_a_column_is_told(tmp_path: Path) -> None:
    path = written(tmp_path) / "data/train-00000-of-00001.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["label_status", "authors"]), path)
    with pytest.raises(StickerworksError, match="has no column label_status"):
        only(tmp_path)
