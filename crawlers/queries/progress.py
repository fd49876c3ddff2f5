"""How far each source and each query is, as the ledger says; nothing is asked for or changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from crawlers.ledger.ledger import CrawlLedger, ledger_errors
from crawlers.queries.book import QueryBook
from crawlers.queries.forecast import obstacles
from crawlers.queries.scope import key_at, places_by_source
from crawlers.source import load_source
from schemas.config import CrawlConfig

Reasons = dict[str, int]
"""Number of observations by error class."""


@dataclass(frozen=True)
class Counts:
    """What was listed and became of it.

    Of those ``fetched``, ``known`` are shown by another query as well. ``pending`` ones were
    listed and not asked for yet.
    """

    listed: int
    fetched: int
    known: int
    pending: int
    gone: int
    refused: Reasons
    failed: Reasons
    to_retry: Reasons


@dataclass(frozen=True)
class SourceProgress:
    """A source: its queries by state, its budget, and what is in the way of asking it.

    ``set_aside`` are queries of earlier crawls that the last one wasn't told to ask for, ``ended``
    says why the last crawl left the open ones.
    """

    source: str
    open: int
    done: int
    failed_queries: int
    set_aside: int
    counts: Counts
    asked_today: int
    per_day: int | None
    obstacles: tuple[str, ...]
    ended: tuple[str, ...] = ()


@dataclass(frozen=True)
class QueryProgress:
    """A query: ``left`` is whether pages are left, ``total`` what the source says there is."""

    source: str
    query: str
    state: str
    pages: int
    total: int | None
    left: bool
    counts: Counts
    error_class: str | None
    error: str | None


def source_progress(
    ledger: CrawlLedger, config: CrawlConfig, positions: Iterable[int]
) -> list[SourceProgress]:
    """Progress of the sources at these places, each name once."""
    with ledger_errors(ledger.path):
        return [
            _of_source(ledger, config, name, places)
            for name, places in places_by_source(config, positions).items()
        ]


def queries_in_need(
    ledger: CrawlLedger, config: CrawlConfig, positions: Iterable[int], most: int
) -> list[QueryProgress]:
    """Queries that failed or wait for something, or that have files to retry; worst first."""
    found: list[QueryProgress] = []
    with ledger_errors(ledger.path):
        for of in _scopes(config, positions):
            rows = ledger.connection.execute(_IN_NEED, of | {"most": most - len(found)})
            found += [_of_query(ledger, row) for row in rows.fetchall()]
    return found


def query_progress(
    ledger: CrawlLedger, config: CrawlConfig, positions: Iterable[int], queries: Sequence[str]
) -> list[QueryProgress]:
    """Progress of these queries at each source that was asked for them."""
    with ledger_errors(ledger.path):
        return [
            _of_query(ledger, row)
            for of in _scopes(config, positions)
            for query in queries
            for row in ledger.connection.execute(_ONE, of | {"query": query}).fetchall()
        ]


def _scopes(config: CrawlConfig, positions: Iterable[int]) -> list[dict[str, str]]:
    return [
        key_at(config, position)
        for position in positions
        if load_source(config.sources[position].source).listing is not None
    ]


def _of_source(
    ledger: CrawlLedger, config: CrawlConfig, name: str, positions: Sequence[int]
) -> SourceProgress:
    states: Reasons = {}
    waiting: list[str] = []
    for of in _scopes(config, positions):
        # The same for all of them: what ended the last crawl.
        waiting += [row[0] for row in ledger.connection.execute(_WAITING, of)]
        for state, count in ledger.connection.execute(_STATES, of).fetchall():
            states[state] = states.get(state, 0) + count
    budgets = [config.sources[place].per_day for place in positions]
    return SourceProgress(
        name,
        states.get("open", 0),
        states.get("done", 0),
        states.get("failed", 0),
        states.get("set aside", 0),
        _counts(ledger, name, None),
        QueryBook(ledger, name, "").asked_today(),
        next((budget for budget in budgets if budget is not None), None),
        tuple(dict.fromkeys([line for place in positions for line in obstacles(config, place)])),
        tuple(dict.fromkeys(waiting)),
    )


def _of_query(ledger: CrawlLedger, row: Any) -> QueryProgress:
    return QueryProgress(
        row["source"],
        row["query"],
        row["state"] if row["planned"] else "set aside",
        row["pages"],
        row["total"],
        row["cursors"] != "[]",
        _counts(ledger, row["source"], row["query"] or None),
        row["error_class"],
        row["error"],
    )


def _counts(ledger: CrawlLedger, source: str, query: str | None) -> Counts:
    of = {"source": source, "query": query}
    by_state = _COUNTS if query is None else _COUNTS_OF_QUERY
    states: Reasons = dict(ledger.connection.execute(by_state, of).fetchall())
    reasons: dict[str, Reasons] = {"refused": {}, "failed": {}, "retry_at": {}}
    by_reason = _REASONS if query is None else _REASONS_OF_QUERY
    for state, error_class, count in ledger.connection.execute(by_reason, of):
        reasons.get(state, {})[error_class or "unknown"] = count
    known = _KNOWN if query is None else _KNOWN_OF_QUERY
    return Counts(
        sum(states.values()),
        states.get("ok", 0),
        ledger.connection.execute(known, of).fetchone()[0],
        states.get("pending", 0),
        states.get("gone", 0),
        reasons["refused"],
        reasons["failed"],
        reasons["retry_at"],
    )


_STATES = """
SELECT iif(planned, state, 'set aside'), count(*) FROM queries
WHERE (source, scope) = (:source, :scope) GROUP BY 1
"""
_COUNTS = "SELECT state, count(*) FROM observations WHERE source = :source GROUP BY state"
_COUNTS_OF_QUERY = """
SELECT state, count(*) FROM observations WHERE source = :source AND query = :query GROUP BY state
"""
_REASONS = """
SELECT state, error_class, count(*) FROM observations
WHERE source = :source AND state NOT IN ('ok', 'pending') GROUP BY state, error_class
"""
_REASONS_OF_QUERY = """
SELECT state, error_class, count(*) FROM observations
WHERE source = :source AND query = :query AND state NOT IN ('ok', 'pending')
GROUP BY state, error_class
"""
_KNOWN = """
SELECT coalesce(sum(queries - 1), 0) FROM (
    SELECT count(*) AS queries FROM observations WHERE source = :source AND state = 'ok'
    GROUP BY source_id, variant
)
"""
_KNOWN_OF_QUERY = """
SELECT count(*) FROM observations AS s
WHERE s.source = :source AND s.query = :query AND s.state = 'ok' AND EXISTS (
    SELECT 1 FROM observations AS o
    WHERE o.source = s.source AND o.source_id = s.source_id AND o.variant = s.variant
        AND o.query <> s.query AND o.state = 'ok'
)
"""
_ONE = """
SELECT * FROM queries WHERE (source, scope, query) = (:source, :scope, :query)
"""
_WAITING = """
SELECT error FROM queries
WHERE (source, scope) = (:source, :scope) AND planned = 1 AND state = 'open'
    AND error_class IN ('budget', 'limit', 'source') LIMIT 1
"""
_IN_NEED = """
SELECT q.*, coalesce(c.missed, 0) AS missed FROM queries AS q LEFT JOIN (
    SELECT query, count(*) AS missed FROM observations
    WHERE source = :source AND state NOT IN ('ok', 'pending') AND state = 'retry_at'
    GROUP BY query
) AS c ON c.query = q.query
WHERE (q.source, q.scope) = (:source, :scope) AND q.planned = 1
    AND (q.state = 'failed' OR c.missed > 0
        OR q.error_class IN ('left_out', 'empty_pages', 'max_pages'))
ORDER BY q.state = 'failed' DESC, missed DESC, q.pages, q.place LIMIT :most
"""
