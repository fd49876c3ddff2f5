"""The commands' steps in order, with the generator where a step can't be run a million times."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

MEASURED = (
    "signals", "screening", "duplicates", "reviews", "decisions", "keywords", "clusters",
    "suggestions", "labels", "agreement", "splits", "release",
)  # fmt: skip
"""The real steps."""
CHAIN = (
    "crawl", "media", "made_signals", "signals", "screening", "texts", "duplicates", "reviews",
    "decisions", "keywords", "clusters", "suggestions", "votes", "labels", "agreement", "splits",
    "release",
)  # fmt: skip
"""All of them; ``crawl`` and ``made_signals`` stand for ``media`` and ``signals`` without files."""
GROUPS = "made_groups"
"""Stands for ``duplicates`` and ``reviews``, and compares nothing."""

_CLUSTERS = 50


class Silent:
    """A display that shows nothing."""

    def start(self, name: str, rows: int, shards: int) -> None: ...

    def progress(self, rows_done: int, shards_done: int) -> None: ...

    def stop(self) -> None: ...


def prepare(name: str, root: Path, rows: int, workers: int = 0) -> Callable[[], object]:
    """One step, or one of the generator's, over the collection of ``rows`` at ``root``."""
    # Imported here: a process that only starts others stays small.
    from schemas.config import Config, EngineConfig, TagsConfig
    from synthetic import workspace as generator

    config = Config(engine=EngineConfig(workers=workers), tags=TagsConfig(clusters=_CLUSTERS))
    collection = generator.Collection(root, rows, processes=os.cpu_count() or 1)
    makers: dict[str, Callable[[], object]] = {
        "crawl": partial(generator.crawl, collection),
        "media": partial(generator.crawl, collection, media=True),
        "made_signals": partial(generator.write_signals, collection, config),
        "texts": partial(generator.write_texts, collection, config),
        GROUPS: partial(generator.write_groups, collection, config),
        "votes": partial(generator.write_votes, collection.workspace),
    }
    if name in makers:
        return makers[name]
    if name == "release":
        from pipeline.release.build import build_release

        return partial(build_release, collection.workspace, config)
    from pipeline.engine.runner import run
    from stickerworks.cli.rooms import ROOMS, plan_of

    (work,) = (work for room in ROOMS for work in plan_of(room) if work.name == name)
    return partial(run, work, collection.workspace, config, Silent())
