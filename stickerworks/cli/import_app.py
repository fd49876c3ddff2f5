"""`stickerworks import`: a published data set into the workspace, labels kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_(
    context: typer.Context,
    format_: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT", help="ser30k, met_meme, sticker820k, vsd2m, release, hf, or a plugin"
        ),
    ],
    folder: Annotated[Path, typer.Argument(metavar="PATH", help="the data set's folder")],
    name: Annotated[
        str | None, typer.Option(help="what the data set is called from now on [format or folder]")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option("--map", help="for hf: image=COLUMN,tags=COLUMN,... or a YAML file of that"),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="licence of the data set's pictures, as you state it")
    ] = None,
    licence_url: Annotated[str | None, typer.Option(help="where it is stated")] = None,
    redistribute: Annotated[
        bool, typer.Option("--redistribute", help="that licence lets a release carry the bytes")
    ] = False,
) -> None:
    """Take in a published data set with its labels, texts and splits."""
    from stickerworks.cli.importing import Wanted, import_command

    wanted = Wanted(format_, folder, name, columns, licence, licence_url, redistribute)
    raise typer.Exit(import_command(context.obj, wanted))
