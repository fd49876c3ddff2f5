"""What `stickerworks crawl` and `crawl retry` do."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from stickerworks.cli.crawl_plan import say_plan
from stickerworks.cli.crawl_status import crawled_ledger, say_retries
from stickerworks.cli.display import say_size
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import Session, open_session

if TYPE_CHECKING:
    from crawlers.selection import Selected, Selection


def crawl_command(options: CommandOptions, wanted: Selection) -> int:
    """Crawl the configured sources, or what is wanted of them."""
    from crawlers.selection import select

    with open_session("crawl", options) as session:
        crawl_selected(session, select(session.config.crawl, wanted))
    return session.exit_code


def retry_command(options: CommandOptions, wanted: Selection) -> int:
    """Ask again for what failed for the moment."""
    from crawlers.queries.again import make_due
    from crawlers.selection import select

    with open_session("crawl retry", options) as session:
        selected = select(session.config.crawl, wanted)
        with crawled_ledger(session) as ledger:
            if options.dry_run:
                say_retries(session, ledger, selected)
                return session.exit_code
            due = make_due(ledger, selected.config, selected.positions)
        if due.positions:
            crawl_selected(session, due)
        else:
            session.say(f"  {'crawl':<12} nothing failed that could be asked for again")
    return session.exit_code


def crawl_sources(session: Session) -> None:
    """Fetch what the configured sources list and export it to tables."""
    from crawlers.selection import Selection, select

    crawl_selected(session, select(session.config.crawl, Selection()))


def crawl_selected(session: Session, selected: Selected) -> None:
    """Fetch what the selected sources list and export it to tables, or say what that would be."""
    from crawlers.crawl import crawl
    from crawlers.takedown.takedown import load_takedown

    if session.options.dry_run:
        load_takedown(selected.config)  # what is wrong with the list is told now
        say_plan(session, selected)
        return
    with session.part("crawl") as logged:
        summary = session.mending(
            lambda: crawl(session.workspace, selected.config, session.tell, selected.positions)
        )
        logged.update(rows=summary.observations, stickers=summary.new_stickers)
    session.results["crawl"] = asdict(summary)
    missed = ", ".join(f"{reason} {count:,}" for reason, count in summary.unfetched.items())
    session.say(
        f"  {'crawl':<12} {summary.stickers:,} stickers from {summary.observations:,} "
        f"observations, {summary.new_stickers:,} new ({say_size(summary.new_bytes)})"
        + (f"; not fetched: {missed}" if missed else "")
    )
    for source, error in summary.failed.items():
        session.incomplete = True
        session.say(f"  {'':<12} {source} failed: {error}")
