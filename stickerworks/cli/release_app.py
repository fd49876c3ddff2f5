"""The commands of `stickerworks release`: build one, and what is done with one that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

release = typer.Typer(
    name="release",
    help="Write the release, verify it, and what else is done with releases.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@release.callback()
def everything(context: typer.Context) -> None:
    """Write the Parquet release with card, Croissant, plots and checksums."""
    if context.invoked_subcommand is None:
        build(context)


@release.command()
def build(context: typer.Context) -> None:
    """Write the Parquet release with card, Croissant, plots and checksums, as `release` alone."""
    from stickerworks.cli.commands import release_command

    raise typer.Exit(release_command(context.obj))


@release.command()
def verify(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(help="a release's folder [the configured one]")
    ] = None,
) -> None:
    """Check every file of a release from its own files alone; trains nothing."""
    from stickerworks.cli.release_verify import verify_command

    raise typer.Exit(verify_command(context.obj, folder))
