"""The commands of `stickerworks tags`: cluster keywords, ask people to name the clusters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

tags = typer.Typer(
    name="tags",
    help="Cluster keywords, have people name the clusters, suggest tags.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@tags.callback()
def everything(context: typer.Context) -> None:
    """Cluster keywords, have people name the clusters, suggest tags."""
    if context.invoked_subcommand is not None:
        return
    from stickerworks.cli.commands import room_command

    raise typer.Exit(room_command("tags", context.obj))


@tags.command()
def sheet(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="spreadsheet to write [reports/tags.xlsx]")
    ] = None,
    carry: Annotated[
        Path | None, typer.Option("--from", help="a filled-in sheet of earlier clusters")
    ] = None,
) -> None:
    """Write a spreadsheet on which people name, merge, drop and block clusters."""
    from stickerworks.cli.tags_sheet import sheet_command

    raise typer.Exit(sheet_command(context.obj, file, carry))


@tags.command()
def page(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="page to write [reports/tags.html]")] = None,
    carry: Annotated[
        Path | None, typer.Option("--from", help="a filled-in sheet, or what a page has saved")
    ] = None,
) -> None:
    """Write a page on which people name, merge and split clusters, with their stickers."""
    from stickerworks.cli.tags_page import page_command

    raise typer.Exit(page_command(context.obj, file, carry))


@tags.command()
def apply(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="a filled-in sheet (.xlsx, .ods, .csv) or a saved page (.json)")
    ],
    who: Annotated[str | None, typer.Option("--by", help="who named them")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="replace what somebody else decided in this round")
    ] = False,
) -> None:
    """Check what people decided, cell by cell, and freeze it as the tag set in use."""
    from stickerworks.cli.tags_apply import apply_command

    raise typer.Exit(apply_command(context.obj, file, who, replace=replace))
