"""The options of `stickerworks label texts`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(label: typer.Typer) -> None:
    """Add the command."""
    label.command("texts")(texts)


def texts(
    context: typer.Context,
    field: Annotated[
        str | None, typer.Option(help="of this field of captions alone, as caption [all]")
    ] = None,
    language: Annotated[str | None, typer.Option(help="en or zh [both]")] = None,
    next_: Annotated[int, typer.Option("--next", min=1, help="stickers on the page")] = 50,
    flagged: Annotated[
        bool, typer.Option("--flagged", help="only texts that our checks found odd")
    ] = False,
    all_: Annotated[
        bool, typer.Option("--all", help="all stickers, and what was checked before as well")
    ] = False,
    apply: Annotated[Path | None, typer.Option("--apply", help="the file that it saved")] = None,
    who: Annotated[str | None, typer.Option("--by", help="who says so [as on the page]")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="also corrections in another language than the field's")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="say how often each model was right")
    ] = False,
) -> None:
    """Write a page on which people check what machines wrote, or take in what they said there."""
    from annotation.human.checking.choosing import WantedTexts
    from stickerworks.cli.label_texts import apply_command, page_command, report_command

    if report and apply is not None:
        raise typer.BadParameter("--report and --apply exclude each other")
    if apply is not None:
        raise typer.Exit(apply_command(context.obj, apply, who, force=force))
    if report:
        raise typer.Exit(report_command(context.obj))
    wanted = WantedTexts(field, language, None if all_ else next_, flagged, all_)
    raise typer.Exit(page_command(context.obj, wanted))
