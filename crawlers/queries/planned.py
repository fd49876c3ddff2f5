"""Which queries the configuration asks a source for, in order and each once."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.engine.text import storable
from pipeline.engine.workspace import Workspace
from schemas.config import SourceConfig


def planned_queries(config: SourceConfig, workspace: Workspace) -> Iterator[str]:
    """Queries of ``crawl.sources[].queries``."""
    yield from dict.fromkeys(query for text in config.queries if (query := storable(text)))
