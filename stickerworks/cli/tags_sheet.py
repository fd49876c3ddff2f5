"""`tags sheet`: write the spreadsheet on which people name clusters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.engine.runner import check_crawled
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import Session, open_session
from stickerworks.cli.tags_asking import NOTHING, carry_over, prepare_proposals, say_first
from stickerworks.cli.tags_names import Suggested, check_model

if TYPE_CHECKING:
    from pipeline.tags.naming.carry import Carried
    from pipeline.tags.naming.rows import Naming

_NAME = "tags.xlsx"


def sheet_command(options: CommandOptions, file: Path | None, carry: Path | None) -> int:
    """Write the sheet, with what ``carry`` says of earlier clusters where it still holds."""
    from pipeline.tags.naming.reading import read_naming
    from pipeline.tags.naming.sheet.write import check_untouched, sheet_paths
    from pipeline.tags.naming.targets import target_file

    old = None if carry is None else read_naming(carry)
    with open_session("tags sheet", options) as session:
        check_crawled(session.workspace)
        check_model(session)
        target = target_file(file, session.workspace.reports / _NAME, (".xlsx", ".csv"))
        workbook, table = sheet_paths(target)
        check_untouched(workbook, table)
        suggested = prepare_proposals(session)
        if options.dry_run:
            session.say(f"  {'sheet':<12} would write {workbook} and {table.name}")
            return session.exit_code
        with session.part("tags sheet") as counts:
            counts["rows"] = session.mending(
                lambda: _write(session, old, suggested, workbook, table)
            )
        if counts["rows"]:
            session.say(f"Fill in {workbook} (or {table.name} beside it), save it, then:")
            session.say("  stickerworks tags apply FILE")
        else:
            session.say(NOTHING)
    return session.exit_code


def _write(
    session: Session, old: Naming | None, suggested: Suggested, workbook: Path, table: Path
) -> int:
    """Write both files and return how many rows there are to name."""
    from pipeline.tags.naming.sheet.contents import make_sheet
    from pipeline.tags.naming.sheet.how_to import cut_lines
    from pipeline.tags.naming.sheet.write import write_sheet

    proposals = session.workspace.read("proposals").to_pylist()
    carried = None if old is None else carry_over(session, old, proposals)
    sheet = make_sheet(session.workspace, suggested, carried)
    if not sheet.rows:
        return 0
    write_sheet(sheet, workbook, table)
    told = f"{len(sheet.rows):,} rows; keywords in no cluster: {sheet.unclustered:,}"
    session.say(f"  {'sheet':<12} {told}")
    session.results["sheet"] = {
        "path": str(workbook),
        "csv": str(table),
        "rows": len(sheet.rows),
        "unclustered": sheet.unclustered,
        "version": sheet.version,
    }
    for line in cut_lines(sheet):
        session.say(f"  {line}")
    if carried is not None:
        _say_carried(session, carried)
    return len(sheet.rows)


def _say_carried(session: Session, carried: Carried) -> None:
    from pipeline.tags.naming.carry import carried_lines

    session.results["sheet"] |= {
        "taken_over": len(carried.rows),
        "not_taken_over": [row.key or row.name for row in carried.left],
    }
    say_first(session, carried_lines(carried), ", on its sheet 'how to'")
