"""The commands of `stickerworks split`: assign splits, propose and reserve named test sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

split = typer.Typer(
    name="split",
    help="Assign train, validation and test without leakage; named test sets.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@split.callback()
def everything(context: typer.Context) -> None:
    """Assign train, validation and test without leakage; named test sets."""
    if context.invoked_subcommand is not None:
        return
    from stickerworks.cli.commands import room_command

    raise typer.Exit(room_command("split", context.obj))


@split.command()
def propose(
    context: typer.Context,
    words: Annotated[
        int, typer.Option(min=1, max=5000, help="trigger words, the most frequent ones")
    ] = 500,
    each: Annotated[
        int, typer.Option(min=1, max=20, help="stickers for a word and domain at most")
    ] = 4,
    page: Annotated[
        Path | None, typer.Option(help="where to write the page [reports/test-sets.html]")
    ] = None,
) -> None:
    """Propose stickers for the test sets vsd_r (real) and vsd_c (cartoon), for people to pick."""
    from stickerworks.cli.named_sets import propose_command

    raise typer.Exit(propose_command(context.obj, words, each, page))


@split.command()
def reserve(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="files that the review page saved")
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="forget what was picked before")
    ] = False,
) -> None:
    """Reserve what people picked: their groups go to test before all others."""
    from stickerworks.cli.named_sets import reserve_command

    raise typer.Exit(reserve_command(context.obj, files, replace=replace))
