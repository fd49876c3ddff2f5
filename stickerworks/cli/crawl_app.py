"""The commands of `stickerworks crawl`: fetch, look how far it is, ask again for what failed."""

from __future__ import annotations

from typing import Annotated

import typer

crawl = typer.Typer(
    name="crawl",
    help="Fetch stickers from the configured sources; without a command, all that is left.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

Sources = Annotated[
    list[str] | None, typer.Option("--source", help="one of crawl.sources, repeatable [all]")
]
Queries = Annotated[list[str] | None, typer.Option("--query", help="a query, repeatable")]


@crawl.callback()
def everything(
    context: typer.Context,
    source: Sources = None,
    query: Annotated[
        list[str] | None,
        typer.Option("--query", help="ask for this instead of what is configured, repeatable"),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="stickers of each source at most [configured]")
    ] = None,
) -> None:
    """Fetch stickers from the configured sources into the workspace."""
    if context.invoked_subcommand is not None:
        if source or query or limit is not None:
            raise typer.BadParameter(f"options of {context.invoked_subcommand} stand behind it")
        return
    from crawlers.selection import Selection
    from stickerworks.cli.crawl import crawl_command

    wanted = Selection(tuple(source or ()), _given(query), limit)
    raise typer.Exit(crawl_command(context.obj, wanted))


@crawl.command()
def status(context: typer.Context, source: Sources = None, query: Queries = None) -> None:
    """Say how far each source is, what failed and why, and which queries need attention."""
    from crawlers.selection import Selection
    from stickerworks.cli.crawl_status import crawl_status_command

    wanted = Selection(tuple(source or ()), _given(query))
    raise typer.Exit(crawl_status_command(context.obj, wanted))


@crawl.command()
def retry(context: typer.Context, source: Sources = None) -> None:
    """Ask again, now, for what failed for the moment: files, and pages of listings."""
    from crawlers.selection import Selection
    from stickerworks.cli.crawl import retry_command

    raise typer.Exit(retry_command(context.obj, Selection(tuple(source or ()))))


def _given(queries: list[str] | None) -> tuple[str, ...]:
    from pipeline.engine.text import storable

    cleaned = [storable(query) for query in queries or ()]
    if None in cleaned:
        raise typer.BadParameter("a query is empty")
    return tuple(query for query in cleaned if query)
