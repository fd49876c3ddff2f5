"""Options checked by a pydantic model or dataclass, and what is wrong with them in one line."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from pipeline.engine.errors import StickerworksError
from pipeline.engine.secret_names import HIDDEN, carries_secret, is_secret_name
from pipeline.engine.text import plain, quoted

T = TypeVar("T")


class Options(BaseModel):
    """Base of a plugin's options, and the options of one that has none: unknown keys are errors,
    values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_MOST_PROBLEMS = 5
_LONGEST_KEY = 100


def read_options(model: type[T], values: Mapping[str, Any], where: str, who: str) -> T:
    """Values as a pydantic model, or as a dataclass, which takes no unknown keys either.

    ``where`` is the section's key in the configuration, such as ``annotate.options``; ``who``
    takes it, such as ``the captioner openai``. StickerworksError names what is wrong.
    """
    try:
        _refuse_unknown(model, values)
        return TypeAdapter(model).validate_python(dict(values))
    except ValidationError as error:
        what, remedy = describe_invalid(error, where, model)
        raise StickerworksError(f"Bad options of {who}: {what}.", remedy) from None


def describe_invalid(error: ValidationError, where: str, model: Any) -> tuple[str, str]:
    """What is wrong, key by key, and the remedy for the first; unknown keys come first.

    A key that isn't known explains one that is missing, which is then not told.
    """
    found: list[Mapping[str, Any]] = [
        dict(one)
        for one in error.errors(include_url=False)
        if one["type"] != "default_factory_not_called"  # it follows from another problem
    ]
    if unknown := [one for one in found if one["type"] in _UNKNOWN]:
        found = unknown + [one for one in found if one not in unknown and one["type"] != "missing"]
    told = [_describe(one, where, model) for one in found[:_MOST_PROBLEMS]]
    more = [f"and {len(found) - len(told)} more"] if len(found) > len(told) else []
    return plain("; ".join(told + more)), plain(_remedy(found[0], model))


def _refuse_unknown(model: type[Any], values: Mapping[str, Any]) -> None:
    if is_dataclass(model) and (unknown := [key for key in values if key not in _fields(model)]):
        raise ValidationError.from_exception_data(
            model.__name__,
            [{"type": "extra_forbidden", "loc": (key,), "input": values[key]} for key in unknown],
        )


def _describe(problem: Mapping[str, Any], where: str, model: Any) -> str:
    location: Sequence[str | int] = problem["loc"]
    key = ".".join(map(str, [where, *location] if where else location))[:_LONGEST_KEY]
    if problem["type"] in _UNKNOWN:
        near = difflib.get_close_matches(str(location[-1]), _known(model, location[:-1]), n=1)
        return f"unknown key {key}" + (f" (did you mean {near[0]}?)" if near else "")
    if problem["type"] == "missing":
        return f"{key} is needed"
    said = problem["msg"].removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
    return f"{key}: {said}{_given(problem)}" if key else f"{said}{_given(problem)}"


def _remedy(problem: Mapping[str, Any], model: Any) -> str:
    *section, name = problem["loc"] or ("",)
    if problem["type"] not in _UNKNOWN and (described := _known(model, section).get(str(name))):
        return f"Set it: {described}." if problem["type"] == "missing" else f"It is: {described}."
    known = _known(model, section) or _known(model, ())
    return f"Known keys: {', '.join(known) or 'none'}."


def _given(problem: Mapping[str, Any]) -> str:
    """The value that was given, unless it is or may hold a secret."""
    value = problem["input"]
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str):
        kind = "a mapping" if isinstance(value, Mapping) else "a list"
        return f", not {kind}" if problem["type"].endswith("_type") else ""
    text = str(value)
    named = any(is_secret_name(str(step)) for step in problem["loc"])
    # An address, also one that is broken, may hold a password, or a key in what it asks.
    asks = "@" in text or ("/" in text and not {"?", "#"}.isdisjoint(text))
    if named or asks or carries_secret(text):
        return f", not {HIDDEN}"
    return f", not {quoted(value)}"


def _known(model: Any, section: Sequence[str | int]) -> dict[str, str]:
    """The keys of a section, with what the model says about each."""
    kind = next(_models(model), None)
    for step in section:
        # What isn't a field is an index or a key of a list or a mapping of sections.
        if kind is not None and step in (inner := _fields(kind)):
            kind = next(_models(inner[str(step)]), None)
    if kind is None:
        return {}
    described = kind.model_fields if issubclass(kind, BaseModel) else {}
    return {
        name: (described[name].description or "") if name in described else ""
        for name in _fields(kind)
    }


def _models(annotation: Any) -> Iterator[type[Any]]:
    """The models in an annotation such as ``list[Model] | None``."""
    if isinstance(annotation, type) and (
        issubclass(annotation, BaseModel) or is_dataclass(annotation)
    ):
        yield annotation
    else:
        yield from itertools.chain.from_iterable(map(_models, get_args(annotation)))


def _fields(kind: type[Any]) -> dict[str, Any]:
    if issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind) if field.init}
