"""A workspace with drawn texts that the shipped OCR has read, and votes that correct them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont
from table_rows import put

from pipeline.engine.fonts import chinese_font
from pipeline.engine.workspace import Workspace
from pipeline.filter.ocr.rapid.backend import BACKEND
from pipeline.filter.ocr.reading import read_text

Row = dict[str, Any]
PEOPLE = ("ann", "bob", "cem")


def key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def draw(lines: Sequence[str], ground: str = "white") -> bytes:
    """A sticker with its lines one below the other, as a key frame."""
    font = ImageFont.truetype(str(chinese_font()), 40) if chinese_font() else None
    picture = Image.new("RGB", (360, 40 + 70 * max(len(lines), 1)), ground)
    pen = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        pen.text((20, 20 + 70 * number), line, "black", font or ImageFont.load_default(40))
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=92)
    return target.getvalue()


def frame(index: int, jpeg: bytes) -> Row:
    with Image.open(io.BytesIO(jpeg)) as picture:
        width, height = picture.size
    times = {"start_ms": 100 * index, "duration_ms": 100}
    return {"index": index, "width": width, "height": height, "jpeg": jpeg, **times}


def line(text: str, at: int = 0, box: Sequence[float] | None = None, **more: Any) -> Row:
    """A line as OCR tables hold it, the ``at``-th from the top."""
    top = 20.0 + 70 * at
    corners = box or (20, top, 300, top, 300, top + 50, 20, top + 50)
    return {"frame": 0, "text": text, "score": 0.9, "box": list(corners), **more}


def vote(name: str, who: int, **more: Any) -> Row:
    return {
        "id": key(name), "annotator": PEOPLE[who], "origin": "label_studio", "simulated": False,
        "skipped": False, "tags": [], "sequence": who, "annotation": f"1/{name}/{who}", **more,
    }  # fmt: skip


@cache
def ocr_engine() -> Any:
    return BACKEND.open(BACKEND.options())


class Bench:
    """Builds a workspace sticker by sticker; ``write`` puts the tables down in shards of four."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root)
        self.stickers: dict[str, dict[str, Row | list[Row]]] = {}
        self.votes: list[Row] = []

    def add(
        self,
        name: str,
        frames: Sequence[bytes],
        read: Sequence[Row] | None = None,
        *,
        split: str | None = "train",
        kept: bool = True,
        redistribute: bool = True,
        captions: Sequence[Row] = (),
        group: str | None = None,
        template: str | None = None,
    ) -> str:
        """Add a sticker; where ``read`` is None the real OCR reads it."""
        id_ = key(name)
        key_frames = [frame(n, jpeg) for n, jpeg in enumerate(frames)]
        found = {"lines": read} if read is not None else read_text(ocr_engine(), key_frames, 0.5)
        self.stickers[id_] = {
            "stickers": {"id": id_, "format": "gif"},
            "frames": {"id": id_, "key_frames": key_frames},
            "ocr": {"id": id_, "measured": True, **found},
            "duplicates": {
                "id": id_, "group": key(group or name), "representative": group is None,
                "template_id": template,
            },
            "decisions": {"id": id_, "kept": kept, "outcome": "kept" if kept else "dropped"},
            "splits": {"id": id_, "split": split, "group": id_},
            "observations": [
                {"id": id_, "source": "s", "source_id": name, "redistribute": redistribute}
            ],
            "captions": [{"id": id_, "captioner": "served", **row} for row in captions],
        }  # fmt: skip
        return id_

    def vote(self, name: str, *texts: str | None, **more: Any) -> None:
        """Corrections of the text by as many annotators; None is one who gave none."""
        self.votes += [vote(name, who, ocr=text, **more) for who, text in enumerate(texts)]

    def say(self, name: str, *captions: str | None, **more: Any) -> None:
        self.votes += [vote(name, who, caption=text, **more) for who, text in enumerate(captions)]

    def write(self, *without: str, shard: int = 4) -> Workspace:
        rows = list(self.stickers.values())
        for part in range(-(-len(rows) // shard)):
            mine = rows[part * shard : (part + 1) * shard]
            for table in mine[0]:
                if table not in without:
                    cells = [row[table] for row in mine]
                    flat = [
                        r for cell in cells for r in (cell if isinstance(cell, list) else [cell])
                    ]
                    put(self.workspace, table, flat, part)
        put(self.workspace, "votes", self.votes)
        return self.workspace


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "workspace")


@pytest.fixture
def id_of() -> Callable[[str], str]:
    """A sticker's id by the name it was added with."""
    return key


@pytest.fixture
def drawn() -> Callable[..., bytes]:
    return draw


@pytest.fixture
def line_read() -> Callable[..., Row]:
    return line


@pytest.fixture
def one_vote() -> Callable[..., Row]:
    return vote
