"""What a crawl would ask each source for, and what keeps it from it; no request is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from crawlers.ledger.ledger import LEDGER, CrawlLedger, ledger_errors, open_ledger
from crawlers.queries.book import QueryBook
from crawlers.queries.planned import planned_queries
from crawlers.queries.scope import scope_of
from crawlers.source import Source, load_source, read_options
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig


@dataclass(frozen=True)
class Forecast:
    """A source: its queries, how many of them the next crawl lists, and its budget of today.

    Where it takes no queries both are 0. ``again`` says that all of them were listed to their end
    and begin once more. ``obstacles`` are what must be done before it can be asked, a line each.
    """

    source: str
    title: str
    queries: int
    to_list: int
    again: bool
    limit: int | None
    requests_left: int | None
    key: str | None
    obstacles: tuple[str, ...]


def forecast(
    workspace: Workspace, config: CrawlConfig, positions: Iterable[int]
) -> Iterator[Forecast]:
    """What a crawl of the sources at these places would do."""
    with _ledger(workspace) as ledger:
        for position in positions:
            yield _of(workspace, ledger, config, position)


@contextmanager
def _ledger(workspace: Workspace) -> Iterator[CrawlLedger | None]:
    path = workspace.root / LEDGER
    if not path.exists():  # looking makes nothing
        yield None
        return
    with open_ledger(path) as ledger:
        yield ledger


def _of(
    workspace: Workspace, ledger: CrawlLedger | None, config: CrawlConfig, position: int
) -> Forecast:
    ours = config.sources[position]
    source = load_source(ours.source)
    options = read_options(source, ours, position)
    obstacles = [str(error) for error in _obstacles(source, ours.accept_terms, position)]
    queries: list[str] = []
    try:
        queries = _queries(workspace, source, config, position)
    except StickerworksError as error:
        obstacles.append(str(error))
    scope = scope_of(config, position, options)
    known = _states(ledger, source.name, scope)
    left = [query for query in queries if known.get(query, "open") == "open"]
    asked = QueryBook(ledger, source.name, scope).asked_today() if ledger else 0
    return Forecast(
        source.name,
        source.title,
        len(queries),
        len(left or queries),
        bool(queries) and not left,
        ours.limit,
        None if ours.per_day is None else max(0, ours.per_day - asked),
        source.key.variable if source.key else None,
        tuple(obstacles),
    )


def _queries(workspace: Workspace, source: Source, config: CrawlConfig, position: int) -> list[str]:
    if source.listing is None:
        return []
    queries = list(planned_queries(config.sources[position], workspace))
    if not queries and source.listing.needs_query:
        raise StickerworksError(
            "It lists nothing without queries.",
            f"Set crawl.sources[{position}].queries, query_file or query_table.",
        )
    return queries or [""]


def _obstacles(source: Source, accepted: bool, position: int) -> Iterator[StickerworksError]:
    if source.must_accept and not accepted:
        yield StickerworksError(
            f"Its terms aren't accepted: {source.terms}",
            f"If you do, set crawl.sources[{position}].accept_terms to true.",
        )
    if source.key is not None:
        try:
            source.key.read()
        except StickerworksError as error:
            yield error


def _states(ledger: CrawlLedger | None, source: str, scope: str) -> dict[str, str]:
    if ledger is None:
        return {}
    with ledger_errors(ledger.path):
        rows = ledger.connection.execute(_STATES, (source, scope)).fetchall()
    return dict(map(tuple, rows))


_STATES = "SELECT query, state FROM queries WHERE (source, scope) = (?, ?)"
