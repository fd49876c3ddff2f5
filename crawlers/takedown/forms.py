"""The one form in which a takedown list and what a source says are compared."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes, urlsplit

from crawlers.names import MAX_CHARACTERS, cut_name
from pipeline.engine.addresses import strip_secrets
from pipeline.engine.secret_names import ANY_SECRET_WORD
from pipeline.engine.text import storable

_PORTS = {"http": 80, "https": 443}
# Nearly all addresses are of this kind, for which the long way would change nothing.
_VALUE = r"[A-Za-z0-9._~/,+:=-]+"
_PLAIN = re.compile(
    rf"https?:(//[a-z0-9.-]*[a-z0-9]/[A-Za-z0-9._~/,+-]*)(\?{_VALUE}(?:&{_VALUE})*)?"
)
_SECRET = re.compile(ANY_SECRET_WORD)
_DOTS = re.compile(r"/\.")
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_UNRESERVED = "-._~"
_KEPT = "!$%&'()*+,/:;=?@[]"


def normal_url(url: str) -> str | None:
    """An address without scheme, default port, fragment and secrets; None where it is no address.

    Escapes stand only where they must, so that a raw name and an escaped one are the same.

    >>> normal_url("HTTP://Example.org:80/%7Ea/é.gif#top")
    '//example.org/~a/%C3%A9.gif'
    """
    plain = _PLAIN.fullmatch(url)
    if plain is not None and not _DOTS.search(plain[1]):
        query = plain[2] or ""
        if not query or not _SECRET.search(query.lower()):
            return plain[1] + query
    try:
        parts = urlsplit(strip_secrets(url.strip()))
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not host:
        return None
    shown = f"[{host}]" if ":" in host else _ascii(host)
    if port is not None and port != _PORTS[parts.scheme]:
        shown += f":{port}"
    path = _without_dots(_escape(parts.path)) or "/"
    return f"//{shown}{path}" + (f"?{_escape(parts.query)}" if parts.query else "")


def normal_pack(pack_id: str | None) -> str | None:
    """A pack's id as the ledger stores it."""
    return storable(cut_name(pack_id, MAX_CHARACTERS)) if pack_id else None


def normal_author(author: str | None) -> str | None:
    """An author's name as it is stored, small and capital letters alike."""
    stored = storable(author)
    return stored and stored.casefold()


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host  # no resolver knows it; the lists may still name it


def _escape(text: str) -> str:
    """Escapes in capitals, and only where they must stand; whatever else can't stand is escaped."""
    whole = _ESCAPED.sub(lambda found: _unreserved(unquote_to_bytes(found[0])), text)
    return quote(whole.encode("utf-8", "surrogatepass"), safe=_KEPT)


def _unreserved(data: bytes) -> str:
    return "".join(
        chr(byte) if chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) in _UNRESERVED)
        else f"%{byte:02X}"
        for byte in data
    )  # fmt: skip


def _without_dots(path: str) -> str:
    if not _DOTS.search(path):
        return path
    kept: list[str] = []
    *segments, last = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    if last == "..":
        kept = kept[:-1]
    end = "" if last in (".", "..") else last
    return "/" + "/".join([*kept, end])
