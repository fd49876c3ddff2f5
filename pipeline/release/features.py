"""The columns as `datasets` sees them; it is imported late, since that takes half a second."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa

from schemas.release import COLUMNS

if TYPE_CHECKING:
    from datasets import Features, Image, List, Value


@cache
def release_schema() -> pa.Schema:
    """Arrow schema of a release, with the `huggingface` key that `datasets` reads."""
    return release_features().arrow_schema


def release_features() -> Features:
    """The columns as `datasets.Features`; images stay bytes until somebody looks at one."""
    from datasets import Features

    return Features({name: _feature(kind) for name, kind, _ in COLUMNS})


def _feature(kind: str) -> Image | List | Value:
    from datasets import Image, List, Value

    if kind == "image":
        return Image()
    return List(Value(kind[1:-1])) if kind.startswith("[") else Value(kind)
