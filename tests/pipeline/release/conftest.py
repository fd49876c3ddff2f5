"""A small finished workspace: 60 drawn stickers in two shards, with every table a release reads."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image, ImageDraw

from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from pipeline.release.build import Release, build_release
from pipeline.release.inputs import BESIDE
from schemas.config import Config
from schemas.tables import TABLES

FORMATS = ("gif", "png", "webp", "apng")
TAGS = ("开心", "cat", "$x_{1}$ | <b>bold</b>")
STICKERS = 60
SHARD = 35
SECRET = "s3cr3t-value"
HOSTILE = "[click](javascript:alert(1)) | <script>x</script> ![p](http://evil.example/p.png)\n# big"


EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def merged(name: str, values: list[str], status: str, mean: float | None) -> dict[str, Any]:
    """What the votes say to a question, as `merge` writes it."""
    votes = {"effective": 3, "adjudicate": 3, "insufficient": 1, "unanswered": 0}[status]
    agreed = 2 if status == "effective" else min(votes, 1)
    return {"question": name, "values": values, "status": status, "votes": votes,
            "agreed": agreed, "mean": mean}  # fmt: skip


def draw(number: int) -> bytes:
    """An animated (or, for PNG, still) sticker whose pixels depend on its number."""
    frames = []
    for step in range(3):
        frame = Image.new("RGBA", (40, 30), (number * 4 % 256, 90, 200, 255))
        pen = ImageDraw.Draw(frame)
        pen.ellipse(
            (step * 8, 4, step * 8 + 12, 4 + number % 20), fill=(250, number * 3 % 256, 0, 255)
        )
        frames.append(frame)
    kind, file = FORMATS[number % len(FORMATS)], io.BytesIO()
    if kind == "png":
        frames[0].save(file, "PNG")
    else:
        name = {"gif": "GIF", "webp": "WEBP", "apng": "PNG"}[kind]
        frames[0].save(file, name, save_all=True, append_images=frames[1:], duration=80, loop=0)
    return file.getvalue()


class Drawn:
    """Rows of every table, to be changed by a test before they are written."""

    secret = SECRET
    tags = TAGS
    hostile = HOSTILE

    def __init__(self) -> None:
        self.bytes = [draw(number) for number in range(STICKERS)]
        self.ids = [hashlib.sha256(data).hexdigest() for data in self.bytes]
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        for number in range(STICKERS):
            self._describe(number)
        self.rows["tagset"] = [
            {"tag": tag, "cluster": n, "version": "v1", "terms": [tag]}
            for n, tag in enumerate(TAGS)
        ]
        self.rows["unfetched"] = [
            {
                "source": "site", "source_id": "gone-1", "state": "gone", "error_class": "http_404",
                "media_url": f"https://site.example/a.gif?token={SECRET}", "page_url": "file:///home/me/x",
                "error": f"https://site.example/a?api_key={SECRET} said 404 (/home/me/log.txt)",
                "fetched_at": "2026-01-09T00:00:00+00:00", "author": f"https://a.example/?token={SECRET}",
                "tdm_policy": f"https://site.example/p?api_key={SECRET}, file:///home/me/x",
                "content_usage": f"train-ai=n, note=\"/home/me/log.txt\", token={SECRET}",
                "tdmrep": f'{{"location": "/images/cats/*", "tdm-policy": "https://a.example/?token={SECRET}"}}',
                "robots_content_usage": f"/images/cats/ train-ai=n | token={SECRET}",
            }
        ]  # fmt: skip

    def _describe(self, number: int) -> None:
        id_, kind = self.ids[number], FORMATS[number % len(FORMATS)]
        kept = number % 10 != 9
        split = ("train", "train", "train", "validation", "test")[number % 5] if kept else None
        reasons = [] if kept else [{"rule": "entropy", "value": 0.1, "threshold": 0.3}]
        effective = number % 2 == 0
        tags = [TAGS[number % 3]]
        add = self._add
        add("stickers", id=id_, format=kind, extension=kind, nbytes=len(self.bytes[number]))
        add("media", id=id_, path=f"media/{id_[:2]}/{id_}.{kind}")
        add(
            "signals",
            id=id_,
            width=40,
            height=30,
            min_side=30,
            aspect=4 / 3,
            entropy=2.5,
            frames=1 if kind == "png" else 3,
            duration_ms=240,
            animated=kind != "png",
            flags=[],
        )
        add(
            "observations",
            id=id_,
            source="site",
            source_id=str(number),
            query=f"word{number % 7}",
            title=HOSTILE if number == 0 else f"标题{number}",
            tags=["b", "a"],
            pack_id="p1",
            author=HOSTILE,
            media_url=f"https://site.example/{number}.gif?token={SECRET}#x",
            page_url="/home/me/pictures/x.gif",
            licence=HOSTILE if number == 2 else "CC-BY-4.0",
            licence_basis="item",
            redistribute=number % 6 != 5,
            fetched_at="2026-01-09T00:00:00Z",
            resolved_ip="10.0.0.1",
        )
        add("decisions", id=id_, kept=kept, outcome="kept" if kept else "dropped", reasons=reasons)
        add("duplicates", id=id_, group=id_, representative=True, template_id=id_)
        add("splits", id=id_, split=split, group=id_)
        add("imported", id=id_, dataset="set", name=f"{number}.png", record="{}")
        add("ocr", id=id_, measured=kept, text="你好" if kept else None)
        add("suggestions", id=id_, tags=tags, tagset="v1")
        add("domain", id=id_, measured=kept, domain="cartoon", probability=0.1)
        text = None if number == 4 else f"sticker {number}"
        add(
            "descriptions",
            id=id_,
            caption_en=text,
            caption_zh=text,
            style="flat" if number == 1 else None,
            captioner=text and "template",
            written_by=["template/1"] if text else [],
        )
        add(
            "labels",
            id=id_,
            tags=tags if effective else [],
            votes=3 if effective else 0,
            status="effective" if effective else "unlabelled",
            simulated=effective,
            domain="real" if number == 0 else None,
        )
        for annotator in ("ann", "bob") if effective else ():
            add("votes", id=id_, annotator=annotator, origin="simulated", simulated=True,
                skipped=False, tags=tags if annotator == "ann" or number % 4 else ["cat"],
                sequence=number)  # fmt: skip

    def ask(self) -> None:
        """Four questions, one of each kind, with answers of every status."""
        self.rows["questions"] = [
            {"version": "v1", "name": name, "kind": kind, "values": values, "required": True,
             "title_en": f"Which {name}? {HOSTILE}", "title_zh": f"哪个 {name}？"}
            for name, kind, values in (
                ("emotion", "single", list(EMOTIONS)), ("style", "several", ["flat", "3d"]),
                ("remark", "text", []), ("joy", "scale", ["1", "2", "3", "4", "5"]),
            )
        ]  # fmt: skip
        self.rows["agreement"] = [
            {"measure": "question", "question": "emotion", "stickers": 40, "alpha": 0.71,
             "low": 0.6, "high": 0.8}
        ]  # fmt: skip
        for number, row in enumerate(self.rows["labels"]):
            status = ("effective", "effective", "adjudicate", "insufficient", "unanswered")
            said = status[number % 5]
            row["answers"] = None if number == 1 else [
                merged(name, values if said == "effective" else [], said, mean)
                for name, values, mean in (
                    ("emotion", [EMOTIONS[number % 7]], None),
                    ("style", ["flat", "3d"][: 1 + number % 2], None),
                    ("remark", [f"see /home/me/{number}.txt"], None),
                    ("joy", ["4"], None if said == "unanswered" else 2.5),
                )
            ]  # fmt: skip

    def _add(self, table: str, **row: Any) -> None:
        self.rows[table].append(row)

    def write(self, root: Path, parts: tuple[int, int] = (0, 1)) -> Workspace:
        """Write all tables and files below ``root``, in shards of these numbers."""
        workspace = Workspace(root)
        for row, data in zip(self.rows["media"], self.bytes, strict=True):
            if row["path"] is not None:
                (root / row["path"]).parent.mkdir(parents=True, exist_ok=True)
                (root / row["path"]).write_bytes(data)
        home = {id_: int(number >= SHARD) for number, id_ in enumerate(self.ids)}
        for name, rows in self.rows.items():
            table, proof = TABLES[name], Proof(stage="test", fingerprint="test")
            if table.scope == "global":
                # What commands write beside other tables is there without rows, too.
                if rows or name in BESIDE:
                    made = pa.Table.from_pylist(rows, schema=table.schema)
                    workspace.write(name, None, made, proof)
                continue
            for place, part in enumerate(parts) if rows else ():
                mine = [row for row in rows if home[row["id"]] == place]
                made = pa.Table.from_pylist(mine, schema=table.schema)
                workspace.write(name, part, made, proof)
        return workspace


@pytest.fixture
def drawn() -> Drawn:
    return Drawn()


@pytest.fixture(scope="session")
def new_drawn() -> type[Drawn]:
    """For releases that a whole session shares."""
    return Drawn


@pytest.fixture(scope="module")
def drawn_once() -> Drawn:
    """For a module whose tests share one workspace."""
    return Drawn()


@pytest.fixture
def config() -> Config:
    return Config.model_validate(
        {"release": {"name": "drawn", "licence": "cc-by-4.0", "rows_per_file": 20}}
    )


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """One release with answers to questions, that tests only read."""
    drawn = Drawn()
    drawn.ask()
    workspace = drawn.write(tmp_path_factory.mktemp("asked") / "workspace")
    settings = {"release": {"name": "asked", "licence": "cc-by-4.0", "rows_per_file": 20}}
    return build_release(workspace, Config.model_validate(settings))


@pytest.fixture
def build(drawn: Drawn, config: Config, tmp_path: Path) -> Callable[..., Release]:
    """Write the workspace and release it; keyword arguments replace release settings."""

    def run(root: Path = tmp_path / "workspace", **settings: Any) -> Release:
        section = config.release.model_copy(update=settings)
        return build_release(drawn.write(root), config.model_copy(update={"release": section}))

    return run


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """One release that tests only read."""
    workspace = Drawn().write(tmp_path_factory.mktemp("shared") / "workspace")
    settings = {"release": {"name": "drawn", "licence": "cc-by-4.0", "rows_per_file": 20}}
    return build_release(workspace, Config.model_validate(settings))
