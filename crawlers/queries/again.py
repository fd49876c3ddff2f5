"""Makes what failed for the moment due now, so that a crawl asks for it again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crawlers.ledger import sql as ledger_sql
from crawlers.ledger.ledger import CrawlLedger, ledger_errors
from crawlers.queries.scope import key_at, places_by_source
from crawlers.selection import Selected, only_queries, replace_sources
from crawlers.source import load_source
from pipeline.engine.database import transaction
from schemas.config import CrawlConfig


@dataclass(frozen=True)
class Retries:
    """What of a source `crawl retry` asks for again: files by the class of their error, queries."""

    source: str
    files: dict[str, int]
    failed_queries: int


def retries(
    ledger: CrawlLedger, config: CrawlConfig, positions: Iterable[int]
) -> Iterator[Retries]:
    """What make_due() would make due at the sources at these places, each name once."""
    with ledger_errors(ledger.path):
        for name, places in places_by_source(config, positions).items():
            yield _retries(ledger, config, name, places)


def make_due(ledger: CrawlLedger, config: CrawlConfig, positions: Iterable[int]) -> Selected:
    """Reopen the queries whose listing failed, or whose files did; a crawl of those alone.

    A file's own address isn't kept with its secrets, so that its query is listed once more from
    the start; a listing that failed goes on at the page that it failed at.
    """
    changes: dict[int, dict[str, object]] = {}
    with ledger_errors(ledger.path), transaction(ledger.connection):
        for position in positions:
            name = config.sources[position].source
            if load_source(name).listing is None:
                if _has_failed(ledger, name):
                    changes[position] = {}
            elif queries := _reopen(ledger, config, position):
                # The one query of a source that lists all that it has is the empty text.
                changes[position] = only_queries([query for query in queries if query])
        for name in {config.sources[position].source for position in changes}:
            ledger.connection.execute(ledger_sql.RETRY, {"source": name})
    return replace_sources(config, changes)


def _retries(
    ledger: CrawlLedger, config: CrawlConfig, name: str, positions: Iterable[int]
) -> Retries:
    if load_source(name).listing is None:
        return Retries(name, _failed(ledger, name, None), 0)
    scopes = (key_at(config, place) for place in positions)
    once = {of["scope"]: of for of in scopes}
    due = [row for of in once.values() for row in _due(ledger, of)]
    files: dict[str, int] = {}
    for query in dict.fromkeys(row["query"] for row in due if row["files"]):
        for error_class, count in _failed(ledger, name, query or None).items():
            files[error_class] = files.get(error_class, 0) + count
    failed = [row for row in due if row["state"] == "failed" and row["error_class"] != "bad_query"]
    return Retries(name, files, len(failed))


def _failed(ledger: CrawlLedger, source: str, query: str | None) -> dict[str, int]:
    """Files of a source, or of one of its queries, that failed for the moment."""
    of = {"source": source, "query": query}
    rows = ledger.connection.execute(_FAILED if query is None else _FAILED_OF_QUERY, of)
    return dict(map(tuple, rows.fetchall()))


def _due(ledger: CrawlLedger, of: dict[str, str]) -> list[sqlite3.Row]:
    """Queries to be asked again: their listing failed, or files that they found did."""
    return ledger.connection.execute(_TO_ASK_AGAIN, of).fetchall()


def _reopen(ledger: CrawlLedger, config: CrawlConfig, position: int) -> list[str]:
    of = key_at(config, position)
    found = _due(ledger, of)
    for row in found:
        statement = _REOPEN if row["files"] else _GO_ON
        ledger.connection.execute(statement, of | {"query": row["query"]})
    return [row["query"] for row in found]


def _has_failed(ledger: CrawlLedger, source: str) -> bool:
    found = ledger.connection.execute(_ANY_FAILED, {"source": source}).fetchone()
    return found is not None


# `NOT IN ('ok', 'gone')` beside `= 'retry_at'` is for SQLite: by it the index of what isn't there,
# which holds just these rows, is known to fit.
_TO_ASK_AGAIN = """
SELECT query, files, state, error_class FROM (
    SELECT q.query, q.place, q.state, q.error_class, CASE WHEN q.query = '' THEN EXISTS (
        SELECT 1 FROM observations AS s WHERE s.source = q.source
            AND s.state NOT IN ('ok', 'gone') AND s.state = 'retry_at'
    ) ELSE EXISTS (
        SELECT 1 FROM observations AS s WHERE s.source = q.source AND s.query = q.query
            AND s.state NOT IN ('ok', 'gone') AND s.state = 'retry_at'
    ) END AS files
    FROM queries AS q WHERE (q.source, q.scope) = (:source, :scope) AND q.planned = 1
)
WHERE files OR (state = 'failed' AND error_class IS NOT 'bad_query') ORDER BY place
"""
_REOPEN = """
UPDATE queries SET state = 'open', cursors = '[{}]', pages = 0, listed = 0, last_page = NULL,
    whole = 0, error_class = NULL, error = NULL
WHERE (source, scope, query) = (:source, :scope, :query)
"""
_GO_ON = """
UPDATE queries SET state = 'open', error_class = NULL, error = NULL
WHERE (source, scope, query) = (:source, :scope, :query)
"""
_FAILED = """
SELECT error_class, count(*) FROM observations
WHERE source = :source AND state NOT IN ('ok', 'gone') AND state = 'retry_at' GROUP BY error_class
"""
_FAILED_OF_QUERY = """
SELECT error_class, count(*) FROM observations
WHERE source = :source AND query = :query AND state NOT IN ('ok', 'gone') AND state = 'retry_at'
GROUP BY error_class
"""
_ANY_FAILED = """
SELECT 1 FROM observations
WHERE source = :source AND state NOT IN ('ok', 'gone') AND state = 'retry_at' LIMIT 1
"""
