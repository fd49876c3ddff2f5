"""An observation: one item as a source lists it, before and apart from its bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crawlers.addresses import MAX_ADDRESS
from crawlers.names import MAX_CHARACTERS, MAX_ID, cut_name, encode_name
from crawlers.urls import record_json
from pipeline.engine.addresses import strip_secrets
from pipeline.engine.text import storable

_INT32 = 2**31 - 1
_MAX_TAGS = 100
_OTHERS = {"rank": int, "pack_index": int, "redistribute": bool, "raw": Mapping}
_TEXTS = (
    "media_url", "variant", "query", "pack_id", "pack_title", "author", "title", "page_url",
    "licence", "licence_url", "licence_basis",
)  # fmt: skip


@dataclass(frozen=True)
class Observation:
    """What a source says of one item under one query; ``source_id`` and bytes' address first.

    ``media_url`` is the address to fetch and may carry secrets: they are removed before anything
    is stored. ``redistribute`` None takes the source's default. ``api``: the bytes belong to a
    documented programming interface, whose terms hold and not robots.txt.
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
    api: bool = False

    def __post_init__(self) -> None:
        # Here, where the source makes it, and not where a table can't hold it.
        for name in _TEXTS:
            if not isinstance(getattr(self, name), str | None):
                raise TypeError(f"{name} is a {type(getattr(self, name)).__name__}, not a text")
        for name, kind in _OTHERS.items():
            value = getattr(self, name)
            # Python takes True for a number.
            fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
            if value is not None and not fits:
                raise TypeError(f"{name} is a {type(value).__name__}")
        if not isinstance(self.source_id, str) or not self.source_id:
            raise TypeError("source_id is no text, or empty")
        if not isinstance(self.tags, tuple) or not all(isinstance(tag, str) for tag in self.tags):
            raise TypeError("tags is no tuple of texts")


@dataclass(frozen=True)
class LocalFile:
    """An observation whose bytes already lie in a file, or the reason why they can't be had.

    ``sha256`` is what the bytes should have; ``problem`` is (state, error_class, error). Bytes
    that have no file of their own are ``data``, and ``path`` is a name alone.
    """

    observation: Observation
    path: Path
    sha256: str | None = None
    problem: tuple[str, str, str] | None = None
    data: bytes | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.observation, Observation) or not isinstance(self.path, Path):
            raise TypeError("a LocalFile takes an Observation and a pathlib.Path")
        if not isinstance(self.sha256, str | None):
            raise TypeError(f"sha256 is a {type(self.sha256).__name__}, not a text")
        if not isinstance(self.data, bytes | None):
            raise TypeError(f"data is a {type(self.data).__name__}, not bytes")


def without_keys(observation: Observation, clean: Callable[[str], str]) -> Observation:
    """The observation as it may be stored: ``clean`` takes a source's keys out of every text.

    Before texts are cut, since nobody would find half a key.
    """
    texts = {name: getattr(observation, name) for name in ("source_id", *_TEXTS)}
    cleaned: dict[str, Any] = {name: clean(text) for name, text in texts.items() if text}
    if all(cleaned[name] == texts[name] for name in cleaned) and not observation.tags:
        return observation
    return replace(observation, tags=tuple(map(clean, observation.tags)), **cleaned)


@dataclass(frozen=True)
class Key:
    """What makes an observation unique; an absent query or variant is the empty string."""

    source: str
    source_id: str
    query: str
    variant: str


def key_of(source: str, observation: Observation) -> Key:
    """Key of a source's observation, as stored."""
    return Key(
        source,
        encode_name(cut_name(observation.source_id, MAX_ID)),
        _clean_name(observation.query) or "",
        _clean_name(observation.variant) or "",
    )


def too_long(observation: Observation) -> str | None:
    """Why these bytes aren't wanted (a key can't be cut); None when it fits."""
    for name, text, limit in (
        ("id", observation.source_id, MAX_ID),
        ("query", observation.query, MAX_CHARACTERS),
        ("variant", observation.variant, MAX_CHARACTERS),
        ("address", observation.media_url, MAX_ADDRESS),
    ):
        if text is not None and len(text) > limit:
            return f"its {name} has {len(text)} characters, more than {limit}"
    return None


def is_cut(observation: Observation, columns: Mapping[str, Any]) -> bool:
    """Whether its columns hold less than it says: texts end in "…", a record says so itself."""
    names = (observation.pack_id, observation.pack_title, observation.author, observation.title)
    texts = (*names, observation.licence, *observation.tags)
    addresses = (observation.page_url, observation.licence_url)
    return (
        len(observation.tags) > _MAX_TAGS
        or any(len(text or "") > MAX_CHARACTERS for text in texts)
        or any(len(address or "") > MAX_ADDRESS for address in addresses)
        or is_cut_record(columns)
    )


def is_cut_record(columns: Mapping[str, Any]) -> bool:
    """Whether the source's own record says no more than that it was too much."""
    return (columns["raw_json"] or "").startswith('{"cut": ')


def told_of_cuts(source: str, count: int) -> str:
    """One line for people about observations that are cut."""
    return f"{source}: {count} observations say more than we keep; what was cut ends in …"


def columns_of(observation: Observation) -> dict[str, Any]:
    """Columns that describe the observation: clean, in range, without secrets.

    The key's columns and ``redistribute`` are left out: the ledger holds them apart.
    """
    return {
        "rank": _in_range(observation.rank, 2**63 - 1),
        "pack_id": _clean_name(observation.pack_id),
        "pack_title": storable(observation.pack_title),
        "pack_index": _in_range(observation.pack_index, _INT32),
        "author": storable(observation.author),
        "title": storable(observation.title),
        "tags": _clean_tags(observation.tags),
        "page_url": _address(observation.page_url),
        "media_url": _address(observation.media_url),
        "licence": storable(observation.licence),
        "licence_url": _address(observation.licence_url),
        "licence_basis": storable(observation.licence_basis) or "none",
        "raw_json": record_json(observation.raw),
    }


def _clean_tags(tags: tuple[str, ...]) -> list[str]:
    cleaned = (storable(tag) for tag in tags[:_MAX_TAGS])
    return list(dict.fromkeys(tag for tag in cleaned if tag))


def _clean_name(name: str | None) -> str | None:
    return storable(cut_name(name, MAX_CHARACTERS)) if name else None


def _address(url: str | None) -> str | None:
    return storable(strip_secrets(url), MAX_ADDRESS) if url else None


def _in_range(number: int | None, largest: int) -> int | None:
    return number if number is not None and 0 <= number <= largest else None
