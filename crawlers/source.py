"""What a crawl source is: a plugin in the group ``stickerworks.sources``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

from pydantic import BaseModel

from crawlers.observation import LocalFile, Observation
from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import Options
from pipeline.engine.plugins import (
    PluginError,
    describe_plugin,
    load_plugin,
    plugin_faults,
    read_plugin_options,
)
from schemas.config import SourceConfig

Cursor = Mapping[str, str | int]
"""Where a listing goes on, in the source's own words; it is stored, so no key may stand in it."""

ITEM = "item"
"""Key of a cursor that leads to one item alone: its source_id. It isn't asked for once its bytes
are there."""


@dataclass(frozen=True)
class Ask:
    """A request for one page of a listing. Its address may carry keys: it is never stored.

    ``api``: a documented programming interface, where the terms of the key hold and not
    robots.txt. ``shared``: the same for every query, so that one run asks once.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    api: bool = False
    shared: bool = False


@dataclass(frozen=True)
class Answer:
    """What came for an Ask: ``headers`` by their small names, ``url`` after redirects."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Page:
    """One page of a listing, read.

    ``next`` is the next page of the same listing, None at its end; ``inner`` are listings that
    this page names, such as packs, read before ``next``. ``total`` is how many items the source
    says there are, ``senseless`` how many entries of this page could not be read.
    """

    observations: Sequence[Observation] = ()
    next: Cursor | None = None
    inner: Sequence[Cursor] = ()
    total: int | None = None
    senseless: int = 0


@dataclass(frozen=True)
class Listing:
    """How a source lists what a query finds: functions that touch no network.

    ``ask`` gets the options, the query and a cursor (``{}`` at first), and says what to request;
    ``read`` gets the same and the answer (status 200), and says what it lists. Where
    ``needs_query`` is false, a source that is given no queries is asked once for all that it has,
    with the query "". An Observation's own ``query`` counts only then. ``retry_after`` reads how
    many seconds an answer asks to wait where its headers don't say so.

    ``ask`` raises BadQueryError for what can't be asked; ``read`` raises RefusedError where the
    source refuses to go on. Whatever else they raise is the fault of one query until several in a
    row fail.
    """

    ask: Callable[[Any, str, Cursor], Ask]
    read: Callable[[Any, str, Cursor, Answer], Page]
    needs_query: bool = True
    retry_after: Callable[[Answer], float | None] | None = None


class RefusedError(StickerworksError):
    """The source refuses to list more: a captcha, a ban, a key that isn't valid."""


class BadQueryError(StickerworksError):
    """The source can't be asked for this query; for another it may."""


@dataclass(frozen=True)
class ApiKey:
    """A secret that a source needs, read from the environment and written nowhere."""

    variable: str
    where: str

    def read(self) -> str:
        """The key; StickerworksError when it isn't set."""
        value = os.environ.get(self.variable, "").strip()
        if not value:
            raise StickerworksError(
                f"The environment variable {self.variable} isn't set.",
                f"Get a key ({self.where}) and export it there; no configuration may hold it.",
            )
        return value

    def forms(self) -> tuple[str, ...]:
        """The key as it may stand in texts and addresses, the longest first."""
        key = self.read()
        return tuple(sorted({key, quote(key, safe=""), quote_plus(key)}, key=len, reverse=True))


@dataclass(frozen=True)
class Source:
    """A source's name, options and terms, and exactly one way to run it.

    ``observations`` gets the options and yields what there is, in a stable order: an Observation
    for what is to be fetched from its ``media_url``, a LocalFile for a file on this machine. A
    source whose list must itself be fetched has a ``listing`` instead. ``decode`` turns what was
    downloaded for an observation into the sticker's bytes, and raises ValueError where it can't.

    ``redistribute`` is the default for what a release may carry, ``terms`` are for people; where
    ``must_accept`` is true, crawl.sources[].accept_terms must say that somebody read them.
    """

    name: str
    title: str
    redistribute: bool
    terms: str
    options: type[BaseModel] = Options
    listing: Listing | None = None
    observations: Callable[[Any], Iterator[Observation | LocalFile]] | None = None
    decode: Callable[[Observation, bytes], bytes] | None = None
    key: ApiKey | None = None
    must_accept: bool = False

    def __post_init__(self) -> None:
        if (self.listing is None) == (self.observations is None):
            raise ValueError(f"source {self.name!r} needs either a listing or observations")

    def may_redistribute(self, ours: SourceConfig) -> bool:
        """Whether a release may carry its bytes: as the configuration says, else its default."""
        return self.redistribute if ours.redistribute is None else ours.redistribute


def load_source(name: str) -> Source:
    """The source plugin of that name; StickerworksError when there is none."""
    return load_plugin("sources", name, Source)


def read_options(source: Source, config: SourceConfig, position: int) -> BaseModel:
    """The source's own options, checked; errors name the key in the configuration."""
    where = f"crawl.sources[{position}].options"
    return read_plugin_options("sources", source.name, source.options, config.options, where)


def list_items(source: Source, options: BaseModel) -> Iterator[Observation | LocalFile]:
    """What a source without a listing yields; what it raises meanwhile is told as its fault."""
    assert source.observations is not None
    with plugin_faults("sources", source.name, "as it listed its items"):
        yield from source.observations(options)


def no_observation(source: str, item: object) -> PluginError:
    """What a source yields that is neither an Observation nor a LocalFile."""
    return PluginError(
        f"{describe_plugin('sources', source)} yields a {type(item).__name__}, which is no "
        "observation.",
        "It may yield Observation and LocalFile.",
    )
