"""A workspace with every table, drawn and written here: two shards, known counts."""

from __future__ import annotations

import hashlib
import io
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from table_rows import put

from pipeline.engine.workspace import Workspace

HOSTILE = '<script>alert("x")</script><img src=http://evil.example/a.png onerror=alert(1)>\u202e'
TAGS = ("笑", "哭", "狗", "happy", "打工人")
Rows = list[dict[str, Any]]
_DECISION = ("id", "kept", "outcome", "reasons")


def draw(number: int, animated: bool) -> tuple[bytes, bytes]:
    """The bytes of a sticker and its first key frame as JPEG."""
    source = random.Random(number)
    frames = []
    for step in range(5 if animated else 1):
        image = Image.new("RGB", (160, 140 + number % 40), "white")
        pen = ImageDraw.Draw(image)
        colour = tuple(source.randrange(40, 240) for _ in range(3))
        pen.ellipse((20 + 8 * step, 20, 110 + 8 * step, 110), fill=colour, outline="black", width=4)
        pen.text((30, 115), f"sticker {number}", fill="black")
        frames.append(image)
    media, jpeg = io.BytesIO(), io.BytesIO()
    frames[0].save(media, "GIF", save_all=True, append_images=frames[1:], duration=120, loop=0)
    frames[0].save(jpeg, "JPEG", quality=90)
    return media.getvalue(), jpeg.getvalue()


def _sticker(workspace: Workspace, number: int) -> dict[str, Any]:
    media, jpeg = draw(number, animated=number % 3 == 0)
    key = hashlib.sha256(media + bytes([number % 256])).hexdigest()
    path = workspace.media / key[:2] / f"{key}.gif"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(media)
    outcome = {0: "dropped", 1: "failed"}.get(number % 10, "kept")
    reasons = None
    if outcome == "dropped":
        reasons = [{"rule": "aspect", "value": 3.25, "threshold": 2.5, "detail": None}]
        if number % 20 == 0:
            reasons.append({"rule": "entropy", "value": 0.1, "threshold": 0.3, "detail": HOSTILE})
    if outcome == "failed":
        reasons = [{"rule": "decode", "value": None, "threshold": None, "detail": "truncated"}]
    return {
        "id": key,
        "number": number,
        "jpeg": jpeg,
        "outcome": outcome,
        "reasons": reasons,
        "kept": outcome == "kept",
        "path": str(path.relative_to(workspace.root)),
    }


def _shard(stickers: Rows) -> Mapping[str, Rows]:
    kept = [s for s in stickers if s["kept"]]
    return {
        "stickers": [{"id": s["id"], "format": "gif", "nbytes": 900} for s in stickers],
        "media": [{"id": s["id"], "path": s["path"]} for s in stickers],
        "observations": [
            {"id": s["id"], "source": "demo", "source_id": f"item {s['number']}", "query": q}
            for s in stickers
            for q in ("笑", "cat")
        ],
        "signals": [_signals(s) for s in stickers],
        "frames": [_frames(s) for s in stickers],
        "ocr": [
            {"id": s["id"], "measured": True, "text": HOSTILE, "longest": s["number"] % 50}
            for s in stickers
        ],
        "duplicates": [_duplicate(s, kept) for s in stickers],
        "decisions": [{name: s[name] for name in _DECISION} for s in stickers],
        "suggestions": [
            {"id": s["id"], "tags": [(tag := TAGS[(s["number"] + 1) % 5])],
             "scored": [{"tag": tag, "score": 0.5,
                         "sources": ["keyword"] + ["ocr"] * (s["number"] % 5 == 0)}]}
            for s in stickers
        ],
        "domain": [_domain(s) for s in stickers],
        "captions": [
            {"id": s["id"], "captioner": "template", "prompt": "template/1", "field": "description",
             "language": language, "text": f"{HOSTILE} {language}", "flags": []}
            for s in kept
            for language in ("en", "zh")
        ],
        "labels": [_label(s) for s in stickers],
        "splits": [_split(s) for s in stickers],
    }  # fmt: skip


def _signals(s: dict[str, Any]) -> dict[str, Any]:
    if s["outcome"] == "failed":
        return {"id": s["id"], "error": f"truncated after {s['number']} of 999 frames"}
    n = s["number"]
    return {
        "id": s["id"], "width": 160, "height": 150, "min_side": 150, "aspect": 1 + n % 30 / 10,
        "frames": 5 if n % 3 == 0 else 1, "animated": n % 3 == 0, "entropy": n % 60 / 10,
    }  # fmt: skip


def _frames(s: dict[str, Any]) -> dict[str, Any]:
    if s["outcome"] == "failed":
        return {"id": s["id"], "error": "truncated"}
    return {"id": s["id"], "key_frames": [{"index": 0, "width": 160, "jpeg": s["jpeg"]}]}


def _duplicate(s: dict[str, Any], kept: Rows) -> dict[str, Any]:
    double = s["number"] % 20 == 0
    return {
        "id": s["id"],
        "group": kept[s["number"] % 3]["id"] if double else s["id"],
        "representative": not double,
        "kind": "perceptual" if double else None,
        "distance": 7 if double else None,
        "template_id": kept[0]["id"] if s["number"] % 7 == 2 else None,
    }


