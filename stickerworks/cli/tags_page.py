"""`tags page`: write the page on which people name, merge and split clusters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.engine.runner import check_crawled
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import Session, open_session
from stickerworks.cli.tags_asking import NOTHING, carry_over, prepare_proposals, say_first
from stickerworks.cli.tags_names import Suggested, check_model

if TYPE_CHECKING:
    from pipeline.tags.naming.rows import Naming

_NAME = "tags.html"


def page_command(options: CommandOptions, file: Path | None, carry: Path | None) -> int:
    """Write the page, with what ``carry`` says of earlier clusters where it still holds."""
    from pipeline.tags.naming.page.page import check_unchanged
    from pipeline.tags.naming.reading import read_naming
    from pipeline.tags.naming.targets import target_file

    old = None if carry is None else read_naming(carry)
    with open_session("tags page", options) as session:
        check_crawled(session.workspace)
        check_model(session)
        target = target_file(file, session.workspace.reports / _NAME, (".html",))
        check_unchanged(target)
        suggested = prepare_proposals(session)
        if options.dry_run:
            session.say(f"  {'page':<12} would write {target}")
            return session.exit_code
        with session.part("tags page") as counts:
            counts["rows"] = session.mending(lambda: _write(session, old, suggested, target))
    return session.exit_code


def _write(session: Session, old: Naming | None, suggested: Suggested, target: Path) -> int:
    """Write the page, say what comes next, and return how many rows there are to name."""
    from pipeline.tags.naming.page.page import FILE, write_naming_page

    start, lines = (None, []) if old is None else _begin(session, old)
    made = write_naming_page(session.workspace, target, start, suggested)
    if made is None:
        session.say(NOTHING)
        return 0
    told = {"path": str(made.path), "rows": made.rows, "pictures": made.pictures}
    session.results["page"] = told | {"version": made.version}
    session.say(f"  {'page':<12} {made.rows:,} rows, {made.pictures:,} pictures")
    say_first(session, lines)
    session.say(f"Name them in a browser: {made.path}")
    session.say(f"Save there ({FILE}), then:")
    session.say("  stickerworks tags apply FILE")
    return made.rows


def _begin(session: Session, old: Naming) -> tuple[Naming, list[str]]:
    """What the page begins with, and lines about what was taken over."""
    from dataclasses import replace

    from pipeline.tags.naming.carry import carried_lines

    proposals = session.workspace.read("proposals").to_pylist()
    versions = {row["version"] for row in proposals}
    if {row.version for row in old.rows} <= versions:  # about these very proposals
        return old, [f"taken over: all of {old.source}"]
    carried = carry_over(session, old, proposals)
    return replace(old, rows=(*carried.rows.values(), *carried.added)), carried_lines(carried)
