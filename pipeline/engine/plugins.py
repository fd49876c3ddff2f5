"""Plugins: ours and a stranger's are found, checked and blamed the same way, by entry points."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from typing_extensions import get_protocol_members, is_protocol

from pipeline.engine.addresses import scrub
from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import read_options

GROUPS = {
    "sources": "source",
    "measures": "measure",
    "rules": "rule",
    "ocr": "OCR backend",
    "captioners": "captioner",
    "baselines": "baseline",
    "layouts": "layout",
}
"""Groups, each ``stickerworks.<name>`` among the entry points, and what is in them."""

_UNKNOWN = "an unknown distribution"

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
    if isinstance(found, type) or not isinstance(found, kind):
        what = f"the class {found.__name__}" if isinstance(found, type) else _a(found)
        wanted = get_protocol_members(kind) if is_protocol(kind) else ()
        lacks = sorted(member for member in wanted if not hasattr(found, member))
        raise PluginError(
            f"{describe_plugin(group, name)} is {what}, and no {kind.__name__}"
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
    return f"The {_noun(group)} {name!r} of {brought_by(group, name)}"


def brought_by(group: str, name: str) -> str:
    """Name and version of the distribution that brought a plugin."""
    points = (point for point in _points(group) if point.name == name)
    return _distribution(next(points, None))


def is_ours(group: str, name: str) -> bool:
    """Whether stickerworks itself brings the plugin, or nobody knows who does."""
    return brought_by(group, name).startswith(("stickerworks ", _UNKNOWN))


@contextmanager
def plugin_faults(
    group: str, name: str, doing: str, passing: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Tell whatever a plugin raises as its fault, but for its own StickerworksErrors and what is
    ``passing``."""
    let_pass: tuple[type[Exception], ...] = (StickerworksError, MemoryError, *passing)
    try:
        yield
    except let_pass:
        raise
    except (Exception, SystemExit) as error:
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
    except (Exception, SystemExit) as error:
        raise PluginRowError(f"{describe_plugin(group, name)} raised {_tell(error)}") from error


@cache
def _load(group: str, name: str) -> object:
    point = _find(group, name)
    try:
        found: object = point.load()
    # A stranger's module may raise anything, or end the process.
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"{describe_plugin(group, name)} can't be loaded: {_tell(error)}.",
            _remedy(point, error),
        ) from error
    return found


def read_plugin_options(
    group: str, name: str, model: type[Kind], values: Mapping[str, Any], where: str
) -> Kind:
    """A plugin's own options, checked; ``where`` is their key in the configuration."""
    described = describe_plugin(group, name)
    return read_options(model, values, where, f"the{described.removeprefix('The')}")


def _noun(group: str) -> str:
    return GROUPS.get(group, f"{group} plugin")


def _find(group: str, name: str) -> EntryPoint:
    # One distribution may be listed twice, by two folders of the search path.
    points = {_distribution(point): point for point in _points(group) if point.name == name}
    if not points:
        known = ", ".join(plugin_names(group)) or "none"
        raise StickerworksError(
            f"There is no {_noun(group)} called {name!r}{near(name, plugin_names(group))}.",
            f"Installed: {known}. A package with a new entry point must be installed again.",
        )
    if len(points) > 1:
        raise PluginError(
            f"Several distributions bring {_noun(group)} {name!r}: {', '.join(sorted(points))}.",
            "Uninstall all but one of them.",
        )
    return next(iter(points.values()))


@cache  # reading every package's entry points takes longer than most rules do on a shard
def _points(group: str) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=f"stickerworks.{group}"))


def _distribution(point: EntryPoint | None) -> str:
    if point is None or point.dist is None:
        return _UNKNOWN
    return f"{point.dist.name} {point.dist.version}"


def _remedy(point: EntryPoint, error: BaseException) -> str:
    missing = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    own = missing and missing.partition(".")[0] == point.module.partition(".")[0]
    if own or str(error).startswith(f"module {point.module!r} has no attribute"):
        return f"Its entry point is {point.value}: correct it, and install the package again."
    if missing:
        return f"Install {missing.partition('.')[0]}, which it needs, or uninstall the plugin."
    if point.dist is None or point.dist.name == "stickerworks":
        return "`stickerworks doctor` lists what is missing; --debug shows where."
    return f"Tell its author, or run `pip uninstall {point.dist.name}`; --debug shows where."


def near(name: str, known: Sequence[str]) -> str:
    """The known name that was probably meant, as a question; empty where none is near."""
    found = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {found[0]}?)" if found else ""


def _a(value: object) -> str:
    return f"a {type(value).__name__}"


def _tell(error: BaseException) -> str:
    text = " ".join(scrub(f"{type(error).__name__}: {error}").split()).removesuffix(".")
    return text if len(text) <= 300 else f"{text[:300]}…"
