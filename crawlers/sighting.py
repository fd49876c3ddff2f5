"""A sighting: one item as a source lists it, before and apart from its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crawlers.names import clean_text, encode_name
from crawlers.urls import record_json, strip_secrets

_INT32 = 2**31 - 1
_MAX_TAGS = 100


@dataclass(frozen=True)
class Sighting:
    """What a source says of one item under one query; ``source_id`` and bytes' address first.

    ``media_url`` is the address to fetch and may carry secrets: they are removed before anything
    is stored. ``redistribute`` None takes the source's default.
    """

    source_id: str
    media_url: str | None = None
    variant: str | None = None
    query: str | None = None
    rank: int | None = None
    pack_id: str | None = None
    pack_title: str | None = None
    pack_index: int | None = None
    author: str | None = None
    title: str | None = None
    tags: tuple[str, ...] = ()
    page_url: str | None = None
    licence: str | None = None
    licence_url: str | None = None
    licence_basis: str = "none"
    redistribute: bool | None = None
    raw: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class LocalFile:
    """A sighting whose bytes already lie in a file, or the reason why they can't be had.

    ``sha256`` is what the bytes should have; ``problem`` is (state, error_class, error).
    """

    sighting: Sighting
    path: Path
    sha256: str | None = None
    problem: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Key:
    """What makes a sighting unique; an absent query or variant is the empty string."""

    source: str
    source_id: str
    query: str
    variant: str


def key_of(source: str, sighting: Sighting) -> Key:
    """Key of a source's sighting, as stored."""
    return Key(
        source,
        encode_name(sighting.source_id),
        clean_text(sighting.query) or "",
        clean_text(sighting.variant) or "",
    )


def columns_of(sighting: Sighting) -> dict[str, Any]:
    """Columns that describe the sighting: clean, in range, without secrets.

    The key's columns and ``redistribute`` are left out: the ledger holds them apart.
    """
    return {
        "rank": _in_range(sighting.rank, 2**63 - 1),
        "pack_id": clean_text(sighting.pack_id),
        "pack_title": clean_text(sighting.pack_title),
        "pack_index": _in_range(sighting.pack_index, _INT32),
        "author": clean_text(sighting.author),
        "title": clean_text(sighting.title),
        "tags": _clean_tags(sighting.tags),
        "page_url": _address(sighting.page_url),
        "media_url": _address(sighting.media_url),
        "licence": clean_text(sighting.licence),
        "licence_url": _address(sighting.licence_url),
        "licence_basis": clean_text(sighting.licence_basis) or "none",
        "raw_json": record_json(sighting.raw),
    }


def _clean_tags(tags: tuple[str, ...]) -> list[str]:
    cleaned = (clean_text(tag) for tag in tags[:_MAX_TAGS])
    return list(dict.fromkeys(tag for tag in cleaned if tag))


def _address(url: str | None) -> str | None:
    return clean_text(strip_secrets(url)) if url else None


def _in_range(number: int | None, largest: int) -> int | None:
    return number if number is not None and 0 <= number <= largest else None
