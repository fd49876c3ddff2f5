"""What people say of texts that machines wrote, beside the texts: right, corrected or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

CORRECTED, RIGHT, UNCHECKED, WRONG = range(4)
"""Verdicts, the best first; most texts nobody has looked at."""
PEOPLE = "people"
"""Captioner of texts that people corrected."""
COLUMNS = ["id", "number", "field", "language", "original", "verdict", "corrected"]

_VERDICTS = {"corrected": CORRECTED, "right": RIGHT, "wrong": WRONG}
_KEY = ("id", "field", "language")

Key = tuple[str, str, str, str]


def last_checks(checks: pa.Table) -> dict[Key, dict[str, Any]]:
    """The last check of each text, by sticker, field, language and the text itself.

    Models that wrote the same words of a sticker are judged by one word.
    """
    rows = checks.sort_by("number").to_pylist()
    return {(row["id"], row["field"], row["language"], row["original"]): row for row in rows}


def judged(captions: pa.Table, checks: pa.Table) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """The captions with corrected texts, whose captioner is ``people``; and each one's verdict."""
    verdicts = np.full(len(captions), UNCHECKED)
    checks = checks.filter(pc.is_in(checks["id"], value_set=captions["id"].combine_chunks()))
    if not len(checks):
        return captions, verdicts
    known = last_checks(checks)
    told = pc.is_in(captions["id"], value_set=checks["id"].combine_chunks())
    places = np.flatnonzero(pc.and_(told, pc.is_valid(captions["text"])).to_numpy())
    texts: dict[int, str] = {}
    rows = captions.select([*_KEY, "text"]).take(pa.array(places)).to_pylist()
    for place, row in zip(places.tolist(), rows, strict=True):
        found = known.get((*(row[name] for name in _KEY), row["text"]))
        if found is not None:
            verdicts[place] = _VERDICTS[found["verdict"]]
            if found["verdict"] == "corrected":
                texts[place] = found["corrected"]
    return _with_texts(captions, texts), verdicts


def _with_texts(captions: pa.Table, texts: Mapping[int, str]) -> pa.Table:
    if not texts:
        return captions
    places = np.array(sorted(texts))
    mask = np.zeros(len(captions), bool)
    mask[places] = True
    by_people = {
        "text": pa.array([texts[place] for place in places.tolist()], pa.string()),
        "captioner": pa.array([PEOPLE] * len(places), pa.string()),
    }
    for name, values in by_people.items():
        place = captions.schema.get_field_index(name)
        column = pc.replace_with_mask(captions[name].combine_chunks(), pa.array(mask), values)
        captions = captions.set_column(place, captions.schema.field(place), column)
    return captions
