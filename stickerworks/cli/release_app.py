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


@release.command()
def export(
    context: typer.Context,
    profile: Annotated[
        str, typer.Argument(metavar="PROFILE", help="a shape, such as stickertag, vsd2m or ser30k")
    ],
    folder: Annotated[
        Path | None, typer.Option("--release", help="a release's folder [the configured one]")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="folder to make [beside the release, named after it]")
    ] = None,
    webdataset: Annotated[
        bool, typer.Option("--webdataset", help="tar shards of WebDataset instead of Parquet")
    ] = False,
) -> None:
    """Write a release in the shape of a paper's data set, from the release's own files alone."""
    from stickerworks.cli.release_export import export_command

    raise typer.Exit(export_command(context.obj, profile, folder, output, webdataset))
