"""Plugins: ours and a stranger's are found the same way, by entry points."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from pipeline.engine.errors import StickerworksError


def plugin_names(group: str) -> list[str]:
    """Names registered in ``stickerworks.<group>``, sorted."""
    return sorted({point.name for point in entry_points(group=f"stickerworks.{group}")})


@cache  # reading every package's entry points takes longer than most rules do on a shard
def load_plugin(group: str, name: str) -> Any:
    """Load one plugin; an unknown name is answered with the known ones."""
    for point in entry_points(group=f"stickerworks.{group}", name=name):
        try:
            return point.load()
        except ImportError as error:
            raise StickerworksError(
                f"The {group} plugin {name!r} can't be loaded: {error}.",
                "Install what it needs; `stickerworks doctor` lists what is missing.",
            ) from error
    known = ", ".join(plugin_names(group)) or "none"
    raise StickerworksError(
        f"There is no {group} plugin called {name!r}.",
        f"Installed: {known}. If it is listed in pyproject.toml, run `make setup` again.",
    )
