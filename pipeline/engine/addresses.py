"""Addresses without the secrets that they may carry."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

from pipeline.engine.secret_names import carries_secret, hide_pairs, is_secret_pair

ADDRESS = re.compile(r"(?:(?<![a-z0-9+.-])[a-z0-9+.-]++:)?//[^\s\"'<>\\]+", re.IGNORECASE)
"""An address within a text, whole or without its scheme."""

_PLAIN = re.compile(r"https?://[a-z0-9.:-]+/[\w./~-]*", re.ASCII)
"""Addresses without any sign that parts, encodes or names: they hold nothing to strip."""
_TELEGRAM = re.compile(r"/(file/)?bot\d+(?::|%3a)[A-Za-z0-9_-]+", re.IGNORECASE)
_PARAMETER = re.compile(r"[?&;]")


def strip_secrets(url: str) -> str:
    """The address without user, password, fragment, tokens and query parameters that hold keys."""
    if _PLAIN.fullmatch(url):
        return url
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
    return hide_pairs(ADDRESS.sub(lambda match: strip_secrets(match[0]), text))


def _strip_segment(segment: str) -> str:
    return ";".join(part for part in segment.split(";") if not carries_secret(part))
