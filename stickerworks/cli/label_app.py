"""The commands of `stickerworks label`: human annotation with Label Studio."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stickerworks.cli import (
    label_backup_app,
    label_password_app,
    label_relabel_app,
    label_review_app,
    label_teams_app,
    label_texts_app,
)

label = typer.Typer(
    name="label",
    help="Human annotation with Label Studio: export, import, adjudicate, report.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

ReplaceSimulated = Annotated[
    bool, typer.Option("--replace-simulated", help="let votes go that no person gave")
]


@label.command()
def setup(context: typer.Context) -> None:
    """Start the server on loopback and make the accounts of the lead and the annotators."""
    from stickerworks.cli.label_server import setup_command

    raise typer.Exit(setup_command(context.obj))


@label.command()
def stop(context: typer.Context) -> None:
    """Stop the server; nothing is lost."""
    from stickerworks.cli.label_server import stop_command

    raise typer.Exit(stop_command(context.obj))


@label.command("export")
def export(
    context: typer.Context,
    next_: Annotated[
        int | None, typer.Option("--next", min=1, help="stickers to add [all that are kept]")
    ] = None,
    batch: Annotated[str | None, typer.Option(help="name of the batch [b001, b002, ...]")] = None,
    blind: Annotated[
        bool,
        typer.Option("--blind", help="show nothing beside the sticker, whatever label.show says"),
    ] = False,
    everyone: Annotated[
        bool,
        typer.Option(
            "--everyone", help="give each sticker to all people, blind, to calibrate them"
        ),
    ] = False,
    keep_tags: Annotated[
        bool, typer.Option("--keep-tags", help="go on with the tag set exported first")
    ] = False,
    screening: Annotated[
        bool, typer.Option("--screening", help="export for the review of content instead")
    ] = False,
    all_: Annotated[
        bool, typer.Option("--all", help="with --screening: every kept sticker, not a sample")
    ] = False,
) -> None:
    """Give every kept sticker that has no task yet to as many people as merge.annotators says."""
    from annotation.human.studio.export_request import ExportRequest
    from stickerworks.cli.label import export_command, screening_all

    if all_ and not screening:
        raise typer.BadParameter("--all belongs to --screening; label export takes all anyway")
    options = screening_all(context.obj) if all_ else context.obj
    request = ExportRequest(next_, batch, blind, keep_tags, everyone)
    raise typer.Exit(export_command(options, request, screening=screening))


@label.command("import")
def import_(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="a project exported as JSON [the running server]")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="read everything, not just what changed")
    ] = False,
    annotators: Annotated[
        list[int] | None,
        typer.Option("--annotator", help="number of a user of another server whose votes count"),
    ] = None,
    origin: Annotated[str, typer.Option(help="name for that other server")] = "file",
    replace_simulated: ReplaceSimulated = False,
) -> None:
    """Read answers into votes, decisions and flags, and merge them into labels."""
    from stickerworks.cli.label_answers import AnswerSource, import_command

    source = AnswerSource(file, full, tuple(annotators or ()), origin, replace_simulated)
    raise typer.Exit(import_command(context.obj, source))


@label.command()
def adjudicate(context: typer.Context) -> None:
    """Make a task for the lead of every sticker that three voted on without agreeing."""
    from stickerworks.cli.label import adjudicate_command

    raise typer.Exit(adjudicate_command(context.obj))


@label.command()
def migrate(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="YAML: old tag to new one, to a list, or to []")
    ] = None,
    draft: Annotated[bool, typer.Option("--draft", help="write the file, to be filled in")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="take the newest migration back")] = False,
    who: Annotated[str | None, typer.Option("--by", help="who says so, for the record")] = None,
    replace_simulated: ReplaceSimulated = False,
) -> None:
    """Take a changed tag set into use, saying what became of the tags that are gone.

    With --dry-run: what that does to labels, and nothing else.
    """
    from stickerworks.cli.label_migrate import draft_command, migrate_command, undo_command

    if undo == (file is not None) or (undo and draft):
        raise typer.BadParameter("name a FILE, or --undo without one")
    if file is None:
        raise typer.Exit(undo_command(context.obj, who, replace_simulated=replace_simulated))
    if draft:
        raise typer.Exit(draft_command(context.obj, file))
    raise typer.Exit(migrate_command(context.obj, file, who, replace_simulated=replace_simulated))


@label.command()
def status(context: typer.Context) -> None:
    """Say how far each batch and annotator is, and what waits for whom."""
    from stickerworks.cli.label import status_command

    raise typer.Exit(status_command(context.obj))


@label.command()
def report(context: typer.Context) -> None:
    """Write the lead's page: progress, agreement, quality, disagreements."""
    from stickerworks.cli.label import report_command

    raise typer.Exit(report_command(context.obj))


label_password_app.register(label)
label_teams_app.register(label)
label_backup_app.register(label)
label_relabel_app.register(label)
label_review_app.register(label)
label_texts_app.register(label)
