"""Plugins: ours and a stranger's are found, checked and blamed the same way, by entry points."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from typing_extensions import get_protocol_members, is_protocol

from pipeline.engine.errors import StickerworksError

GROUPS = ("sources", "measures", "rules", "ocr", "captioners", "baselines", "layouts")
"""Names of the groups, each ``stickerworks.<name>`` among the entry points."""

Kind = TypeVar("Kind")


class PluginError(StickerworksError):
    """A fault of a plugin: the line names it and the distribution that brought it."""


class PluginRowError(Exception):
    """The same, where the fault costs one sticker and the others go on."""


def plugin_names(group: str) -> list[str]:
    """Names registered in ``stickerworks.<group>``, sorted."""
    return sorted({point.name for point in _points(group)})


def load_plugin(group: str, name: str, kind: type[Kind]) -> Kind:
    """The plugin of that name, checked to be a ``kind``.

    Raises StickerworksError for an unknown name, with the known ones, and PluginError when two
    distributions bring one of that name, when it can't be loaded, or is something else.
    """
    found = _load(group, name)
    if not isinstance(found, kind):
        what = f"a {type(found).__name__}"
        wanted = get_protocol_members(kind) if is_protocol(kind) else ()
        lacks = sorted(member for member in wanted if not hasattr(found, member))
        raise PluginError(
            f"{describe_plugin(group, name)} is {what}, not a {kind.__name__}"
            + (f" (it lacks {', '.join(lacks)})." if lacks else "."),
            f"Its entry point must name a value of stickerworks.plugins.{kind.__name__}.",
        )
    own = getattr(found, "name", name)
    if own != name:
        raise PluginError(
            f"{describe_plugin(group, name)} calls itself {own!r}.",
            "Its name and that of its entry point must be the same.",
        )
    return found


def describe_plugin(group: str, name: str) -> str:
    """A plugin in words: its group, its name, and the distribution that brought it."""
    points = (point for point in _points(group) if point.name == name)
    return f"The {group} plugin {name!r} of {_distribution(next(points, None))}"


@contextmanager
def plugin_faults(group: str, name: str, doing: str) -> Iterator[None]:
    """Tell whatever a plugin raises as its fault; its own StickerworksErrors pass as they are."""
    try:
        yield
    except (StickerworksError, MemoryError):
        raise
    except Exception as error:
        raise PluginError(
            f"{describe_plugin(group, name)} failed {doing}: {_tell(error)}.",
            "Tell its author; --debug shows where. Nothing finished is lost.",
        ) from error


@contextmanager
def row_faults(group: str, name: str) -> Iterator[None]:
    """Tell what a plugin raises about one sticker as its fault; the row is quarantined."""
    try:
        yield
    except (StickerworksError, PluginRowError, MemoryError):
        raise
    except Exception as error:
        raise PluginRowError(f"{describe_plugin(group, name)} raised {_tell(error)}") from error


@cache
def _load(group: str, name: str) -> object:
    point = _find(group, name)
    try:
        found: object = point.load()
    except Exception as error:  # a stranger's module may raise anything
        raise PluginError(
            f"{describe_plugin(group, name)} can't be loaded: {_tell(error)}.",
            _remedy(point, error),
        ) from error
    return found


def _find(group: str, name: str) -> EntryPoint:
    # One distribution may be listed twice, by two folders of the search path.
    points = {_distribution(point): point for point in _points(group) if point.name == name}
    if not points:
        known = ", ".join(plugin_names(group)) or "none"
        raise StickerworksError(
            f"There is no {group} plugin called {name!r}.",
            f"Installed: {known}. If it is listed in pyproject.toml, run `make setup` again.",
        )
    if len(points) > 1:
        raise PluginError(
            f"Several distributions bring a {group} plugin called {name!r}: "
            f"{', '.join(sorted(points))}.",
            "Uninstall all but one of them.",
        )
    return next(iter(points.values()))


@cache  # reading every package's entry points takes longer than most rules do on a shard
def _points(group: str) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=f"stickerworks.{group}"))


def _distribution(point: EntryPoint | None) -> str:
    if point is None or point.dist is None:
        return "an unknown distribution"
    return f"{point.dist.name} {point.dist.version}"


def _remedy(point: EntryPoint, error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"Install {error.name.partition('.')[0]}, which it needs, or uninstall the plugin."
    if point.dist is None or point.dist.name == "stickerworks":
        return "`stickerworks doctor` lists what is missing; --debug shows where."
    return f"Tell its author, or run `pip uninstall {point.dist.name}`; --debug shows where."


def _tell(error: Exception) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(".")
    return text if len(text) <= 300 else f"{text[:300]}…"
