"""A workspace of drawn stickers ready for captions, and a replica of a server that answers."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from openai_server import OpenaiServer
from PIL import Image, ImageDraw

from annotation.machine.captions import CAPTIONS
from annotation.machine.descriptions import DESCRIPTIONS
from pipeline.engine.runner import RunReport, run
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.tables import TABLES

SAYS_YES = ["Is there any text on the sticker", "yes"]
READS = ["Write down the text on the sticker", "早安"]


class Quiet:
    """A display that keeps what it is told."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def start(self, name: str, rows: int, shards: int) -> None:
        self.seen.append(0)

    def progress(self, rows_done: int, shards_done: int) -> None:
        self.seen.append(rows_done)

    def stop(self) -> None:
        return


@dataclass
class Shelf:
    """Stickers of a workspace and the means to caption them; every third moves."""

    workspace: Workspace
    ids: list[str] = field(default_factory=list)
    display: Quiet = field(default_factory=Quiet)
    config: Config = field(default_factory=Config)

    def fill(self, count: int, shard_rows: int = 1000, unkept: int = 0) -> Shelf:
        for part, start in enumerate(range(0, count, shard_rows)):
            numbers = list(range(start, min(count, start + shard_rows)))
            paths = [self._draw(number) for number in numbers]
            ids = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
            self.ids += ids
            tables = _tables(ids, numbers, unkept)
            tables["media"] = [
                {"id": key, "path": str(path)} for key, path in zip(ids, paths, strict=True)
            ]
            for name, rows in tables.items():
                table = pa.Table.from_pylist(rows, schema=TABLES[name].schema)
                self.workspace.write(name, part, table, Proof("test", "test"))
        return self

    def _draw(self, number: int) -> Path:
        """A GIF of one frame, or of four."""
        folder = self.workspace.root.with_name("media")
        folder.mkdir(exist_ok=True)
        path = folder / f"{number}.gif"
        first, *others = [_picture(number, index) for index in range(4 if number % 3 == 0 else 1)]
        first.save(path, save_all=True, append_images=others, duration=100)
        return path

    def caption(self, config: Config) -> RunReport:
        self.config = config
        return run(CAPTIONS, self.workspace, config, self.display)

    def rows(self, table: str = "captions") -> list[dict[str, Any]]:
        """Rows of a table; descriptions are made when they are looked at, by worker processes."""
        if table == DESCRIPTIONS.name:
            run(DESCRIPTIONS, self.workspace, self.config, self.display)
        found: list[dict[str, Any]] = self.workspace.read(table).to_pylist()
        return found


def _tables(ids: list[str], numbers: list[int], unkept: int) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in CAPTIONS.reads}
    for key, number in zip(ids, numbers, strict=True):
        moving, kept = number % 3 == 0, number >= unkept
        rows["stickers"].append({"id": key, "format": "gif", "nbytes": 1})
        outcome = "kept" if kept else "dropped"
        rows["decisions"].append({"id": key, "kept": kept, "outcome": outcome, "reasons": []})
        rows["signals"].append({"id": key, "animated": moving})
        rows["frames"].append({"id": key, "key_frames": [_frame(number, 0)]})
        clip = [_frame(number, index) for index in range(4)] if moving else []
        rows["clips"].append({"id": key, "measured": kept, "frames": clip})
        rows["domain"].append({"id": key, "measured": kept, "domain": "cartoon"})
        rows["ocr"].append({"id": key, "measured": kept, "text": "早安" if moving else ""})
        rows["observations"].append(
            {"id": key, "source": "test", "source_id": str(number), "query": f"word {number}"}
        )
    return rows


def _picture(number: int, index: int) -> Image.Image:
    image = Image.new("RGB", (48, 48), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((4 + 4 * index, 8, 24 + 4 * index, 30), fill=(number * 37 % 256, 90, 160))
    pen.rectangle((0, 40, number % 48, 47), fill="black")
    return image


def _frame(number: int, index: int) -> dict[str, Any]:
    file = io.BytesIO()
    _picture(number, index).save(file, "JPEG")
    return {"index": index, "start_ms": 100 * index, "duration_ms": 100, "jpeg": file.getvalue()}


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """An empty workspace; ``fill`` puts stickers into it."""
    return Shelf(Workspace(tmp_path / "workspace"))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., OpenaiServer]]:
    """Starts a replica with what its plan says beyond the usual answers."""
    with ExitStack() as stack:

        def start(**plan: Any) -> OpenaiServer:
            folder = tmp_path / f"server-{len(list(tmp_path.glob('server-*')))}"
            folder.mkdir()
            whole = {"check_images": True, "rules": [SAYS_YES, READS], **plan}
            return stack.enter_context(OpenaiServer(whole, folder))

        yield start


@pytest.fixture
def asking() -> Callable[..., Config]:
    """The configuration that asks a server; options are added to the usual ones."""

    def configure(server: OpenaiServer, options: Any = (), **annotate: Any) -> Config:
        usual = {"base_url": server.url, "model": "replica-vl", "longest_wait_s": 0.2}
        chosen = {"captioner": "openai", "options": {**usual, **dict(options)}, **annotate}
        # A worker takes longer to start than for these few rows.
        return Config.model_validate({"annotate": chosen, "engine": {"workers": 1}})

    return configure
