"""The columns as `datasets` sees them; apart, since importing `datasets` takes half a second."""

from __future__ import annotations

from functools import cache

import pyarrow as pa
from datasets import Features, Image, List, Value

from schemas.release import COLUMNS


@cache
def release_schema() -> pa.Schema:
    """Arrow schema of a release, with the `huggingface` key that `datasets` reads."""
    return release_features().arrow_schema


def release_features() -> Features:
    """The columns as `datasets.Features`; images stay bytes until somebody looks at one."""
    return Features({name: _feature(kind) for name, kind, _ in COLUMNS})


def _feature(kind: str) -> Image | List | Value:
    if kind == "image":
        return Image()
    return List(Value(kind[1:-1])) if kind.startswith("[") else Value(kind)
