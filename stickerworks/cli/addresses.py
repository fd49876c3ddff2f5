"""Which folder a command works in: the workspace itself, or the working one of a bucket's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.engine.paths import named_path
from pipeline.engine.store.location import is_address, open_address
from schemas.storage import StorageConfig


def workspace_folder(workspace: str, values: Mapping[str, Any], key: str = "workspace") -> Path:
    """The folder of a workspace by its path or address; ``values`` are those of a configuration.

    Of these, ``storage`` says how an address is reached; what is wrong with it is told by whoever
    reads the whole.
    """
    if not is_address(workspace):
        return named_path(workspace, key)
    try:
        settings = StorageConfig.model_validate(values.get("storage") or {})
    except ValidationError:
        settings = StorageConfig()
    return open_address(workspace, settings)


def named_workspace(workspace: str, config: Path | None, overrides: Sequence[str]) -> Path:
    """The folder of the workspace that ``--workspace`` names, with the settings saved in it."""
    if not is_address(workspace):
        return named_path(workspace, "--workspace")
    from pipeline.engine.workspace import Workspace
    from stickerworks.cli.configuration import plain_values

    folder = workspace_folder(workspace, plain_values(config, overrides), "--workspace")
    Workspace(folder).fetch()
    return folder
