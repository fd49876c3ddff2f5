"""Data within a page, for its script."""

from __future__ import annotations

import json
from typing import Any


def data_json(value: Any) -> str:
    """JSON that ends no element of HTML and begins none, whatever its texts hold."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
