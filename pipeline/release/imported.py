"""What the data sets that a sticker was imported from say of it, as a text of a release."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.datasets.problems import bad_name
from pipeline.engine.columns import lists_of
from pipeline.engine.secret_names import hide_bot_tokens, hide_pairs
from pipeline.release.lists import sorted_lists
from pipeline.release.redact import public_text

_OTHERS = "others"
_NAMES = ("topic", "file_name", "lmdb_key")
"""Keys of records that are names of files, by which a data set is written as it was."""
_JSON_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_HOME = re.compile(r"~|[A-Za-z]:")


def imported_texts(imported: pa.Table, count: int) -> pa.Array:
    """A JSON object for each sticker of a block, null where it wasn't imported.

    It has the keys dataset, name, split and record; where several rows have the same bytes, the
    others stand in a list under ``others``. Texts are without secrets and machine paths; names of
    files below a folder keep those folders.
    """
    found: dict[int, dict[str, Any]] = {}
    for row in imported.to_pylist() if "row" in imported.column_names else ():
        said = {name: row[name] for name in ("dataset", "name", "split")}
        said["name"] = _public_name(said["name"])
        said["record"] = _public_record(row["record"] or "{}")
        first = found.setdefault(row["row"], said)
        if first is not said:
            first.setdefault(_OTHERS, []).append(said)
    texts = (json.dumps(found[n], ensure_ascii=False) if n in found else None for n in range(count))
    return pa.array(texts, pa.string())


def data_sets(imported: pa.Table, count: int) -> pa.ListArray:
    """The names of the data sets that each sticker of a block was imported from, each once."""
    if "row" not in imported.column_names:
        return lists_of(np.empty(0, np.int64), pa.array([], pa.string()), count)
    rows, names = imported["row"].to_numpy(), imported["dataset"].combine_chunks()
    return sorted_lists(rows, names, count, distinct=True)


def _public_record(text: str) -> dict[str, Any]:
    record = json.loads(text)
    public: dict[str, Any] = {}
    for key, value in record.items():
        if key in _NAMES and isinstance(value, str):
            public[key] = _public_name(value)
        else:
            # In the text of the JSON, however deep a value is.
            pair = json.dumps([key, value], ensure_ascii=False)
            public.update([json.loads(_JSON_TEXT.sub(_public_json_text, pair))])
    return public


def _public_json_text(match: re.Match[str]) -> str:
    return json.dumps(public_text(json.loads(match[0])), ensure_ascii=False)


def _public_name(name: str) -> str:
    parts = name.split("/")
    if _HOME.fullmatch(parts[0]) or any(map(bad_name, parts)):
        return public_text(name) or ""
    return hide_bot_tokens(hide_pairs(name))
