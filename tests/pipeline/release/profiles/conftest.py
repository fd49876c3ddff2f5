"""A release of drawn stickers with emotions and attributes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.release.build import Release, build_release
from pipeline.release.profiles.known import find_profile
from pipeline.release.profiles.make import MadeProfile, make_profile
from schemas.config import Config

EMOTIONS = ("happiness", "anger", "surprise", "fear", "puzzled")
CONFIG = {"release": {"name": "drawn", "licence": "cc-by-4.0", "rows_per_file": 20}}


def describe(drawn: Any) -> None:
    """Give every sticker what captioners write."""
    for number, row in enumerate(drawn.rows["descriptions"]):
        row.update(
            emotion=EMOTIONS[number % len(EMOTIONS)],
            style_class="cartoon",
            description_en=f"a longer text of {number}",
            description_zh=None if number % 4 == 1 else f"长一点的描述 {number}",
            content="你好",
            role="a blob",
            action="moves",
            intention="#The sticker's style is a trap" if number == 3 else f"greets {number}",
            overall_style="flat",
            main_role="a blob",
            character_details=None if number == 3 else "round",
        )


@pytest.fixture(scope="session")
def labelled(new_drawn: Any, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """One release that tests only read."""
    drawn = new_drawn()
    describe(drawn)
    workspace = drawn.write(tmp_path_factory.mktemp("labelled") / "workspace")
    return build_release(workspace, Config.model_validate(CONFIG))


@pytest.fixture(scope="module")
def answered(new_drawn: Any, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release in which people and models say other emotions, and each some that others don't."""
    drawn = new_drawn()
    describe(drawn)
    drawn.ask()
    workspace = drawn.write(tmp_path_factory.mktemp("answered") / "workspace")
    return build_release(workspace, Config.model_validate(CONFIG))


@pytest.fixture
def export(labelled: Release, tmp_path: Path) -> Callable[..., MadeProfile]:
    """Make a profile of that release in a folder of its own."""

    def run(name: str, *, webdataset: bool = False, folder: str = "made") -> MadeProfile:
        profile = find_profile(name, webdataset=webdataset)
        return make_profile(labelled.path, profile, tmp_path / folder)

    return run
