"""Settings as people type them behind --with."""

from __future__ import annotations

from typing import Any


def typed(changes: dict[str, Any]) -> dict[str, str]:
    """Settings as people type them."""
    return {
        name: ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for name, value in changes.items()
    }
