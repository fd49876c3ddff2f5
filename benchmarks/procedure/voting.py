"""Three annotators and a lead who vote through a real server's interface for programs."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from annotation.human.studio.accounts import login
from annotation.human.studio.client import FOLDER
from annotation.human.studio.server import start
from annotation.human.studio.server_paths import ServerPaths, read_accounts
from pipeline.engine.workspace import Workspace
from schemas.labelling import LabelConfig


def vote(root: Path, label: LabelConfig, truth: Mapping[str, str], names: Sequence[str]) -> int:
    """Each annotator votes on each task of theirs: mostly its true tag, now and then another too.

    ``truth`` is a tag for each sticker that has one; returns the votes given.
    """
    place = ServerPaths(root / FOLDER)
    url = start(place, label)
    passwords = read_accounts(place)["passwords"]
    tasks: dict[str, list[tuple[str, int]]] = {}
    for row in Workspace(root).read("tasks").to_pylist():
        if row["purpose"] == "labelling" and row["withdrawn"] is None:
            tasks.setdefault(row["person"], []).append((row["id"], row["task"]))
    chance, given = random.Random(0), 0
    for name in label.accounts:
        browser = login(url, name, passwords[name])
        for sticker, task in sorted(tasks.get(name, ())):
            tags = _seen(chance, truth.get(sticker), names)
            reply = browser.post(f"{url}/api/tasks/{task}/annotations/", json=_answer(tags))
            if not reply.ok:
                raise AssertionError(f"{reply.status_code} from the server: {reply.text[:200]}")
            given += 1
    return given


def _seen(chance: random.Random, true: str | None, names: Sequence[str]) -> list[str]:
    seen = {true} if true is not None and chance.random() < 0.9 else set()
    if not seen or chance.random() < 0.2:
        seen.add(chance.choice(names))
    return sorted(seen)


def _answer(tags: Sequence[str]) -> dict[str, Any]:
    regions = [
        {"from_name": "tags", "to_name": "sticker", "type": "taxonomy",
         "value": {"taxonomy": [[tag] for tag in tags]}},
        {"from_name": "domain", "to_name": "sticker", "type": "choices",
         "value": {"choices": ["cartoon"]}},
    ]  # fmt: skip
    return {"result": regions, "lead_time": 3.0, "was_cancelled": False}
