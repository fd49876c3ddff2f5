"""A small workspace in which all but machine annotation was run."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from stickerworks.cli.main import _run

STICKERS = 8


@dataclass(frozen=True)
class Answer:
    """A command's exit code and what it said."""

    code: int
    said: str
    out: str


Program = Callable[..., Answer]


def draw(folder: Path) -> None:
    """Some stickers in two folders, which are their keywords."""
    dice = random.Random(0)
    for number in range(STICKERS):
        image = Image.new("RGB", (64, 64), tuple(dice.randrange(256) for _ in range(3)))
        pen = ImageDraw.Draw(image)
        for _ in range(9):
            x, y, r = (dice.randrange(4, 60) for _ in range(3))
            pen.ellipse((x, y, x + r, y + r), fill=tuple(dice.randrange(256) for _ in range(3)))
        path = folder / ("happy", "sad")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace, to be copied by who changes it; its two shards hold four stickers each."""
    folder = tmp_path_factory.mktemp("finished")
    draw(folder / "stickers")
    workspace = folder / "workspace"
    source = f"crawl.sources=[{{source: folder, options: {{path: {folder / 'stickers'}}}}}]"
    # One worker starts sooner than two, and that is most of what these stickers take.
    given = ["--set", "crawl.shard_rows=4", "--set", "engine.workers=1"]
    first = ["crawl", "--keep", "--set", source, *given]
    for command in (first, ["filter"], ["tags"], ["merge"], ["split"]):
        assert _run([*command, "--workspace", str(workspace)]) == 0
    return workspace


@pytest.fixture
def made(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished workspace."""
    return Path(shutil.copytree(finished, tmp_path / "workspace"))


@pytest.fixture
def program(made: Path, capfd: pytest.CaptureFixture[str]) -> Program:
    """The command line on that copy."""

    def call(*arguments: str) -> Answer:
        capfd.readouterr()
        code = _run([*arguments, "--workspace", str(made)])
        said = capfd.readouterr()
        return Answer(code, said.err, said.out)

    return call
