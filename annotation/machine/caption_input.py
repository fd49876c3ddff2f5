"""What the tables know of stickers, as captioners get it."""

from __future__ import annotations

from typing import Any

from annotation.machine.captioner import CaptionInput
from annotation.machine.chat import Picture
from pipeline.engine.stage import Tables


def collect_inputs(tables: Tables) -> list[CaptionInput]:
    """What the tables know of each sticker, in the order of ``stickers``."""
    domain = _by_id(tables, "domain", "domain")
    animated = _by_id(tables, "signals", "animated")
    text = _by_id(tables, "ocr", "text")
    frames = _by_id(tables, "frames", "key_frames")
    clips = _by_id(tables, "clips", "frames")
    observations: dict[str, list[dict[str, Any]]] = {}
    for row in tables["observations"].select(["id", "query", "tags", "title"]).to_pylist():
        observations.setdefault(row["id"], []).append(row)
    return [
        CaptionInput(
            id=key,
            domain=domain[key],
            animated=animated[key],
            keywords=_keywords(observations.get(key, [])),
            text=text[key] or "",
            pictures=pictures_of(frames[key], clips.get(key)),
        )
        for key in tables["stickers"]["id"].to_pylist()
    ]


def pictures_of(
    key_frames: list[dict[str, Any]] | None, clip: list[dict[str, Any]] | None
) -> tuple[Picture, ...]:
    """An animation's frames with their times; of a still its picture, which has no time."""
    if clip:
        return tuple(Picture(frame["jpeg"], frame["start_ms"]) for frame in clip)
    shown = [frame for frame in key_frames or () if frame["jpeg"]]
    if len(shown) == 1:
        return (Picture(shown[0]["jpeg"]),)
    return tuple(Picture(frame["jpeg"], frame["start_ms"]) for frame in shown)


def _keywords(observations: list[dict[str, Any]]) -> tuple[str, ...]:
    queries = [row["query"] for row in observations]
    tags = [tag for row in observations for tag in row["tags"] or ()]
    titles = [row["title"] for row in observations]
    # Queries first: they are the trigger words; a title is the least like a keyword.
    return tuple(dict.fromkeys(word for word in (*queries, *tags, *titles) if word))


def _by_id(tables: Tables, name: str, column: str) -> dict[str, Any]:
    table = tables[name]
    pairs = zip(table["id"].to_pylist(), table[column].to_pylist(), strict=True)
    return dict(pairs)
