"""The part of JSON schema that the replica follows, and values that fulfil it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
Sentence = Callable[[str], str]  # of the key that it stands under

_NOTES = {"title", "description", "default", "examples", "$schema", "$id"}
_KEYWORDS = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength"},
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum"},
    "boolean": set(),
    "null": set(),
}


def pick(options: Sequence[T], *labels: object) -> T:
    """One of the options, chosen by a hash of the labels."""
    sha = hashlib.sha256(json.dumps(labels).encode())
    return options[int.from_bytes(sha.digest()[:8], "big") % len(options)]


def schema_in(texts: list[str]) -> dict[str, Any] | None:
    """The last JSON schema of an object that these texts spell out, None without one."""
    decoder = json.JSONDecoder()
    for text in reversed(texts):
        at = text.find("{") if '"properties"' in text else -1
        while at >= 0:
            try:
                found, end = decoder.raw_decode(text, at)
            except (ValueError, RecursionError):
                at = text.find("{", at + 1)
                continue
            if isinstance(found, dict) and "properties" in found and _follows(found):
                return found
            at = text.find("{", end)
    return None


def check_schema(schema: dict[str, Any], strict: bool) -> None:
    """Raise ValueError for a schema that isn't an object's or that ``fulfil`` can't follow.

    A strict one closes every object and requires all its properties, as the API demands.
    """
    if schema.get("type") != "object":
        raise ValueError(f"schema must have type 'object', not {schema.get('type')!r}.")
    _check(schema, (), strict)


def fulfil(schema: dict[str, Any], digest: str, sentence: Sentence, path: tuple[str, ...]) -> Any:
    """A value that this schema accepts, chosen by the digest; strings come from ``sentence``."""
    if "const" in schema or "enum" in schema:
        return pick(schema.get("enum", [schema.get("const")]), digest, path)
    if "anyOf" in schema:
        return fulfil(pick(schema["anyOf"], digest, path, "anyOf"), digest, sentence, path)
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kind = next((one for one in types if one != "null"), "null")
    if kind in ("integer", "number"):
        low = math.ceil(schema.get("minimum", 0))
        return pick(range(low, int(schema.get("maximum", low + 9)) + 1), digest, path)
    if kind in ("boolean", "null"):
        return pick((False, True), digest, path) if kind == "boolean" else None
    if kind == "string":
        return _string(schema, sentence(".".join(path)))
    return _collection(schema, kind, digest, sentence, path)


def _collection(
    schema: dict[str, Any], kind: str, digest: str, sentence: Sentence, path: tuple[str, ...]
) -> Any:
    if kind == "object":
        items = schema.get("properties", {}).items()
        return {key: fulfil(inner, digest, sentence, (*path, key)) for key, inner in items}
    least = schema.get("minItems", min(1, schema.get("maxItems", 1)))
    count = pick(range(least, max(least, schema.get("maxItems", least + 2)) + 1), digest, path, "n")
    return [fulfil(schema["items"], digest, sentence, (*path, str(at))) for at in range(count)]


def _follows(schema: dict[str, Any]) -> bool:
    try:
        check_schema(schema, strict=False)
    except ValueError:
        return False
    return True


def _string(schema: dict[str, Any], text: str) -> str:
    while len(text) < schema.get("minLength", 0):
        text = f"{text} {text}"
    return text[: schema.get("maxLength")]


def _check(schema: Any, path: tuple[str, ...], strict: bool) -> None:
    def wrong(what: str) -> ValueError:
        return ValueError(f"In context={path}, {what}")

    if not isinstance(schema, dict):
        raise wrong("a schema must be an object.")
    given = set(schema) - _NOTES
    if "enum" in schema or "const" in schema:
        if given - {"enum", "const", "type"} or schema.get("enum", [0]) == []:
            raise wrong("an enum must be a list of at least one value, beside 'type' alone.")
        return
    if "anyOf" in schema:
        if given != {"anyOf"} or not isinstance(schema["anyOf"], list) or not schema["anyOf"]:
            raise wrong("'anyOf' must be a list of at least one schema, with nothing beside it.")
        for inner in schema["anyOf"]:
            _check(inner, path, strict)
        return
    types = schema.get("type")
    types = types if isinstance(types, list) else [types]
    if not types or not all(isinstance(one, str) and one in _KEYWORDS for one in types):
        raise wrong(f"'type' is {schema.get('type')!r}; known are {sorted(_KEYWORDS)}.")
    odd = given - {"type"} - set().union(*(_KEYWORDS[one] for one in types))
    if odd:
        raise wrong(f"{sorted(odd)} is not permitted.")
    if "object" in types:
        _check_object(schema, path, strict)
    if "array" in types:
        _check(schema.get("items"), (*path, "items"), strict)


def _check_object(schema: dict[str, Any], path: tuple[str, ...], strict: bool) -> None:
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    if not isinstance(properties, dict) or not isinstance(required, list):
        raise ValueError(f"In context={path}, 'properties' is an object, 'required' a list.")
    unknown = [key for key in required if key not in properties]
    if unknown:
        raise ValueError(f"In context={path}, {unknown} is required, yet no property.")
    if strict and schema.get("additionalProperties") is not False:
        raise ValueError(
            f"In context={path}, 'additionalProperties' is required to be supplied and to be false."
        )
    if strict and set(properties) != set(required):
        raise ValueError(
            f"In context={path}, 'required' is required to be supplied and to be an array "
            f"including every key in properties."
        )
    for key, inner in properties.items():
        _check(inner, (*path, "properties", key), strict)
