"""Names from strangers, made safe to store without two of them becoming one."""

from __future__ import annotations

import hashlib
import re
import unicodedata

MAX_CHARACTERS = 2000
"""Characters of a text that are kept."""

MAX_ID = 4096
"""Characters of the longest id; no path on disk is longer."""

_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,8})$")


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


def _needs_encoding(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs")


def _percent(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        data = character.encode("utf-8", "surrogateescape")
    else:
        data = character.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in data)
