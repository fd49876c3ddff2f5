"""What `stickerworks crawl status` says, from the crawl's ledger alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import one_line
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import Session, open_session

if TYPE_CHECKING:
    from crawlers.ledger.ledger import CrawlLedger
    from crawlers.queries.progress import Counts, QueryProgress, SourceProgress
    from crawlers.selection import Selected, Selection

_QUERIES_SHOWN = 20


def crawl_status_command(options: CommandOptions, wanted: Selection) -> int:
    """Say how far the sources are, or the queries that are asked about; it takes no lock."""
    from crawlers.queries.progress import queries_in_need, query_progress, source_progress
    from crawlers.selection import Selection, select

    with open_session("crawl status", options, reads_only=True) as session:
        chosen = select(session.config.crawl, Selection(wanted.sources))
        with crawled_ledger(session) as ledger:
            of = ledger, chosen.config, chosen.positions
            if wanted.queries:
                sources: list[SourceProgress] = []
                queries = query_progress(*of, wanted.queries)
            else:
                sources = source_progress(*of)
                queries = queries_in_need(*of, _QUERIES_SHOWN)
        session.results["crawl"] = {
            "sources": [asdict(source) for source in sources],
            "queries": [asdict(query) for query in queries],
        }
        for source in sources:
            _say_source(session, source)
        for query in queries:
            _say_query(session, query)
        asked = {query.query for query in queries}
        for text in wanted.queries:
            if text not in asked:
                session.say(f"  {one_line(text)}: no source was asked for it")
    return session.exit_code


def say_retries(session: Session, ledger: CrawlLedger, selected: Selected) -> None:
    """Tell how many files, and pages of how many queries, `crawl retry` would ask for again."""
    from crawlers.queries.again import retries

    for source in retries(ledger, selected.config, selected.positions):
        again, queries = source.files, source.failed_queries
        parts = [_many(sum(again.values()), "file") + _because(again)] if again else []
        if queries:
            parts.append(f"pages of {queries:,} failed {'query' if queries == 1 else 'queries'}")
        told = f"again for {' and '.join(parts)}" if parts else "for nothing again"
        session.say(f"  {'crawl':<12} would ask {source.source} {told}")


@contextmanager
def crawled_ledger(session: Session) -> Iterator[CrawlLedger]:
    """The workspace's ledger, for reading alone where the command only reads; StickerworksError
    where nothing has been crawled."""
    from crawlers.ledger.ledger import LEDGER, open_ledger, read_ledger

    path = session.workspace.root / LEDGER
    if not path.exists():
        raise StickerworksError(
            f"Nothing has been crawled into {session.workspace.name} yet.",
            "Run `stickerworks crawl`.",
        )
    opened = read_ledger if session.reads_only or session.options.dry_run else open_ledger
    with opened(path) as ledger:
        yield ledger


def _say_source(session: Session, source: SourceProgress) -> None:
    session.say(source.source)
    total = source.open + source.done + source.failed_queries
    if total or source.set_aside:
        aside = f"; {source.set_aside:,} set aside" if source.set_aside else ""
        session.say(
            f"  {'queries':<12} {source.done:,} of {total:,} done, {source.open:,} open, "
            f"{source.failed_queries:,} failed{aside}"
        )
    for name, told in _counts(source.counts):
        session.say(f"  {name:<12} {told}")
    for obstacle in (*source.obstacles, *source.ended):
        session.say(f"  {obstacle}")
    if source.per_day is not None:
        left = max(0, source.per_day - source.asked_today)
        session.say(
            f"  {'today':<12} {source.asked_today:,} of {source.per_day:,} requests for listings, "
            f"{left:,} left"
        )


def _say_query(session: Session, query: QueryProgress) -> None:
    of = "" if query.total is None else f"; the source says there are {query.total:,}"
    more = ", more to list" if query.left else ""
    counts = "; ".join(f"{name} {told}" for name, told in _counts(query.counts))
    session.say(
        f"  {query.source} {one_line(query.query) or '(all)'}: {query.state}, "
        f"{_many(query.pages, 'page')}{more}; {counts}{of}"
    )
    if query.error is not None:
        session.say(f"    {one_line(query.error, 200)}")


def _counts(counts: Counts) -> Iterator[tuple[str, str]]:
    yield "listed", f"{counts.listed:,}"
    known = f", {counts.known:,} of them known from another query" if counts.known else ""
    yield "fetched", f"{counts.fetched:,}{known}"
    for name, count in (("pending", counts.pending), ("gone", counts.gone)):
        if count:
            yield name, f"{count:,}"
    reasons = ("refused", counts.refused), ("failed", counts.failed), ("to retry", counts.to_retry)
    for name, found in reasons:
        if found:
            yield name, f"{sum(found.values()):,}{_because(found)}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _because(reasons: Mapping[str, int]) -> str:
    shown = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    told = ", ".join(f"{reason} {count:,}" for reason, count in shown)
    return f" ({told})" if told else ""
