"""Columns as `datasets` sees them; it is imported late, since that takes half a second."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.release import AskedQuestion, columns_of

if TYPE_CHECKING:
    from datasets import Features, Image, List, Value

Described = tuple[str, str, str]
"""A column's name, kind (see ``schemas.release``) and meaning."""


LATER = ("imported", "trigger_words", "test_sets", "label_provenance")
"""Columns that releases made by earlier versions lack."""


@cache
def release_schema(questions: tuple[AskedQuestion, ...] = ()) -> pa.Schema:
    """Arrow schema of a release with these questions, with the `huggingface` key that `datasets`
    reads."""
    return features_of(columns_of(questions)).arrow_schema


def shard_schema(names: Collection[str], questions: tuple[AskedQuestion, ...] = ()) -> pa.Schema:
    """Schema of a release's shard, as Parquet gives it back, that has these of ``LATER``."""
    columns = columns_of(questions)
    here = [column for column in columns if column[0] in names or column[0] not in LATER]
    return as_read(features_of(here).arrow_schema)


def as_read(schema: pa.Schema) -> pa.Schema:
    """A schema as Parquet gives it back, which has names of its own for what is in lists."""
    file = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), file)
    return pq.read_schema(pa.BufferReader(file.getvalue()))


def features_of(columns: Sequence[Described]) -> Features:
    """Columns as `datasets.Features`; images stay bytes until somebody looks at one."""
    from datasets import Features

    return Features({name: _feature(kind) for name, kind, _ in columns})


def _feature(kind: str) -> Image | List | Value:
    from datasets import Image, List, Value

    if kind.startswith("["):
        return List(_feature(kind[1:-1]))
    return Image() if kind == "image" else Value(kind)
