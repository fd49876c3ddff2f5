"""What a crawl source is: a plugin in the group ``stickerworks.sources``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from crawlers.observation import LocalFile
from pipeline.engine.options import read_options as read
from pipeline.engine.plugins import load_plugin
from schemas.config import SourceConfig


class SourceOptions(BaseModel):
    """Base of a source's options: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Source:
    """A source's name, options and terms, and exactly one way to run it.

    ``spider`` is the import path of a Scrapy spider ("package.module:Class"), which gets
    ``options`` as an attribute and yields Observations in a stable order. ``observations`` yields
    local files in a stable order. ``redistribute`` is the default for what a release may carry.
    """

    name: str
    title: str
    options: type[BaseModel]
    redistribute: bool
    terms: str
    spider: str | None = None
    observations: Callable[[Any], Iterator[LocalFile]] | None = None

    def __post_init__(self) -> None:
        if (self.spider is None) == (self.observations is None):
            raise ValueError(f"source {self.name!r} needs either a spider or observations")


def load_source(name: str) -> Source:
    """The source plugin of that name; StickerworksError when there is none."""
    return load_plugin("sources", name, Source)


def read_options(source: Source, config: SourceConfig, position: int) -> BaseModel:
    """The source's own options, checked; errors name the key in the configuration."""
    where = f"crawl.sources[{position}].options"
    return read(source.options, config.options, where, f"the source {source.name}")
