"""Which folder a command works in: the workspace itself, or the working one of a bucket's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.engine.paths import named_path
from pipeline.engine.place import place_of
from pipeline.engine.store.location import is_address, open_address
from schemas.storage import StorageConfig


def workspace_folder(workspace: str, values: Mapping[str, Any], key: str = "workspace") -> Path:
    """The folder of a workspace by its path or address, with what others saved there; ``values``
    are those of a configuration.

    Of these, ``storage`` says how an address is reached; what is wrong with it is told by whoever
    reads the whole.
    """
    if not is_address(workspace):
        return named_path(workspace, key)
    try:
        settings = StorageConfig.model_validate(values.get("storage") or {})
    except ValidationError:
        settings = StorageConfig()
    folder = open_address(workspace, settings)
    if folder not in _FETCHED:
        # Settings that were kept in the workspace are read next.
        place_of(folder).fetch()
        _FETCHED.add(folder)
    return folder


_FETCHED: set[Path] = set()
