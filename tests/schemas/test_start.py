"""A process of the program begins without pandas, and whoever needs it has it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from schemas.start import PROGRAM

SCRIPT = """
import sys
import pyarrow as pa
import pipeline.engine.shard
pa.array([1, 2])
print("pandas" in sys.modules)
print(pa.table({"a": [1, None]}).to_pandas()["a"].sum())
import pandas
print(pa.array(pandas.Series([1.0, None])).null_count)
"""


@pytest.mark.parametrize(("set_to", "imported"), [("1", "False"), ("0", "True")])
def test_pandas_is_imported_where_it_is_needed(set_to: str, imported: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, PROGRAM: set_to},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert answer.stdout.split() == [imported, "1.0", "1"]
