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
    release: Annotated[
        Path | None,
        typer.Option(
            help="also rank by a baseline that is trained across halves of this release "
            "[votes alone]"
        ),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(
            help="instead of --release: your own run's scores of stickers that it didn't learn "
            "from, by `predict --json`"
        ),
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
    from stickerworks.cli.label_relabel import RelabelRequest, clear_command, relabel_command

    if clear and any(value is not None for value in (release, scores, question)):
        raise typer.BadParameter("--clear takes neither --release, --scores nor --question")
    if release is not None and scores is not None:
        raise typer.BadParameter("--release makes scores of its own: leave out --scores")
    if clear:
        raise typer.Exit(clear_command(context.obj))
    request = RelabelRequest(next_, scores, release, question)
    raise typer.Exit(relabel_command(context.obj, request))
