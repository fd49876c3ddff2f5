"""A loopback replica of Signal's directory and of the server of its packs.

The directory is the list that signalstickers.org publishes; a pack is what Signal's apps make:
files encrypted with the pack's key, one of them a protocol buffer. Unverified: what the directory
says of packs beyond ``meta`` and ``manifest``, and how long the list is.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from loopback_site import Answer, Asked, Site, body, gif, json_body, not_found

__all__ = ["SignalReplica", "encrypt", "manifest"]


@dataclass
class SignalReplica(Site):
    """The directory at ``/v1/packs/`` and the packs below ``/stickers``."""

    entries: list[Any] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    number: int = 0

    @property
    def directory(self) -> str:
        return f"{self.url}/v1/packs/"

    @property
    def options(self) -> dict[str, Any]:
        return {"directory": self.directory, "cdn": self.url}

    def add(
        self, title: str, *emoji: str, author: str = "Ann", tags: Any = (), nsfw: Any = False
    ) -> str:
        """Enter a pack with a sticker for each emoji; its id."""
        place = len(self.entries)
        pack, key = hashlib.md5(str(place).encode()).hexdigest(), f"{place:064x}"
        meta = {"id": pack, "key": key, "tags": list(tags), "nsfw": nsfw, "animated": False}
        said = {"title": title, "author": author, "cover": {"id": 0, "emoji": ""}}
        self.entries.append({"meta": meta, "manifest": said})
        self.files[f"/stickers/{pack}/manifest.proto"] = encrypt(
            manifest(title, author, emoji), key
        )
        for number in range(len(emoji)):
            self.number += 1
            self.files[f"/stickers/{pack}/full/{number}"] = encrypt(gif(self.number), key)
        return pack

    def choose(self, asked: Asked) -> Answer:
        if asked.path == "/v1/packs/":
            return json_body(self.entries)
        if asked.path in self.files:
            return body(self.files[asked.path])
        return not_found()


def encrypt(data: bytes, key: str) -> bytes:
    """A file of a pack, as Signal's apps encrypt it."""
    made = HKDF(hashes.SHA256(), 64, bytes(32), b"Sticker Pack").derive(bytes.fromhex(key))
    padder = padding.PKCS7(128).padder()
    vector = hashlib.md5(data).digest()
    encryptor = Cipher(algorithms.AES(made[:32]), modes.CBC(vector)).encryptor()
    sealed = vector + encryptor.update(padder.update(data) + padder.finalize())
    sealed += encryptor.finalize()
    return sealed + hmac.digest(made[32:], sealed, "sha256")


def manifest(title: str, author: str, emoji: tuple[str, ...]) -> bytes:
    """A pack's manifest as a protocol buffer: title 1, author 2, cover 3, stickers 4."""
    cover = _field(3, _sticker(0, ""))
    stickers = b"".join(_field(4, _sticker(*sticker)) for sticker in enumerate(emoji))
    return _field(1, _bytes(title)) + _field(2, _bytes(author)) + cover + stickers


def _sticker(number: int, emoji: str) -> bytes:
    return b"\x08" + _varint(number) + _field(2, _bytes(emoji))


def _bytes(said: str) -> bytes:
    return said.encode("utf-8", "surrogatepass")  # what is no UTF-8 can stand there, too


def _field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])
