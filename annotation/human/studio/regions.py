"""What one annotation says, from Label Studio's regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pipeline.engine.text import storable_lines
from schemas.questions import Kind

DOMAINS = ("cartoon", "real")
FLAG_NAMES = ("inappropriate", "offensive", "insulting", "personal_data")
FINE = "fine"
_CONTROLS = {
    "tags": "taxonomy",
    "domain": "choices",
    "caption": "textarea",
    "ocr": "textarea",
    "flags": "choices",
    "note": "textarea",
}


Kinds = Mapping[str, Kind]
"""What kind each question is of."""


@dataclass(frozen=True)
class Said:
    """What one annotation says, ``answers`` by question; ``fault`` tells why it can't be read."""

    tags: tuple[str, ...] = ()
    domain: str | None = None
    caption: str | None = None
    ocr: str | None = None
    answers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    flags: tuple[str, ...] = ()
    note: str | None = None
    fault: str | None = None


def read_result(result: Any, asked: Kinds = MappingProxyType({})) -> Said:
    """What a list of Label Studio's regions says; never raises, whatever is in it.

    ``asked`` are the questions beside those that are always asked. Values are not compared with
    those that were offered: what is unknown is left out when votes are merged, and listed.

    >>> tags = {"taxonomy": [["greetings", "hello"]]}
    >>> read_result([{"from_name": "tags", "type": "taxonomy", "value": tags}]).tags
    ('hello',)
    """
    try:
        return _read(result, asked)
    except _UnreadableError as error:
        return Said(fault=str(error))


class _UnreadableError(ValueError):
    """Regions that answer nothing that was asked, or say it in no form that there is."""


def _read(result: Any, asked: Kinds) -> Said:
    if not isinstance(result, list):
        raise _UnreadableError("its result is no list")
    found: dict[str, list[str]] = {}
    for region in result:
        name = region.get("from_name") if isinstance(region, Mapping) else None
        if not isinstance(name, str) or (name not in _CONTROLS and name not in asked):
            raise _UnreadableError(f"it answers {str(name)[:40]!r}, which was not asked")
        values = _values(region, _CONTROLS.get(name) or _control(region, asked[name]))
        if values is None:
            raise _UnreadableError(f"its {name} can't be read")
        found.setdefault(name, []).extend(values)
    domains = set(found.get("domain", ()))
    if len(domains) > 1 or not domains <= set(DOMAINS):
        raise _UnreadableError("its domain is neither real nor cartoon")
    if not set(found.get("flags", ())) <= {*FLAG_NAMES, FINE}:
        raise _UnreadableError("it gives a flag that was not offered")
    answers = [(name, _answer(found[name], kind)) for name, kind in asked.items() if name in found]
    for name, given in answers:
        if len(given) > 1 and asked[name] != "several":
            raise _UnreadableError(f"it gives {len(given)} answers to {name}, which takes one")
    return Said(
        tags=tuple(sorted(set(found.get("tags", ())))),
        domain=next(iter(domains), None),
        caption=_text(found.get("caption")),
        ocr=_text(found.get("ocr")),
        answers=tuple((name, given) for name, given in answers if given),
        flags=tuple(sorted(set(found.get("flags", ())) - {FINE})),
        note=_text(found.get("note")),
    )


def _values(region: Mapping[str, Any], kind: str) -> list[str] | None:
    value = region.get("value")
    held = value.get("text" if kind == "textarea" else kind) if isinstance(value, Mapping) else None
    if isinstance(held, str):
        held = [held]
    if not isinstance(held, list):
        return None
    # A tag comes as its path in the tree; groups are presentation, the leaf is the tag.
    if kind == "taxonomy":
        held = [path[-1] if isinstance(path, list) and path else path for path in held]
    if not all(isinstance(item, str) for item in held):
        return None
    return [storable_lines(item) for item in held]


def _control(region: Mapping[str, Any], kind: Kind) -> str:
    """How an answer is held: few values are choices on the screen, many are a list."""
    if kind == "text":
        return "textarea"
    value = region.get("value")
    listed = isinstance(value, Mapping) and "taxonomy" in value
    return "taxonomy" if listed else "choices"


def _answer(given: list[str], kind: Kind) -> tuple[str, ...]:
    """The values of one answer, each once; a text is one, whatever lines it came in."""
    if kind == "text":
        text = _text(given)
        return () if text is None else (text,)
    return tuple(sorted({value for value in given if value.strip()}))


def _text(lines: list[str] | None) -> str | None:
    return "\n".join(line.strip() for line in lines or () if line.strip()) or None
