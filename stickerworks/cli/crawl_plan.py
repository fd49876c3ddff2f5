"""What `crawl --dry-run` says: which source would be asked for what, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from stickerworks.cli.session import Session

if TYPE_CHECKING:
    from crawlers.queries.forecast import Forecast
    from crawlers.selection import Selected


def say_plan(session: Session, selected: Selected) -> None:
    """Tell what a crawl would ask each source for; no request is made."""
    from crawlers.queries.forecast import forecast

    plan = list(forecast(session.workspace, selected.config, selected.positions))
    session.results["crawl"] = {"sources": [asdict(source) for source in plan]}
    for source in plan:
        session.say(f"  {'crawl':<12} would list {source.source}: {'; '.join(_parts(source))}")
        for obstacle in source.obstacles:
            session.say(f"  {'':<12} {source.source}: {obstacle}")


def _parts(source: Forecast) -> Iterator[str]:
    if source.queries > 1 or source.again:
        again = ", once more from the start" if source.again else ""
        yield f"{source.to_list:,} of {source.queries:,} queries{again}"
    elif source.queries:
        yield "1 query"
    yield "fetch what is new" if source.limit is None else f"until {source.limit:,} stickers"
    if source.requests_left is not None:
        yield f"{source.requests_left:,} requests left today"
    if source.key is not None and not any(source.key in line for line in source.obstacles):
        yield f"its key is in {source.key}"
