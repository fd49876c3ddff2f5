"""A workspace in the middle of annotation: drawn stickers, votes of three people, flags."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from table_rows import put

from annotation.human.stages import PLAN
from pipeline.engine.storage import Proof
from pipeline.engine.workspace import Workspace
from schemas.config import Config

HOSTILE = '<script>alert("x")</script><img src=http://evil.example/a.png onerror=alert(1)>\u202e'
TAGS = ("笑", "哭", "狗", "猫", HOSTILE)
NOON = 1_790_000_000_000_000
PEOPLE = ("ann@example.org", "bob@example.org", "cem@example.org")
CONFIG = Config.model_validate({"label": {"annotators": list(PEOPLE)}})
Rows = list[dict[str, Any]]


def key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def draw(number: int) -> list[dict[str, Any]]:
    target = io.BytesIO()
    colour = (37 * number % 256, 91 * number % 256, 53 * number % 256)
    Image.new("RGB", (150, 120), colour).save(target, "JPEG")
    return [{"index": 0, "jpeg": target.getvalue()}]


def vote(number: int, who: int, *tags: str, **more: Any) -> dict[str, Any]:
    return {
        "id": key(number), "annotator": PEOPLE[who], "origin": "label_studio", "simulated": False,
        "skipped": False, "tags": list(tags), "domain": "cartoon", "tagset": "1",
        "sequence": NOON + 10 * number + who, "annotation": f"1/{number * 3 + who}", "task": number,
        "lead_time_s": 5.0 + number % 7, "batch": "b001", "suggested": ["笑"],
        "answers": [{"question": "mood", "values": [moods(number)[who]]}], **more,
    }  # fmt: skip


def moods(number: int) -> tuple[str, str, str]:
    """Agreement, full disagreement, or a value that nobody was offered."""
    kinds = (("good", "good", "bad"), ("good", "bad", "so so"), ("good", HOSTILE, "bad"))
    return kinds[number % 3]


def votes_on(number: int) -> Rows:
    """Agreement, full disagreement, a pair beside a third, and a skip, in turn."""
    tag = TAGS[number % 5]
    others = [TAGS[(number + step) % 5] for step in (1, 2)]
    kind = number % 4
    if kind == 0:
        return [vote(number, who, tag) for who in range(3)]
    if kind == 1:
        return [vote(number, who, chosen) for who, chosen in enumerate((tag, *others))]
    if kind == 2:
        return [vote(number, 0, tag), vote(number, 1, tag, others[0]), vote(number, 2, others[1])]
    return [vote(number, 0, tag), vote(number, 1, others[0]), vote(number, 2, skipped=True)]


def task(number: int, purpose: str = "labelling", **more: Any) -> dict[str, Any]:
    return {"id": key(number), "purpose": purpose, "project": 1, "task": number, "batch": "b001",
            "gold": number < 4, "blind": False, **more}  # fmt: skip


def flag(number: int, who: str, *flags: str, **more: Any) -> dict[str, Any]:
    return {
        "id": key(number), "reviewer": who, "skipped": False, "flags": list(flags), "note": HOSTILE,
        "by_lead": False, "sequence": NOON, "annotation": f"3/{number}", "task": number,
        "created_at": "2026-09-21T14:13:20Z", **more,
    }  # fmt: skip


def decision(number: int, flagged: bool) -> dict[str, Any]:
    reason = {"rule": "review", "value": None, "threshold": None, "detail": "offensive: flagged"}
    return {
        "id": key(number), "kept": not flagged, "outcome": "dropped" if flagged else "kept",
        "reasons": [reason] if flagged else None,
    }  # fmt: skip


def build(root: Path, stickers: int = 60, flagged: tuple[int, ...] = (5, 9)) -> Workspace:
    """A workspace whose ``flagged`` stickers are flagged; 13 is a near-duplicate of 5."""
    workspace = Workspace(root)
    numbers = range(stickers)
    put(workspace, "stickers", [{"id": key(n), "format": "gif"} for n in numbers])
    put(workspace, "frames", [{"id": key(n), "key_frames": draw(n)} for n in numbers])
    groups = [{"id": key(n), "group": key(5 if n == 13 else n)} for n in numbers]
    put(
        workspace,
        "duplicates",
        [{**row, "representative": row["id"] == row["group"]} for row in groups],
    )
    put(workspace, "decisions", [decision(n, n in flagged) for n in numbers])
    alike = f"a reviewer, annotation 3/5 (on {key(5)}, which is alike)"
    reviews = [{"id": key(n), "flagged": n in flagged or n == 13} for n in numbers]
    reviews[13] |= {"flags": ["offensive"], "provenance": alike}
    put(workspace, "reviews", reviews)
    put(workspace, "suggestions", [{"id": key(n), "tags": ["笑"]} for n in numbers])
    put(workspace, "ballot", [{"version": "1", "tag": tag} for tag in TAGS])
    put(workspace, "tag_changes", [])
    mood = {"version": "q1", "name": "mood", "kind": "single", "title_en": f"Mood? {HOSTILE}"}
    put(workspace, "questions", [{**mood, "values": ["good", "bad", "so so"], "required": True}])
    said = {"id": key(0), "field": "caption", "language": "zh", "model": "qwen", "original": "x"}
    check = {**said, "number": 1, "verdict": "right", "who": "lea", "at": "now"}
    put(workspace, "text_checks", [check])
    put(workspace, "adjudications", [])
    put(workspace, "tasks", [*map(task, numbers), *(task(n, "screening") for n in range(12))])
    bad = vote(0, 0, "笑", annotation="1/9999", quarantined=f"because {HOSTILE}")
    fast = vote(1, 0, "狗", lead_time_s=0.3, annotation="1/3")
    put(workspace, "votes", [*(v for n in numbers for v in votes_on(n)), bad, fast])
    put(workspace, "gold", [{"id": key(n), "tags": [TAGS[n % 5]]} for n in range(4)])
    cleared = flag(7, PEOPLE[0])
    put(workspace, "flags", [*(flag(n, PEOPLE[1], "offensive") for n in flagged), cleared])
    for step in PLAN:
        for table, part, rows in step.run(workspace, step.settings(CONFIG)):
            workspace.write(table, part, rows, Proof("test", "test"))
    return workspace


@pytest.fixture(scope="session")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """60 stickers, two of them flagged. Don't change it."""
    return build(tmp_path_factory.mktemp("annotated"))


@pytest.fixture
def build_annotated(tmp_path: Path) -> Callable[..., Workspace]:
    """Builds a workspace of one's own, to be changed."""
    return lambda **how: build(tmp_path / "own", **how)


@pytest.fixture
def config() -> Config:
    return CONFIG


@pytest.fixture
def key_of() -> Callable[[int], str]:
    """A sticker's id by its number."""
    return key
