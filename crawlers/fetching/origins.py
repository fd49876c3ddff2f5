"""The origin of an address: what rules, rights and keys hold for."""

from __future__ import annotations

from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def origin_of(url: str) -> str:
    """Scheme and host of an address, written in the one way, without user and default port.

    >>> origin_of("HTTPS://user@A.example:443/b")
    'https://a.example'
    """
    parts = urlsplit(url)
    scheme, name = parts.scheme.lower(), parts.netloc.rpartition("@")[2].lower()
    return f"{scheme}://{name.removesuffix(_DEFAULT_PORTS.get(scheme, ':'))}"
