"""Tables that a page needs and the workspace lacks, and the commands that make them."""

from __future__ import annotations

from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES


def missing(workspace: Workspace, *tables: str) -> list[dict[str, str]]:
    """Those of the tables that are not complete, each with the command that makes it."""
    return [
        {"table": name, "command": f"stickerworks {TABLES[name].command}"}
        for name in tables
        if not workspace.parts or not workspace.complete(name)
    ]
