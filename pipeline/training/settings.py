"""Settings of a run: a preset, changed as people type it, and restored from a run's recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from pipeline.engine.errors import StickerworksError

S = TypeVar("S")


def change_settings(settings: S, changes: Mapping[str, str]) -> S:
    """Settings with some fields changed, each given as text and read as its type.

    Raises StickerworksError for a field that there isn't or a text that isn't of its type.
    """
    if not changes:
        return settings
    known = asdict(settings)  # type: ignore[call-overload]
    for name in changes:
        if name not in known:
            raise StickerworksError(
                f"There is no setting {name!r}.", f"Name one of: {', '.join(known)}."
            )
    given = {name: _split(text, known[name]) for name, text in changes.items()}
    return _read(settings, {**known, **given}, changes)


def restore_settings(settings: S, fields: Mapping[str, Any]) -> S:
    """Settings as a recipe holds them; raises TypeError when it has other fields."""
    values = {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }
    return replace(settings, **values)  # type: ignore[type-var]


def _split(text: str, present: Any) -> Any:
    return text.split(",") if isinstance(present, tuple) else None if text == "" else text


def _read(settings: S, fields: dict[str, Any], changes: Mapping[str, str]) -> S:
    try:
        return TypeAdapter(type(settings)).validate_python(fields)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else next(iter(changes))
        raise StickerworksError(
            f"The setting {name} can't be {changes.get(name, fields.get(name))!r}: {first['msg']}.",
            "Give it as --with NAME=VALUE, a list with commas.",
        ) from error
