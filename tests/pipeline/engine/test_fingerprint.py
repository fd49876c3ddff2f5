"""Fingerprints see what matters and nothing else."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine.fingerprint import fingerprint, group_rows, hash_json, row_digests
from pipeline.engine.storage import digest_rows
from schemas.config import Config, DecodeConfig
from schemas.tables import OCR

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("x", pa.int32()),
        pa.field("flag", pa.bool_()),
        pa.field("words", pa.list_(pa.string())),
        pa.field("jpeg", pa.binary()),
    ]
)
ROW = st.fixed_dictionaries(
    {
        "x": st.none() | st.integers(-9, 9),
        "flag": st.none() | st.booleans(),
        "words": st.none() | st.lists(st.none() | st.text(max_size=3), max_size=3),
        "jpeg": st.none() | st.binary(max_size=9),
    }
)


def table(rows):
    return pa.Table.from_pylist([{"id": str(i), **row} for i, row in enumerate(rows)], SCHEMA)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=20), st.data())
def test_a_rows_digest_depends_on_that_row_alone(rows, data):
    whole = table(rows)
    cut = data.draw(st.integers(0, len(rows) - 1))
    digests = row_digests([whole], whole["id"].combine_chunks())
    for part in (whole.slice(0, cut + 1), whole.slice(cut)):
        ids = part["id"].combine_chunks()
        found = dict(zip(ids.to_pylist(), row_digests([part], ids), strict=True))
        assert found.items() <= dict(zip(whole["id"].to_pylist(), digests, strict=True)).items()
    changed = [dict(row) for row in rows]
    changed[cut]["x"] = (changed[cut]["x"] or 0) + 10
    others = row_digests([table(changed)], whole["id"].combine_chunks())
    assert [a == b for a, b in zip(digests, others, strict=True)] == [
        i != cut for i in range(len(rows))
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, max_size=20), st.integers(0, 20))
def test_a_tables_digest_ignores_chunks_and_documentation(rows, cut):
    whole = table(rows)
    cut = min(cut, len(rows))
    chunked = pa.concat_tables([whole.slice(0, cut), whole.slice(cut)])
    assert digest_rows(chunked) == digest_rows(whole)
    documented = pa.schema([f.with_metadata({"doc": "words"}) for f in SCHEMA])
    assert digest_rows(whole.cast(documented)) == digest_rows(whole)
    if rows:
        assert digest_rows(whole.slice(1)) != digest_rows(whole)


def test_rows_are_grouped_by_sticker_in_order():
    rows = pa.table({"id": ["a", "a", "c"]})
    assert group_rows(rows, pa.array(["a", "b", "c"])) == [(0, 2), (2, 0), (2, 1)]
    for ids in (["a", "b"], ["c", "a"]):
        with pytest.raises(ValueError, match="out of order"):
            group_rows(rows, pa.array(ids))


def test_a_fingerprint_covers_version_settings_models_and_layout():
    config = Config()
    known = fingerprint("ocr", 1, ("ocr",), config.filter.ocr, {"rec": "a"})
    assert known == fingerprint("ocr", 1, ("ocr",), Config().filter.ocr, {"rec": "a"})
    others = [
        fingerprint("ocr", 2, ("ocr",), config.filter.ocr, {"rec": "a"}),
        fingerprint("ocr", 1, ("ocr",), config.filter.decode, {"rec": "a"}),
        fingerprint("ocr", 1, ("ocr",), config.filter.ocr, {"rec": "b"}),
        fingerprint("ocr", 1, ("ocr", "frames"), config.filter.ocr, {"rec": "a"}),
    ]
    assert len({known, *others}) == 5


def test_settings_that_are_no_json_are_refused():
    assert hash_json({"a": DecodeConfig()}) == hash_json({"a": DecodeConfig()})
    with pytest.raises(TypeError, match="can't be part of a fingerprint"):
        hash_json({"schema": OCR})
