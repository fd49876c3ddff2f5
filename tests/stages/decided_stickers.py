"""Workspaces whose stickers were measured and decided on, from a few numbers each."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from table_rows import put

from pipeline.engine.workspace import Workspace
from pipeline.filter.stages import DECISIONS, SCREENING
from schemas.config import Config

Decided = Callable[..., Workspace]
Sticker = dict[str, Any]


def name(number: int) -> str:
    """The id of the sticker of that number."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def still(number: int) -> bytes:
    """A key frame in a colour of its own."""
    target = io.BytesIO()
    colour = (number * 37 % 256, number * 91 % 256, number * 53 % 256)
    Image.new("RGB", (40, 30), colour).save(target, "JPEG")
    return target.getvalue()


def build(root: Path, stickers: Sequence[Sticker], config: Config | None = None) -> Workspace:
    """Write a workspace of two shards; a sticker is ``aspect``, ``entropy``, ``longest``, the
    number of the sticker that it is ``same`` as, ``flagged``, ``transparency`` and ``error``."""
    config = config or Config()
    workspace = Workspace(root)
    half = len(stickers) // 2
    for part, numbers in enumerate((range(half), range(half, len(stickers)))):
        _measure(workspace, part, [(n, stickers[n]) for n in numbers])
    _run(workspace, SCREENING, config)
    _duplicates(workspace, stickers)
    _run(workspace, DECISIONS, config)
    return workspace


def _measure(workspace: Workspace, part: int, stickers: list[tuple[int, Sticker]]) -> None:
    def rows(of: Callable[[int, Sticker], dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"id": name(n), **of(n, one)} for n, one in stickers]

    def signals(n: int, one: Sticker) -> dict[str, Any]:
        if "error" in one:
            return {"error": one["error"]}
        return {"aspect": one.get("aspect", 1.0), "entropy": one.get("entropy", 5.0),
                "min_side": one.get("min_side", 100), "frames": 1, "animated": False}  # fmt: skip

    put(workspace, "stickers", rows(lambda n, one: {"format": "png"}), part)
    put(workspace, "media", rows(lambda n, one: {"path": f"files/{n}"}), part)
    put(workspace, "signals", rows(signals), part)
    frames = rows(lambda n, one: {"key_frames": [{"index": 0, "width": 40, "jpeg": still(n)}]})
    put(workspace, "frames", frames, part)
    measures = [(n, one["transparency"]) for n, one in stickers if "transparency" in one]
    values = [
        {"id": name(n), "name": "transparency", "version": 1, "value": value}
        for n, value in measures
    ]
    put(workspace, "measures", values, part)
    put(workspace, "expensive_measures", [], part)
    texts = rows(lambda n, one: {"measured": "longest" in one, "longest": one.get("longest")})
    put(workspace, "ocr", texts, part)
    put(workspace, "reviews", rows(lambda n, one: {"flagged": one.get("flagged", False)}), part)


def _duplicates(workspace: Workspace, stickers: Sequence[Sticker]) -> None:
    kept = [one.get("same", n) for n, one in enumerate(stickers)]

    def row(n: int) -> dict[str, Any]:
        # A group is called after the first that was crawled, whichever of it is kept.
        found = {"id": name(n), "group": name(kept.index(kept[n])), "representative": kept[n] == n}
        if kept[n] == n:
            return found
        return {**found, "same_as": name(kept[n]), "kind": "perceptual", "distance": 7}

    half = len(stickers) // 2
    for part, numbers in enumerate((range(half), range(half, len(stickers)))):
        put(workspace, "duplicates", list(map(row, numbers)), part)


def _run(workspace: Workspace, step: Any, config: Config) -> None:
    for table, _, rows in step.run(workspace, step.settings(config)):
        start = 0
        for part in workspace.parts:
            size = workspace.rows("stickers", part)
            put(workspace, table, rows.slice(start, size).to_pylist(), part)
            start += size
