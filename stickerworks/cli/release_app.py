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

_CONFIGURED = "a release's folder [the configured one]"
_Folder = Annotated[Path | None, typer.Argument(help=_CONFIGURED)]
_Release = Annotated[Path | None, typer.Option("--release", help=_CONFIGURED)]
_Images = Annotated[
    Path | None, typer.Option(help="any other data set: a folder of pictures or Parquet files")
]


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
def diff(
    context: typer.Context,
    first: Annotated[str, typer.Argument(help="a release's folder, or a version")],
    second: Annotated[str, typer.Argument(help="the one after it")],
) -> None:
    """Say what changed from one release to another: rows and why, splits, labels, texts."""
    from stickerworks.cli.release_diff import diff_command

    raise typer.Exit(diff_command(context.obj, first, second))


@release.command()
def takedown(
    context: typer.Context,
    sha256: Annotated[list[str] | None, typer.Option(help="a sticker's id")] = None,
    url: Annotated[
        list[str] | None, typer.Option(help="an address; with * at its end, all that begin so")
    ] = None,
    pack: Annotated[list[str] | None, typer.Option(help="a pack, or source/pack")] = None,
    author: Annotated[list[str] | None, typer.Option(help="an author, or source/author")] = None,
    picture: Annotated[list[Path] | None, typer.Option(help="a picture that shows it")] = None,
    list_: Annotated[Path | None, typer.Option("--list", help="CSV with kind and value")] = None,
    reason: Annotated[str | None, typer.Option(help="why; it is published")] = None,
    export: Annotated[
        Path | None, typer.Option(help="write a program that cleans copies of releases")
    ] = None,
) -> None:
    """Take stickers, and what looks the same, out of everything; they are never crawled again."""
    from stickerworks.cli.release_takedown import Wanted, takedown_command

    wanted = Wanted(
        sha256 or (), url or (), pack or (), author or (), picture or (), list_, reason, export
    )
    raise typer.Exit(takedown_command(context.obj, wanted))


@release.command()
def verify(
    context: typer.Context,
    folder: _Folder = None,
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
    folder: _Release = None,
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


@release.command()
def index(
    context: typer.Context,
    output: Annotated[Path, typer.Option(help="file to write, such as NAME.index.parquet")],
    release_: _Release = None,
    images: _Images = None,
) -> None:
    """Write a hash-only index, with which others find overlap without the pictures."""
    from stickerworks.cli.release_index import index_command

    raise typer.Exit(index_command(context.obj, release_, images, output))


@release.command()
def check(
    context: typer.Context,
    against: Annotated[list[Path], typer.Option(help="an index of a published set, repeatable")],
    release_: _Release = None,
    images: _Images = None,
    most: Annotated[
        float, typer.Option(min=0, max=1, help="share of our stickers that may be copies")
    ] = 0.0,
) -> None:
    """Find copies of published sets by their indexes alone; exit code 1 above --most."""
    from stickerworks.cli.release_index import check_command

    raise typer.Exit(check_command(context.obj, against, release_, images, most))


@release.command()
def fetch(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="a release whose rows lack their pictures")],
    output: Annotated[Path, typer.Option(help="folder to write, or to go on with")],
) -> None:
    """Rebuild a release from the addresses that it names; every byte is checked."""
    from stickerworks.cli.release_fetch import fetch_command

    raise typer.Exit(fetch_command(context.obj, folder, output))


@release.command()
def push(
    context: typer.Context,
    repo: Annotated[str, typer.Option(help="repository of data sets: NAME or OWNER/NAME")],
    folder: _Folder = None,
    endpoint: Annotated[str | None, typer.Option(help="a hub [the public one]")] = None,
    private: Annotated[
        bool, typer.Option("--private", help="make it for its owners alone")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="although it failed its gate, or replaces other files")
    ] = False,
) -> None:
    """Push a verified release to a hub and read it back; the token comes from HF_TOKEN."""
    from stickerworks.cli.release_push import push_command

    raise typer.Exit(push_command(context.obj, folder, repo, endpoint, private, force))
