"""The commands of `stickerworks label` for teams: who is asked instead of whom."""

from __future__ import annotations

from typing import Annotated

import typer


def register(label: typer.Typer) -> None:
    """Add them to the group of commands."""
    label.command()(assign)
    label.command()(leave)


def assign(
    context: typer.Context,
    person: Annotated[
        str | None, typer.Option("--from", help="take unanswered stickers from this person first")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="how many to take from them")
    ] = None,
) -> None:
    """Give stickers that can't get all their votes from those who were asked to further people."""
    from stickerworks.cli.label_teams import assign_command

    if (person is None) != (count is None):
        raise typer.BadParameter("--from PERSON and --count N go together")
    raise typer.Exit(assign_command(context.obj, person, count or 0))


def leave(
    context: typer.Context,
    person: Annotated[str, typer.Argument(help="account, or name, of who left")],
    back: Annotated[
        bool, typer.Option("--back", help="they are back: give them new stickers again")
    ] = False,
    who: Annotated[str | None, typer.Option("--by", help="who says so, for the record")] = None,
) -> None:
    """Give what somebody who left hasn't answered to others; what they answered counts."""
    from stickerworks.cli.label_teams import back_command, leave_command

    raise typer.Exit(
        back_command(context.obj, person) if back else leave_command(context.obj, person, who)
    )
