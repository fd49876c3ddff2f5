from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.demo.collection import draw_collection
from pipeline.demo.expected import DrawnSticker


@dataclass(frozen=True)
class Collection:
    folder: Path
    stickers: list[DrawnSticker]

    def of_case(self, *cases: str) -> list[DrawnSticker]:
        return [sticker for sticker in self.stickers if sticker.case in cases]

    def file(self, sticker: DrawnSticker) -> Path:
        return self.folder / sticker.path


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    folder = tmp_path_factory.mktemp("collection")
    return Collection(folder, draw_collection(folder))
