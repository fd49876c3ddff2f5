"""The command `stickerworks label password`."""

from __future__ import annotations

from typing import Annotated

import typer


def register(label: typer.Typer) -> None:
    """Add the command."""

    @label.command()
    def password(
        context: typer.Context,
        person: Annotated[str, typer.Argument(help="account (e-mail address) or name")],
    ) -> None:
        """Give a person a new password, shown once; whoever is logged in as them is logged out."""
        from stickerworks.cli.label_password import password_command

        raise typer.Exit(password_command(context.obj, person))
