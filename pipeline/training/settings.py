"""Settings of a run: a preset, changed as people type it, and restored from a run's recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import describe_invalid

S = TypeVar("S")

CHECKED = ConfigDict(extra="forbid", allow_inf_nan=False)
"""How pydantic checks our settings: no unknown key, no number that is infinite or none."""

Count = Annotated[int, Field(ge=1)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]
ShareBelowOne = Annotated[float, Field(ge=0, lt=1)]


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
    try:
        return TypeAdapter(type(settings)).validate_python({**known, **given})
    except ValidationError as error:
        what, _ = describe_invalid(error, "", type(settings))
        raise StickerworksError(
            f"Bad setting: {what}.", "Give it as --with NAME=VALUE, a list with commas."
        ) from error


def restore_settings(settings: S, fields: Mapping[str, Any]) -> S:
    """Settings as a recipe holds them; raises TypeError when it has other fields or values."""
    unknown = sorted(set(fields) - set(asdict(settings)))  # type: ignore[call-overload]
    if unknown:
        raise TypeError(f"there is no setting {unknown[0]!r}")
    values = {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }
    try:
        return replace(settings, **values)  # type: ignore[type-var]
    except ValidationError as error:
        raise TypeError(describe_invalid(error, "", type(settings))[0]) from error


def _split(text: str, present: Any) -> Any:
    return text.split(",") if isinstance(present, tuple) else None if text == "" else text


def check_heads(key: str, width: int, heads: int) -> None:
    """Raise ValueError when so many attention heads can't share a width."""
    if heads < 1 or width < 1 or width % heads:
        raise ValueError(f"{key}: a width of {width} can't be shared by {heads} heads")
