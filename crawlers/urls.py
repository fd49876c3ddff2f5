"""Addresses: quoting what a source names, and keeping secrets out of tables and logs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from pipeline.engine.secret_names import (
    carries_secret,
    hide_pairs,
    is_secret_name,
    is_secret_pair,
)

_MAX_RECORD = 32_768  # characters; sources' own records have a few thousand

_TELEGRAM = re.compile(r"/(file/)?bot\d+(?::|%3a)[A-Za-z0-9_-]+", re.IGNORECASE)
_URL = re.compile(r"(?:(?<![a-z0-9+.-])[a-z0-9+.-]++:)?//[^\s\"'<>\\]+", re.IGNORECASE)
_PARAMETER = re.compile(r"[?&;]")


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


def strip_secrets(url: str) -> str:
    """The address without user, password, fragment, tokens and query parameters that hold keys."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "(unreadable address)"
    query = "&".join(
        pair for pair in _PARAMETER.split(parts.query) if pair and not is_secret_pair(pair)
    )
    path = "/".join(map(_strip_segment, parts.path.split("/")))
    path = _TELEGRAM.sub(r"/\1bot(token)", path)
    return hide_pairs(urlunsplit((parts.scheme, host, path, query, "")))


def scrub(text: str) -> str:
    """Text with the secrets stripped from every address in it, whole or without its scheme."""
    return hide_pairs(_URL.sub(lambda match: strip_secrets(match[0]), text))


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
        text = json.dumps(scrub_record(record), ensure_ascii=False, sort_keys=True)
    except RecursionError:
        return json.dumps({"cut": "the record is nested too deeply"})
    if len(text) > _MAX_RECORD:
        return json.dumps(
            {"cut": f"the record has {len(text)} characters, more than {_MAX_RECORD}"}
        )
    return text


def _scrub_value(text: str) -> str:
    # An address may hold spaces where it stands alone; within a sentence it ends at the first.
    if text.count("//") == 1 and _URL.match(text.strip()):
        text = strip_secrets(text.strip())
    return scrub(text)


def _strip_segment(segment: str) -> str:
    return ";".join(part for part in segment.split(";") if not carries_secret(part))


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
