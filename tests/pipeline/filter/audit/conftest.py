"""Workspaces whose stickers were measured and decided on."""

from __future__ import annotations

from pathlib import Path

import pytest
from decided_stickers import Decided, Sticker, build

from pipeline.engine.workspace import Workspace
from schemas.config import Config


@pytest.fixture
def decided(tmp_path: Path) -> Decided:
    """Build one from a few numbers a sticker, see ``decided_stickers.build``."""

    def make(stickers: list[Sticker], config: Config | None = None) -> Workspace:
        return build(tmp_path / "workspace", stickers, config)

    return make
