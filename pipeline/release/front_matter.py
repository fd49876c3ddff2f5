"""The front matter of a card, which `datasets` and the hub read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datasets import DatasetInfo, Features, SplitInfo
from datasets.info import DatasetInfosDict
from datasets.splits import SplitDict

from pipeline.engine.safe_yaml import write_yaml
from pipeline.engine.text import one_line
from schemas.release import SPLITS


@dataclass(frozen=True)
class Stored:
    """Rows by split, their bytes in memory, and bytes of all files of rows."""

    rows: Mapping[str, int]
    num_bytes: Mapping[str, int]
    download_size: int


def front_matter(title: str, licence: str, features: Features | None, stored: Stored) -> str:
    """The block between fences; ``features`` are None where the rows are not in Parquet."""
    splits = [split for split in SPLITS if stored.rows.get(split)]
    data: dict[str, Any] = {
        "pretty_name": title,
        "license": one_line(licence, 200),
        "tags": ["stickers", "gif"],
    }
    if features is not None:
        info = DatasetInfo(
            features=features,
            splits=SplitDict({split: _split(split, stored) for split in splits}),
            download_size=stored.download_size,
            dataset_size=sum(stored.num_bytes[split] for split in splits),
        )
        DatasetInfosDict({"default": info}).to_dataset_card_data(data)
        files = [{"split": split, "path": f"data/{split}-*.parquet"} for split in splits]
        data["configs"] = [{"config_name": "default", "data_files": files}]
    # One line a value: a folded one could look like the end.
    return f"---\n{write_yaml(data, sort_keys=False, width=math.inf)}---"


def _split(name: str, stored: Stored) -> SplitInfo:
    return SplitInfo(name, num_bytes=stored.num_bytes[name], num_examples=stored.rows[name])
