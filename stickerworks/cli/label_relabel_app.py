"""The command `stickerworks label relabel`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(label: typer.Typer) -> None:
    """Add the command to `stickerworks label`."""
    label.command()(relabel)


def relabel(
    context: typer.Context,
    next_: Annotated[int, typer.Option("--next", min=1, help="stickers to ask about again")] = 100,
    scores: Annotated[
        Path | None,
        typer.Option(help="a baseline's scores of these stickers, from `predict --json`"),
    ] = None,
    question: Annotated[
        str | None,
        typer.Option(help="rank by this question, or by tags alone [what pays most on each]"),
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="take back what was wanted and isn't asked yet")
    ] = False,
) -> None:
    """Say on which stickers further votes pay most, and want them; `label assign` asks for them.

    With --dry-run: the ranking alone.
    """
    from stickerworks.cli.label_relabel import clear_command, relabel_command

    if clear and (scores is not None or question is not None):
        raise typer.BadParameter("--clear takes neither --scores nor --question")
    if clear:
        raise typer.Exit(clear_command(context.obj))
    raise typer.Exit(relabel_command(context.obj, next_, scores, question))
