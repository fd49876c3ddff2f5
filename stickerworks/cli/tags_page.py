"""What `stickerworks tags page` says."""

from __future__ import annotations

from pathlib import Path

from pipeline.engine.paths import named_path
from pipeline.engine.runner import check_crawled
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import open_session

_PAGE = "tags.html"


def page_command(options: CommandOptions, file: Path | None, carry: Path | None) -> int:
    """Write the page on which people name clusters, and say what comes next."""
    from pipeline.tags.naming.page.page import FILE, write_naming_page

    with open_session("tags page", options, reads_only=options.dry_run) as session:
        check_crawled(session.workspace)
        target = session.workspace.reports / _PAGE if file is None else named_path(file, "page")
        if options.dry_run:
            session.say(f"Would write {target}")
            return session.exit_code
        made = session.mending(lambda: write_naming_page(session.workspace, target))
        session.results.update(page=str(made.path), rows=made.rows, pictures=made.pictures)
        session.say(f"{made.rows:,} rows to decide about, {made.pictures:,} pictures")
        session.say(f"Name them in a browser: {made.path}")
        session.say(f"Save there, then: stickerworks tags apply {FILE}")
    return session.exit_code
