"""The commands of `stickerworks filter`: measure and decide, explain the rules, audit one."""

from __future__ import annotations

from typing import Annotated

import typer

filter_ = typer.Typer(
    name="filter",
    help="Measure stickers, read their text, find duplicates, decide what is kept.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@filter_.callback()
def everything(
    context: typer.Context,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="say what each rule drops and what other bounds (--set) would; makes no table",
        ),
    ] = False,
) -> None:
    """Measure stickers, read their text, find duplicates, decide what is kept."""
    if context.invoked_subcommand is not None:
        if explain:
            raise typer.BadParameter("--explain stands without a command")
        return
    if explain:
        from stickerworks.cli.filter_explain import explain_command

        raise typer.Exit(explain_command(context.obj))
    from stickerworks.cli.commands import room_command

    raise typer.Exit(room_command("filter", context.obj))
