"""`release fetch`: a release with the pictures that its addresses still give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.engine.paths import named_path
from pipeline.engine.text import plain
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import Session, open_session

_TOLD = 20


def fetch_command(options: CommandOptions, folder: Path, output: Path) -> int:
    """Fetch a release's pictures; 3 where rows were lost."""
    from crawlers.addresses import AllowList, objection
    from crawlers.fetching.resolver import CheckingResolver
    from crawlers.takedown.takedown import load_takedown
    from pipeline.release.fetching.downloads import Guard
    from pipeline.release.fetching.fetch import fetch_release

    with open_session("release fetch", options, reads_only=True) as session:
        source, target = named_path(folder, "FOLDER"), named_path(output, "--output")
        crawl = session.config.crawl
        allowed = AllowList.of(crawl.allow_hosts)

        def objects(url: str) -> str | None:
            found = objection(url, allowed)
            return None if found is None else found.error

        takedown = load_takedown(crawl, session.workspace)

        def taken_down(id_: str | None, urls: Sequence[str]) -> bool:
            by_hash = None if id_ is None else takedown.objection_to_hash(id_)
            return (by_hash or takedown.objection_to_urls(urls)) is not None

        guard = Guard(objects, partial(CheckingResolver.of, crawl.allow_hosts), taken_down)
        if options.dry_run:
            session.say(f"  {'fetch':<12} would fetch the pictures of {source} into {target}")
            return session.exit_code
        done = fetch_release(source, target, session.config, guard, session.say)
        session.results["fetch"] = {"path": str(done.path), **done.facts}
        session.incomplete = bool(done.facts["losses"])
        _tell(session, done.facts, done.fetched)
        session.say(f"  {'fetch':<12} {done.path}")
        if session.incomplete:
            session.say(
                f"  {'':<12} What was fetched is kept in {done.kept}: the same command again asks "
                "only for what is missing."
            )
    return session.exit_code


def _tell(session: Session, facts: dict[str, Any], fetched: int) -> None:
    losses, splits = facts["losses"], facts["splits"]
    causes = Counter[str]()
    for row in losses:
        causes[row["cause"]] += row["rows"]
    told = ", ".join(f"{plain(cause)} {count:,}" for cause, count in causes.most_common())
    session.say(f"  {'fetch':<12} {fetched:,} pictures fetched; lost: {told or 'none'}")
    for row in losses[:_TOLD]:
        host = row["host"] or "no host"
        session.say(f"  {'':<12} {plain(host)}: {plain(row['cause'])} {row['rows']:,}")
    if len(losses) > _TOLD:
        session.say(f"  {'':<12} {len(losses) - _TOLD:,} more are in fetched.json")
    for split, moved in splits.items():
        rows = moved["rows"]
        session.say(
            f"  {split:<12} {rows['after']:,} of {rows['before']:,} rows; moved by "
            + ", ".join(
                f"{name.replace('_', ' ')} {moved[name]['distance']:.3f}"
                for name in ("tags", "suggested_tags", "domain")
            )
            + f"; {moved['tags']['gone_count']:,} tags gone"
        )
