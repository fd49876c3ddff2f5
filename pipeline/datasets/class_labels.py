"""Names of class labels, which tables of `datasets` keep beside their numbers."""

from __future__ import annotations

import json
from typing import Any

Names = tuple[str, ...]
_MOST_BYTES = 2**24


def names_of(schema: Any, column: str) -> Names | None:
    """Names of the class labels in a column, or in the lists in it; None where it has none."""
    said = (schema.metadata or {}).get(b"huggingface", b"{}")
    try:
        features = json.loads(said if len(said) <= _MOST_BYTES else b"{}")["info"]["features"]
        feature = features[column]
    # Whatever wrote the file may have written anything: then there are no names.
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    # A list of labels is [label], or {"feature": label}.
    for _ in range(2):
        if isinstance(feature, list) and len(feature) == 1:
            feature = feature[0]
        elif isinstance(feature, dict) and "feature" in feature:
            feature = feature["feature"]
    names = feature.get("names") if isinstance(feature, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return tuple(names)
