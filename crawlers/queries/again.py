"""Makes what failed for the moment due now, so that a crawl asks for it again."""

from __future__ import annotations

from collections.abc import Iterable

from crawlers.ledger import sql as ledger_sql
from crawlers.ledger.ledger import CrawlLedger, ledger_errors
from crawlers.queries.scope import scope_of
from crawlers.selection import Selected, only_queries, replace_sources
from crawlers.source import load_source, read_options
from pipeline.engine.database import transaction
from schemas.config import CrawlConfig


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


def _reopen(ledger: CrawlLedger, config: CrawlConfig, position: int) -> list[str]:
    ours = config.sources[position]
    options = read_options(load_source(ours.source), ours, position)
    of = {"source": ours.source, "scope": scope_of(config, position, options)}
    found = ledger.connection.execute(_TO_ASK_AGAIN, of).fetchall()
    for query, files in found:
        ledger.connection.execute(_REOPEN if files else _GO_ON, of | {"query": query})
    return [query for query, _ in found]


def _has_failed(ledger: CrawlLedger, source: str) -> bool:
    found = ledger.connection.execute(_ANY_FAILED, {"source": source}).fetchone()
    return found is not None


_TO_ASK_AGAIN = """
SELECT query, files FROM (
    SELECT q.query, q.place, q.state, q.error_class, CASE WHEN q.query = '' THEN EXISTS (
        SELECT 1 FROM observations AS s WHERE s.source = q.source
            AND s.state NOT IN ('ok', 'gone') AND s.state = 'retry_at'
    ) ELSE EXISTS (
        SELECT 1 FROM observations AS s WHERE s.source = q.source AND s.query = q.query
            AND s.state NOT IN ('ok', 'gone') AND s.state = 'retry_at'
    ) END AS files
    FROM queries AS q WHERE (q.source, q.scope) = (:source, :scope)
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
_ANY_FAILED = """
SELECT 1 FROM observations
WHERE source = :source AND state NOT IN ('ok', 'gone') AND state = 'retry_at' LIMIT 1
"""
