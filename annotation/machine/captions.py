"""Captions of the kept stickers, written by the captioner that the configuration names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from annotation.machine.captioner import Caption, Captioner, Facts
from pipeline.engine.plugins import load_plugin
from pipeline.engine.stage import Context, Needs, Process, Stage, Tables
from schemas.config import Config
from schemas.tables import CAPTIONS as TABLE


def _settings(config: Config) -> dict[str, Any]:
    chosen = config.annotate
    return {
        "captioner": chosen.captioner,
        "languages": list(chosen.languages),
        "options": dict(chosen.options),
    }


def _models(config: Config) -> Mapping[str, str]:
    captioner: Captioner = load_plugin("captioners", config.annotate.captioner)
    model = captioner.model(config.annotate.options)
    return {"captioner": captioner.prompt, "model": model or "none"}


def _open(context: Context) -> Process:
    settings = context.settings
    captioner: Captioner = load_plugin("captioners", settings["captioner"])
    write = captioner.open(settings["languages"], settings["options"])
    origin = {
        "captioner": captioner.name,
        "model": captioner.model(settings["options"]),
        "prompt": captioner.prompt,
    }

    def process(tables: Tables) -> dict[str, pa.Table]:
        facts = collect_facts(tables)
        captions = write(facts)
        rows = [
            {"id": known.id, **origin, **_row(caption)}
            for known, written in zip(facts, captions, strict=True)
            for caption in written
        ]
        return {TABLE.name: pa.Table.from_pylist(rows, schema=TABLE.schema)}

    return process


def collect_facts(tables: Tables) -> list[Facts]:
    """What the tables know of each sticker, in the order of ``stickers``."""
    domain = _by_id(tables, "domain", "domain")
    animated = _by_id(tables, "signals", "animated")
    text = _by_id(tables, "ocr", "text")
    frames = _by_id(tables, "frames", "key_frames")
    sightings: dict[str, list[dict[str, Any]]] = {}
    for row in tables["observations"].select(["id", "query", "tags", "title"]).to_pylist():
        sightings.setdefault(row["id"], []).append(row)
    return [
        Facts(
            id=key,
            domain=domain[key],
            animated=animated[key],
            keywords=_keywords(sightings.get(key, [])),
            text=text[key] or "",
            key_frames=tuple(frame["jpeg"] for frame in frames[key] or ()),
        )
        for key in tables["stickers"]["id"].to_pylist()
    ]


def _keywords(sightings: list[dict[str, Any]]) -> tuple[str, ...]:
    queries = [row["query"] for row in sightings]
    tags = [tag for row in sightings for tag in row["tags"] or ()]
    titles = [row["title"] for row in sightings]
    # Queries first: they are the trigger words; a title is the least like a keyword.
    return tuple(dict.fromkeys(word for word in (*queries, *tags, *titles) if word))


def _by_id(tables: Tables, name: str, column: str) -> dict[str, Any]:
    table = tables[name]
    pairs = zip(table["id"].to_pylist(), table[column].to_pylist(), strict=True)
    return dict(pairs)


def _row(caption: Caption) -> dict[str, Any]:
    return {
        "field": caption.field,
        "language": caption.language,
        "text": caption.text,
        "flags": list(caption.flags),
        "error": caption.error,
    }


CAPTIONS = Stage(
    name="captions",
    version=1,
    reads=("stickers", "decisions", "signals", "frames", "domain", "ocr", "observations"),
    writes=("captions",),
    needs=Needs(cpus=1, memory_mb=512, seconds_per_row=0.001),
    settings=_settings,
    open=_open,
    selects="decisions",
    batch_rows=64,
    models=_models,
)
