"""The options that every command takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CommandOptions:
    """The options that every command takes."""

    config: Path | None = None
    workspace: Path | None = None
    overrides: tuple[str, ...] = ()
    dry_run: bool = False
    json: bool = False
    retry_quarantined: bool = False
    debug: bool = False
    keep: bool = False
