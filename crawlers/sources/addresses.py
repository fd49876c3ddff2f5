"""Addresses in the options of sources, checked where a configuration gives them."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode, urlsplit

from pydantic import AfterValidator


def _http(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https address")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or password: it would reach logs and tables")
    if parts.port == 0:
        raise ValueError("must name a port that can be reached")
    return value


def _base(value: str) -> str:
    if "?" in value or "#" in value:
        raise ValueError("must end before any ? or #: what is asked for is added to it")
    return value.rstrip("/")


HttpAddress = Annotated[str, AfterValidator(_http)]
"""An http or https address without a user or password."""

BaseAddress = Annotated[str, AfterValidator(_http), AfterValidator(_base)]
"""An HttpAddress to which a path and a query are added; it ends without a slash."""


def address(base: str, path: str, /, **parameters: str | int) -> str:
    """The address of a path below a base, or the base itself, with these parameters as its query.

    >>> address("https://a.example/v1", "/search", q="a&b", page=2)
    'https://a.example/v1/search?q=a%26b&page=2'
    """
    query = urlencode(parameters, errors="replace")
    whole = f"{base.rstrip('/')}/{path.lstrip('/')}" if path else base
    return f"{whole}?{query}" if query else whole
