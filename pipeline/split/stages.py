"""The step that gives every kept sticker its split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import pyarrow as pa

from pipeline.engine.stage import Output, Reader, Step
from pipeline.split.groups import Link, connected_groups
from pipeline.split.leakage import find_split_leaks, read_edges
from pipeline.split.stratify import assign
from schemas.config import Config, Section, SplitConfig
from schemas.release import SPLITS
from schemas.tables import TABLES


class SplitSettings(Section):
    """What decides the splits."""

    split: SplitConfig
    labelled_only: bool


def _settings(config: Config) -> SplitSettings:
    return SplitSettings(split=config.split, labelled_only=config.release.labelled_only)


def _split(reader: Reader, settings: SplitSettings) -> Iterator[Output]:
    effective, suggested = _effective_tags(reader), _suggested_tags(reader)
    decisions = reader.read("decisions", columns=["id", "kept"])
    released = set(decisions.filter(decisions["kept"])["id"].to_pylist())
    if settings.labelled_only:
        released &= {sticker for sticker, tags in effective.items() if tags}
    labels = {s: effective.get(s, suggested.get(s, ())) for s in released}
    groups = connected_groups(
        released, _links(reader, released, settings.split.keep_packs_together)
    )
    shares = {name: getattr(settings.split, name) for name in SPLITS}
    splits = assign(groups, labels, shares, seed=settings.split.seed)
    for part in reader.parts:
        rows = [
            {"id": sticker, "split": splits.get(sticker), "group": groups.get(sticker)}
            for sticker in reader.read("stickers", part, ["id"])["id"].to_pylist()
        ]
        yield "splits", part, pa.Table.from_pylist(rows, schema=TABLES["splits"].schema)
    crossing = [asdict(leak) for leak in find_split_leaks(reader, splits)]
    yield "leakage", None, pa.Table.from_pylist(crossing, schema=TABLES["leakage"].schema)


def _links(reader: Reader, released: set[str], packs: bool) -> Iterator[Link]:
    # Dropped near-duplicates count: two stickers may be related through one of them.
    for part in reader.parts:
        duplicates = reader.read("duplicates", part, ["id", "group", "template_id"])
        columns = (duplicates[name].to_pylist() for name in ("id", "group", "template_id"))
        for sticker, group, template in zip(*columns, strict=True):
            yield sticker, ("group", group)
            if template is not None:
                yield sticker, ("template", template)
    if packs:
        for sticker, pack in read_edges(reader, "pack"):
            # Dropped stickers don't count here: one blank image would tie a hundred packs.
            if sticker in released:
                yield sticker, ("pack", pack)


def _effective_tags(reader: Reader) -> dict[str, tuple[str, ...]]:
    rows = reader.read("labels", columns=["id", "tags", "status"]).to_pylist()
    return {row["id"]: tuple(row["tags"] or ()) for row in rows if row["status"] == "effective"}


def _suggested_tags(reader: Reader) -> dict[str, tuple[str, ...]]:
    rows = reader.read("suggestions", columns=["id", "tags"]).to_pylist()
    return {row["id"]: tuple(row["tags"] or ()) for row in rows}


SPLIT = Step(
    name="splits",
    version=3,
    reads=(
        "stickers",
        "decisions",
        "duplicates",
        "signals",
        "labels",
        "observations",
        "suggestions",
    ),
    writes=("splits", "leakage"),
    settings=_settings,
    run=_split,
    optional=("labels", "suggestions"),
)
PLAN = (SPLIT,)
