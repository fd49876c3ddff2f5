"""Addresses: quoting what a source names, and keeping secrets out of tables and logs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pipeline.engine.addresses import ADDRESS, scrub, strip_secrets
from pipeline.engine.secret_names import is_secret_name

_MAX_RECORD = 32_768  # characters; sources' own records have a few thousand


def quote_path(path: str) -> str:
    """Quote each segment of a path; ``#``, ``?`` and ``%`` would otherwise cut or change it.

    Raises ValueError for a segment that is empty or climbs (``.`` and ``..``).
    """
    segments = path.split("/")
    if any(segment in ("", ".", "..") for segment in segments):
        raise ValueError(f"{path!r} is no path below a folder")
    return "/".join(
        quote(segment.encode("utf-8", "surrogatepass"), safe="") for segment in segments
    )


def scrub_record(value: Any) -> Any:
    """A JSON-able record whose addresses carry no secrets and whose secret fields are gone."""
    if isinstance(value, Mapping):
        return {
            _valid(str(name)): scrub_record(item)
            for name, item in value.items()
            if not is_secret_name(str(name))
        }
    if isinstance(value, list | tuple):
        return [scrub_record(item) for item in value]
    return _scrub_value(_valid(value)) if isinstance(value, str) else value


def record_json(record: Mapping[str, Any] | None) -> str | None:
    """A source's own record as JSON, secrets removed; None stays None.

    Of a record that is too large or too deep, only that is said, under the key ``cut``.
    """
    if record is None:
        return None
    try:
        # Before the secrets are looked for, which takes seconds in a text of megabytes.
        if (length := _length(record)) > _MAX_RECORD:
            return _too_long(length)
        text = json.dumps(scrub_record(record), ensure_ascii=False, sort_keys=True, default=str)
    except RecursionError:
        return json.dumps({"cut": "the record is nested too deeply"})
    return _too_long(len(text)) if len(text) > _MAX_RECORD else text


def _length(value: Any) -> int:
    """Characters of the texts of a record."""
    if isinstance(value, Mapping):
        return sum(len(str(name)) + _length(item) for name, item in value.items())
    if isinstance(value, list | tuple):
        return sum(map(_length, value))
    return len(value) if isinstance(value, str) else 0


def _too_long(length: int) -> str:
    return json.dumps({"cut": f"the record has {length} characters, more than {_MAX_RECORD}"})


def _scrub_value(text: str) -> str:
    # An address may hold spaces where it stands alone; within a sentence it ends at the first.
    if text.count("//") == 1 and ADDRESS.match(text.strip()):
        text = strip_secrets(text.strip())
    return scrub(text)


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
