"""Gold labels are read from a file, and a wrong line is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotation.human.studio.gold import read_gold
from pipeline.engine.errors import StickerworksError
from schemas.labelling import LabelConfig


def gold(path: Path, *lines: str) -> LabelConfig:
    path.write_text("\n".join(lines), encoding="utf-8")
    return LabelConfig(gold=str(path))


def test_gold_is_read_in_order_of_id(tmp_path: Path) -> None:
    lines = (
        '{"id": "b", "tags": ["笑", "哭", "笑"], "domain": "real"}',
        "",
        '{"id": "a", "tags": []}',
    )
    assert read_gold(gold(tmp_path / "gold.jsonl", *lines)).to_pylist() == [
        {"id": "a", "tags": [], "domain": None},
        {"id": "b", "tags": ["哭", "笑"], "domain": "real"},
    ]
    assert read_gold(LabelConfig()).num_rows == 0


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"id": 1, "tags": []}', '{"id": "a"}', '{"id": "a", "tags": [1]}',
     '{"id": "a", "tags": [], "domain": "photo"}'],
)  # fmt: skip
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    config = gold(tmp_path / "gold.jsonl", '{"id": "a", "tags": []}', line)
    with pytest.raises(StickerworksError, match="line 2"):
        read_gold(config)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match=r"nowhere\.jsonl"):
        read_gold(LabelConfig(gold=str(tmp_path / "nowhere.jsonl")))
