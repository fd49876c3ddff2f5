"""The commands of `stickerworks filter`: measure and decide, explain the rules, audit one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

filter_ = typer.Typer(
    name="filter",
    help="Measure stickers, read their text, find duplicates, decide what is kept.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@filter_.callback()
def everything(
    context: typer.Context,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="say what each rule drops and what other bounds (--set) would; makes no table",
        ),
    ] = False,
) -> None:
    """Measure stickers, read their text, find duplicates, decide what is kept."""
    if context.invoked_subcommand is not None:
        if explain:
            raise typer.BadParameter("--explain stands without a command")
        return
    if explain:
        from stickerworks.cli.filter_explain import explain_command

        raise typer.Exit(explain_command(context.obj))
    from stickerworks.cli.commands import room_command

    raise typer.Exit(room_command("filter", context.obj))


@filter_.command()
def audit(
    context: typer.Context,
    rule: Annotated[str, typer.Argument(help="a rule that dropped stickers, such as ocr_length")],
    sample: Annotated[
        int, typer.Option(min=1, max=5000, help="stickers to look at, of dropped and of kept each")
    ] = 100,
    near: Annotated[
        float | None,
        typer.Option(min=0, help="distance to the bound up to which kept ones are asked about"),
    ] = None,
    precision: Annotated[
        float, typer.Option(min=0, max=1, help="what share of the dropped should be dropped")
    ] = 0.95,
    studio: Annotated[
        bool, typer.Option("--label-studio", help="also write tasks to import into Label Studio")
    ] = False,
    answers: Annotated[
        Path | None, typer.Option(help="a file that the review page or Label Studio saved")
    ] = None,
) -> None:
    """Ask people about a sample of what a rule drops, and keeps near its bound."""
    from stickerworks.cli.filter_audit import AuditRequest, audit_command

    request = AuditRequest(rule, sample, near, precision, studio, answers)
    raise typer.Exit(audit_command(context.obj, request))
