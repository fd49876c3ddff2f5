"""What a Signal sticker pack is made of: encrypted files, one of which says what the others are.

A file is 16 bytes of initialisation vector, the encrypted bytes, and 32 bytes that prove both. The
pack's key, which whoever publishes a pack publishes with it, gives the keys for either.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass

_IV = 16
_PROOF = 32
_BLOCK = 16
_KEY = 32
_MOST_STICKERS = 1000  # Signal takes 200
_MOST_TEXT = 4096  # bytes of a title; Signal takes far fewer

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_FIXED = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}
Value = int | bytes


@dataclass(frozen=True)
class PackSticker:
    """A sticker of a pack: its number there, and the emoji that stands for it."""

    number: int
    emoji: str | None


@dataclass(frozen=True)
class Manifest:
    """What a pack says of itself."""

    title: str | None
    author: str | None
    stickers: tuple[PackSticker, ...]


def decrypt(data: bytes, key: str) -> bytes:
    """The bytes of a file of the pack with this key (hexadecimal).

    Raises ValueError where they were not encrypted with it, or were changed since.
    """
    secret = bytes.fromhex(key)
    sealed, proof = data[:-_PROOF], data[-_PROOF:]
    if len(secret) != _KEY or len(sealed) < _IV + _BLOCK or len(sealed) % _BLOCK:
        raise ValueError("it is no encrypted file of a Signal sticker pack")
    for_bytes, for_proof = _keys(secret)
    if not hmac.compare_digest(hmac.digest(for_proof, sealed, "sha256"), proof):
        raise ValueError("its bytes don't fit the key of its pack")
    return _without_padding(_decrypt(sealed[_IV:], for_bytes, sealed[:_IV]))


def read_manifest(data: bytes) -> Manifest:
    """The manifest in these decrypted bytes, a protocol buffer; ValueError where they are none."""
    texts: dict[int, str | None] = {}
    stickers = []
    for field, value in _fields(data):
        if field in (1, 2) and isinstance(value, bytes):
            texts[field] = _text(value)
        elif field == 4 and isinstance(value, bytes):
            stickers.append(_sticker(value))
            if len(stickers) > _MOST_STICKERS:
                raise ValueError(f"it names more than {_MOST_STICKERS} stickers")
    return Manifest(texts.get(1), texts.get(2), tuple(stickers))


def _sticker(data: bytes) -> PackSticker:
    # A number of 0 need not be written.
    number, emoji = 0, None
    for field, value in _fields(data):
        if field == 1 and isinstance(value, int):
            number = value
        elif field == 2 and isinstance(value, bytes):
            emoji = _text(value)
    return PackSticker(number, emoji)


def _fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """Numbers and values of the fields of a protocol buffer."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        field, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield field, value
            continue
        if kind == _BYTES:
            length, at = _varint(data, at)
        elif kind in _FIXED:
            length = _FIXED[kind]
        else:
            raise ValueError("it is no protocol buffer")
        if at + length > len(data):
            raise ValueError("it ends within a field")
        yield field, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("it ends within a number")
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number in it has no end")


def _text(data: bytes) -> str | None:
    return data[:_MOST_TEXT].decode("utf-8", "replace") or None


def _keys(secret: bytes) -> tuple[bytes, bytes]:
    """What encrypts and what proves: HKDF (RFC 5869) of the pack's key, without salt."""
    mixed = hmac.digest(bytes(hashlib.sha256().digest_size), secret, "sha256")
    first = hmac.digest(mixed, b"Sticker Pack\x01", "sha256")
    return first, hmac.digest(mixed, first + b"Sticker Pack\x02", "sha256")


def _decrypt(data: bytes, key: bytes, vector: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _without_padding(data: bytes) -> bytes:
    last = data[-1]
    if not 1 <= last <= _BLOCK or data[-last:] != bytes([last]) * last:
        raise ValueError("its bytes don't end as encrypted ones do")
    return data[:-last]
