"""A network that is trained in a second, and labelled stickers drawn for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from annotation.machine.efficientnet import model
from annotation.machine.efficientnet.model import Preset
from annotation.machine.efficientnet.samples import DomainSample
from annotation.machine.efficientnet.views import Sizing
from annotation.machine.features import sticker_statistics

Draw = Callable[[int], Image.Image]


@pytest.fixture(scope="session")
def tiny() -> Iterator[Preset]:
    """A preset of a few thousand weights, known by the name tiny."""
    preset = Preset("tiny", Sizing(32, 96, enlarge=False), 0.1, 0.1, 2, 5e-3, batch=16)
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(model.PRESETS, "tiny", preset)
        yield preset


@pytest.fixture
def make_sample(
    photograph: Draw, drawing: Draw, jpeg: Callable[[Image.Image], bytes]
) -> Callable[..., DomainSample]:
    """A drawn sticker: real by its picture, of the group named."""

    def make(number: int, real: bool, group: str = "g") -> DomainSample:
        frames = (jpeg((photograph if real else drawing)(number)),)
        name = f"{'real' if real else 'cartoon'}-{number:03d}"
        return DomainSample(name, name, real, group, frames, sticker_statistics(frames))

    return make


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory, photograph: Draw, drawing: Draw) -> Path:
    """Three packs of photographs and three of drawings, four stickers each, and their manifest."""
    folder = tmp_path_factory.mktemp("labelled")
    rows: list[dict[str, Any]] = []
    for pack in range(6):
        for number in range(4):
            path = folder / f"{pack}-{number}.png"
            (photograph if pack < 3 else drawing)(10 * pack + number).save(path)
            domain = "real" if pack < 3 else "cartoon"
            rows.append({"path": path.name, "pack": f"pack {pack}", "domain": domain})
    path = folder / "manifest.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.fixture
def manifest(labelled: Path, tmp_path: Path) -> Path:
    """A manifest that a test may change."""
    return shutil.copytree(labelled.parent, tmp_path / "labelled") / labelled.name
