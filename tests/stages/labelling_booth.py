"""People who vote through a real server's API, and drawn stickers for them to vote on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests
from PIL import Image, ImageDraw

from annotation.human.studio.accounts import login
from annotation.human.studio.server import inner
from annotation.human.studio.server_paths import read_accounts
from pipeline.engine.workspace import Workspace
from stickerworks.cli.main import app

FOREIGN = "stranger@example.org"
DRAWN = 42
WORDS = ("happy cat", "sad dog", "good night", "thank you", "birthday cake", "angry bird")

Tasks = dict[str, int]
"""The task of each person who is asked about a sticker."""


def draw(folder: Path, count: int) -> None:
    """Stickers that no two look alike, some of them moving."""
    for n in range(count):
        keyword = folder / WORDS[n % len(WORDS)]
        keyword.mkdir(parents=True, exist_ok=True)
        frames = []
        for step in range(1 + 2 * (n % 2)):
            frame = Image.new("RGB", (96, 96), (37 * n % 256, 91 * n % 256, 53 * n % 256))
            pen = ImageDraw.Draw(frame)
            for corner in range(5):
                x, y = (13 * n * (corner + 1)) % 80, (29 * (n + 3) * (corner + 2)) % 80
                pen.rectangle((x, y + 4 * step, x + 6 + corner * 3, y + 16), fill=(n, 255 - n, 99))
            frames.append(frame)
        name = keyword / f"{n:03d}.gif"
        frames[0].save(name, save_all=True, append_images=frames[1:], duration=120, loop=0)


def make_drawn(folder: Path) -> None:
    """A workspace of drawn stickers, filtered and with a tag set."""
    draw(folder / "stickers", DRAWN)
    source = f"crawl.sources=[{{source: folder, options: {{path: {folder / 'stickers'}}}}}]"
    base = ["--workspace", str(folder / "workspace"), "--set", source]
    base += ["--set", "tags.clusters=4", "--set", "filter.duplicates.max_phash_distance=0"]
    naming = folder / "naming.json"
    for words in (["crawl"], ["filter"], ["tags"], ["tags", "apply", str(naming)], ["annotate"]):
        if str(naming) in words:
            naming.write_text(json.dumps(as_suggested(Workspace(folder / "workspace"))), "utf-8")
        assert app(args=[*base, *words], standalone_mode=False) in (0, None)


def as_suggested(workspace: Workspace) -> dict[str, Any]:
    """The names that clusters suggest, as if people had chosen them."""
    proposals = workspace.read("proposals").to_pylist()
    rows = [{"key": row["key"], "decision": "keep", "name": row["name"]} for row in proposals]
    return {"stickerworks_naming": 1, "version": proposals[0]["version"], "rows": rows}


def answer(tags: list[str], domain: str = "cartoon", **more: Any) -> dict[str, Any]:
    chosen = {"taxonomy": [[tag] for tag in tags]}
    regions = [
        {"from_name": "tags", "to_name": "sticker", "type": "taxonomy", "value": chosen},
        {"from_name": "domain", "to_name": "sticker", "type": "choices",
         "value": {"choices": [domain]}},
    ]  # fmt: skip
    return {"result": regions, "lead_time": 3.0, "was_cancelled": False, **more}


def skip() -> dict[str, Any]:
    return {"result": [], "was_cancelled": True}


class Booth:
    """Votes through Label Studio's own API, past the gateway, which would refuse most misuse."""

    def __init__(self, studio: Any) -> None:
        assert studio.url  # it runs now
        self.url = inner(studio.place) or ""
        names = (*studio.config.label.accounts, studio.config.label.lead, FOREIGN)
        passwords = read_accounts(studio.place)["passwords"]
        self.users = {name: login(self.url, name, passwords[name]) for name in names}

    def vote(self, name: str, tasks: Tasks, said: dict[str, Any]) -> int:
        """On one's own task of a sticker; who has none votes on somebody else's."""
        task = tasks.get(name) or min(tasks.values())
        reply = self.users[name].post(f"{self.url}/api/tasks/{task}/annotations/", json=said)
        assert reply.ok, reply.text
        return int(reply.json()["id"])

    def edit(self, name: str, annotation: int, said: dict[str, Any]) -> requests.Response:
        return self.users[name].patch(f"{self.url}/api/annotations/{annotation}/", json=said)


def tasks_of(studio: Any, purpose: str) -> dict[str, Tasks]:
    found: dict[str, Tasks] = {}
    for row in studio.workspace.read("tasks").to_pylist():
        if row["purpose"] == purpose:
            found.setdefault(row["id"], {})[row["person"] or ""] = row["task"]
    return found
