"""What a crawl source is: a plugin in the group ``stickerworks.sources``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from crawlers.observation import LocalFile, Observation
from pipeline.engine.options import Options
from pipeline.engine.plugins import (
    PluginError,
    describe_plugin,
    load_plugin,
    plugin_faults,
    read_plugin_options,
)
from schemas.config import SourceConfig


@dataclass(frozen=True)
class Source:
    """A source's name, options and terms, and exactly one way to run it.

    ``observations`` gets the options and yields what there is, in a stable order: an Observation
    for what is to be fetched from its ``media_url``, a LocalFile for a file on this machine. A
    source whose list must itself be fetched has a ``spider`` instead, the import path of a
    ListingSpider ("package.module:Class"), which gets ``options`` as an attribute and yields the
    same. ``redistribute`` is the default for what a release may carry, ``terms`` are for people.
    """

    name: str
    title: str
    redistribute: bool
    terms: str
    options: type[BaseModel] = Options
    spider: str | None = None
    observations: Callable[[Any], Iterator[Observation | LocalFile]] | None = None

    def __post_init__(self) -> None:
        if (self.spider is None) == (self.observations is None):
            raise ValueError(f"source {self.name!r} needs either a spider or observations")


def load_source(name: str) -> Source:
    """The source plugin of that name; StickerworksError when there is none."""
    return load_plugin("sources", name, Source)


def read_options(source: Source, config: SourceConfig, position: int) -> BaseModel:
    """The source's own options, checked; errors name the key in the configuration."""
    where = f"crawl.sources[{position}].options"
    return read_plugin_options("sources", source.name, source.options, config.options, where)


def list_items(source: Source, options: BaseModel) -> Iterator[Observation | LocalFile]:
    """What a source without a spider yields; what it raises meanwhile is told as its fault."""
    assert source.observations is not None
    with plugin_faults("sources", source.name, "as it listed its items"):
        yield from source.observations(options)


def no_observation(source: str, item: object) -> PluginError:
    """What a source yields that is neither an Observation nor a LocalFile."""
    return PluginError(
        f"{describe_plugin('sources', source)} yields a {type(item).__name__}, which is no "
        "observation.",
        "It may yield Observation and LocalFile, and a spider requests as well.",
    )
