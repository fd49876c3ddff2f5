"""Names and titles from strangers, made safe to store without losing what they say."""

from __future__ import annotations

import hashlib
import re
import unicodedata

MAX_CHARACTERS = 2000
"""Characters of a text that are kept."""

MAX_ID = 4096
"""Characters of the longest id; no path on disk is longer."""

# Bidirectional overrides and isolates can make a title read as something that it isn't.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,8})$")


def clean_text(value: str | None, limit: int = MAX_CHARACTERS) -> str | None:
    """Text that is valid Unicode, without control characters; None when nothing is left.

    A text longer than the limit is cut and ends in "…".
    """
    if value is None:
        return None
    kept = "".join(_clean_character(character) for character in value[:limit])
    text = " ".join(kept.split())
    if text and len(value) > limit:
        text = text[: limit - 1] + "…"
    return text or None


def cut_name(name: str, limit: int) -> str:
    """A name of at most ``limit`` characters: a longer one ends in a digest, so that two stay two.

    >>> cut_name("a" * 60, 24)
    'aaaaaaa…11ee391211c62564'
    """
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{name[: limit - 17]}…{digest}"


def encode_name(name: str) -> str:
    """A file name or id as printable text; two different names never become the same one.

    Control characters and bytes that are no UTF-8 (surrogates, as the file system hands them
    out) are percent-encoded. Ordinary names, emoji and joiners included, stay as they are.
    """
    if not any(map(_needs_encoding, name)) and not _ENCODED.search(name):
        return name
    return "".join(
        _percent(character) if character == "%" or _needs_encoding(character) else character
        for character in name
    )


def decodable(name: str) -> bool:
    """Whether a file name is valid UTF-8, so that a table can hold it."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def claimed_extension(name: str) -> str | None:
    """Extension that a file name claims: lower case, without the dot."""
    match = _EXTENSION.search(name)
    return match[1].lower() if match else None


def _clean_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    if category == "Cc":
        return " "
    return "" if character in _BIDI else character


def _needs_encoding(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs")


def _percent(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        data = character.encode("utf-8", "surrogateescape")
    else:
        data = character.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in data)
