"""What of a source's options decides what it lists: queries asked otherwise are other queries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from pydantic import BaseModel

from crawlers.source import load_source, read_options
from pipeline.engine.secret_names import is_secret_name
from schemas.config import CrawlConfig


def scope_of(config: CrawlConfig, position: int, options: BaseModel) -> str:
    """A short name for the options of the source at that place of the configuration.

    The same options always have the same name, unless an earlier source has them as well; secrets
    don't count.
    """
    ours = config.sources[position]
    before = [one for one in config.sources[:position] if one.source == ours.source]
    again = sum(one.options == ours.options for one in before)
    given = options.model_dump(mode="json")
    shown = {name: value for name, value in given.items() if not is_secret_name(name)}
    text = json.dumps(shown, sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{digest}-{again + 1}" if again else digest


def key_at(config: CrawlConfig, position: int) -> dict[str, str]:
    """Source and scope of the source at that place: what its queries go by in the ledger."""
    ours = config.sources[position]
    options = read_options(load_source(ours.source), ours, position)
    return {"source": ours.source, "scope": scope_of(config, position, options)}


def places_by_source(config: CrawlConfig, positions: Iterable[int]) -> dict[str, list[int]]:
    """These places of the configuration by the name of their source, each name once."""
    found: dict[str, list[int]] = {}
    for position in positions:
        found.setdefault(config.sources[position].source, []).append(position)
    return found
