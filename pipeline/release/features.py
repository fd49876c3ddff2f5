"""Columns as `datasets` sees them; it is imported late, since that takes half a second."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa

from schemas.release import COLUMNS

if TYPE_CHECKING:
    from datasets import Features, Image, List, Value

Described = tuple[str, str, str]
"""A column's name, kind (see ``schemas.release``) and meaning."""


@cache
def release_schema() -> pa.Schema:
    """Arrow schema of a release, with the `huggingface` key that `datasets` reads."""
    return features_of(COLUMNS).arrow_schema


def features_of(columns: Sequence[Described]) -> Features:
    """Columns as `datasets.Features`; images stay bytes until somebody looks at one."""
    from datasets import Features

    return Features({name: _feature(kind) for name, kind, _ in columns})


def _feature(kind: str) -> Image | List | Value:
    from datasets import Image, List, Value

    if kind.startswith("["):
        return List(_feature(kind[1:-1]))
    return Image() if kind == "image" else Value(kind)
