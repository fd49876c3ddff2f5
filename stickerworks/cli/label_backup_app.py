"""`stickerworks label backup` and `label restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(label: typer.Typer) -> None:
    """Add the commands."""
    label.command()(backup)
    label.command()(restore)


def backup(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="file to write, or a folder for one named after the time")
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="put it in the place of a FILE that is there")
    ] = False,
) -> None:
    """Save server, accounts, ledger and votes in one file, while people work.

    The file holds passwords: only you can read it, and it should stay so.
    """
    from stickerworks.cli.label_backup import backup_command

    raise typer.Exit(backup_command(context.obj, file, replace=replace))


def restore(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(help="a backup [none: make the files again that the server shows]"),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="put aside the tasks and votes that are there")
    ] = False,
) -> None:
    """Bring a backup back, into this workspace or another, wherever it lies."""
    from stickerworks.cli.label_backup import restore_command

    raise typer.Exit(restore_command(context.obj, file, replace=replace))