def _domain(s: dict[str, Any]) -> dict[str, Any]:
    probability = s["number"] % 101 / 100
    domain = "real" if probability >= 0.5 else "cartoon"
    model = "domain-logistic/1 sha256:abc"
    return {
        "id": s["id"],
        "measured": True,
        "domain": domain,
        "probability": probability,
        "model": model,
    }


def _label(s: dict[str, Any]) -> dict[str, Any]:
    n = s["number"]
    row = {"id": s["id"], "tags": [], "votes": 0, "skips": 0, "counts": [], "unknown_tags": []}
    if n % 2:
        return {**row, "status": "unlabelled", "simulated": False}
    if n % 8 == 4:
        counts = [{"tag": tag, "votes": 1} for tag in TAGS[:3]]
        return {**row, "status": "adjudicate", "votes": 3, "counts": counts, "simulated": True}
    tag = TAGS[n % 5]
    other = "happy" if tag != "happy" else "哭"
    return {**row, "status": "effective", "votes": 3, "tags": [tag], "domain": "cartoon",
            "counts": [{"tag": tag, "votes": 2}, {"tag": other, "votes": 1}],
            "unknown_tags": [HOSTILE], "simulated": True}  # fmt: skip


def _split(s: dict[str, Any]) -> dict[str, Any]:
    name = {8: "validation", 9: "test"}.get(s["number"] % 10, "train")
    return {"id": s["id"], "split": name if s["kept"] else None, "group": s["id"]}


def _globals() -> Mapping[str, Rows]:
    return {
        "unfetched": [
            {"source": "demo", "source_id": HOSTILE, "state": "gone", "error_class": "http_404",
             "error": HOSTILE, "attempts": 3}
            for _ in range(7)
        ],
        "keywords": [
            {"keyword": f"{TAGS[i % 5]}{i}", "tokens": [], "stickers": 90 - i} for i in range(40)
        ],
        "elbow": [
            {"k": k, "inertia": 100 / k, "height": 0.5, "chosen": k == 5, "clear": True}
            for k in range(2, 20)
        ],
        "clusters": [
            {"keyword": f"k{i}", "state": "unclustered"} if i < 3
            else {"keyword": f"k{i}", "state": "fitted", "tag": "t001"} if i < 7
            else {"keyword": f"k{i}", "state": "clustered", "cluster": i % 5}
            for i in range(40)
        ],
        "tagset": [
            {"tag": tag, "clusters": [i], "terms": ["a", HOSTILE], "exemplars": ["b"],
             "keywords": 8, "stickers": 50 - i, "flags": ["oversized"] * (i == 0),
             "version": "0123456789abcdef"}
            for i, tag in enumerate(TAGS)
        ],
        "votes": [
            {"id": "0" * 64, "annotator": "a", "origin": "simulated", "simulated": True}
        ],
        "agreement": [
            {"measure": "tag_sets", "alpha": 0.4242, "low": 0.4, "high": 0.45, "stickers": 77},
            {"measure": "domain", "stickers": 77},
            {"measure": "tag", "tag": "笑", "alpha": 0.61, "stickers": 3, "agreed": 2},
            {"measure": "pair", "annotators": ["ann", "bob"], "stickers": 31, "masi": 0.5,
             "equal": 0.3},
        ],
        "leakage": [
            {"kind": "pack", "shared": 9, "leaking": 6, "rows": 41, "examples": [HOSTILE]}
        ],
    }  # fmt: skip


def build(root: Path, shards: tuple[int, ...] = (60, 40)) -> Workspace:
    """A whole workspace with so many stickers in each shard."""
    workspace = Workspace(root)
    number = 0
    for part, rows in enumerate(shards):
        stickers = [_sticker(workspace, number + i) for i in range(rows)]
        number += rows
        for table, made in _shard(stickers).items():
            put(workspace, table, made, part)
    for table, made in _globals().items():
        put(workspace, table, made)
    gate = {
        "passed": True, "verdict": "the real run wins", "reasons": [HOSTILE], "margin": 0.05,
        "figure": "mAP", "real": 0.41, "control": 0.2, "difference": 0.21, "interval": [0.15, 0.27],
        "rows": {"train": 64, "test": 8},
        "curves": {
            name: [{"epoch": e, "loss": 1 / (e + 1), "map": top * e / 9} for e in range(10)]
            for name, top in (("real", 0.41), ("control", 0.2))
        },
    }  # fmt: skip
    workspace.reports.mkdir()
    (workspace.reports / "gate.json").write_text(json.dumps(gate))
    return workspace


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with 100 stickers: 80 kept, 10 dropped, 10 failed. Don't change it."""
    return build(tmp_path_factory.mktemp("filled"))


@pytest.fixture
def make_workspace(tmp_path: Path) -> Callable[..., Workspace]:
    """Builds a workspace of one's own, to be changed."""
    return lambda *shards: build(tmp_path / "own", shards or (20,))
