"""Signal: packs in the directory signalstickers.org, decrypted with the keys that it publishes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from pydantic import Field

from crawlers.observation import Observation
from crawlers.signal_pack import decrypt, read_manifest
from crawlers.source import Answer, Ask, Cursor, Listing, Page, Source
from crawlers.sources.addresses import BaseAddress, HttpAddress
from crawlers.sources.reading import changed_format, mapping, parse_json, text, texts
from pipeline.engine.options import Options

_DIRECTORY = "the directory of Signal's stickers"
_PACKS_A_PAGE = 50
_MOST_NUMBER = 10**6
_PACK = re.compile(r"[0-9a-fA-F]{32}")
_KEY = re.compile(r"[0-9a-fA-F]{64}")
_MOST_TAGS = 40
_LONGEST_TAG = 100


class SignalOptions(Options):
    """Options of the source signal."""

    directory: HttpAddress = Field(
        "https://api.signalstickers.org/v1/packs/", description="address of the list of packs"
    )
    cdn: BaseAddress = Field(
        "https://cdn-ca.signal.org", description="address of the server that holds the packs"
    )
    nsfw: bool = Field(False, description="also packs that the directory says aren't safe for work")


def ask(options: SignalOptions, query: str, cursor: Cursor) -> Ask:
    """The directory, which is one for all queries, or the manifest of a pack."""
    if "pack" in cursor:
        return Ask(f"{options.cdn}/stickers/{cursor['pack']}/manifest.proto")
    return Ask(options.directory, shared=True)


def read(options: SignalOptions, query: str, cursor: Cursor, answer: Answer) -> Page:
    """Packs that fit the query, page by page, or the stickers of a pack."""
    if "pack" in cursor:
        return _read_pack(options, cursor, answer)
    entries, unread = _directory(answer.body)
    words = _plain(query).split()
    packs = {
        entry.pack["pack"]: entry.pack
        for entry in entries
        if (options.nsfw or not entry.nsfw) and all(word in entry.said for word in words)
    }
    start = _whole(cursor.get("from", 0))
    page = enumerate(islice(packs.values(), start, start + _PACKS_A_PAGE), start)
    inner = [{**pack, "place": place} for place, pack in page]
    following = start + _PACKS_A_PAGE
    # Told once: every page reads the same directory.
    return Page(
        inner=inner,
        next={"from": following} if following < len(packs) else None,
        senseless=0 if start else unread,
    )


def decode(observation: Observation, data: bytes) -> bytes:
    """The sticker in a file of a pack; ValueError where it isn't one of that pack."""
    return decrypt(data, text(observation.raw or {}, "opens") or "")


class _Entry(NamedTuple):
    """A pack in the directory: its cursor, and title, author and tags as they are looked up."""

    pack: Cursor
    said: str
    nsfw: bool


@lru_cache(maxsize=1)  # one answer is read for every query
def _directory(body: bytes) -> tuple[tuple[_Entry, ...], int]:
    """The packs of the directory, and how many entries make no sense."""
    entries = parse_json(Answer(200, "", {}, body), _DIRECTORY)
    if not isinstance(entries, list):
        raise changed_format(_DIRECTORY, "it is no list")
    packs = tuple(_packs(entries))
    return packs, len(entries) - len(packs)


def _packs(entries: list[Any]) -> Iterator[_Entry]:
    for entry in entries:
        identity = _identity(entry)
        if identity is None:
            continue
        meta, manifest = mapping(entry, "meta"), mapping(entry, "manifest")
        tags = [tag[:_LONGEST_TAG] for tag in texts(meta, "tags")[:_MOST_TAGS]]
        said = _plain("\n".join([*tags, *(text(manifest, n) or "" for n in ("title", "author"))]))
        # Not called a key: everybody may know it, and what is called so is never stored.
        pack = {"pack": identity[0], "opens": identity[1], "tags": "\n".join(tags)}
        # Whatever isn't plainly a no counts as a warning.
        yield _Entry(pack, said, nsfw=meta.get("nsfw") not in (None, False))


def _identity(entry: Any) -> tuple[str, str] | None:
    """A pack's id and key; None for an entry that makes no sense."""
    meta = mapping(entry, "meta") if isinstance(entry, dict) else {}
    pack, key = text(meta, "id") or "", text(meta, "key") or ""
    fits = _PACK.fullmatch(pack) and _KEY.fullmatch(key)
    return (pack.lower(), key.lower()) if fits else None


def _read_pack(options: SignalOptions, cursor: Cursor, answer: Answer) -> Page:
    pack, key = str(cursor["pack"]), str(cursor["opens"])
    try:
        manifest = read_manifest(decrypt(answer.body, key))
    except ValueError:
        # Strangers make packs: one that is damaged costs itself, and not the packs behind it.
        return Page(senseless=1)
    tags = tuple(tag for tag in str(cursor["tags"]).split("\n") if tag)
    found: dict[int, Observation] = {}
    for place, sticker in enumerate(manifest.stickers):
        if sticker.number > _MOST_NUMBER or sticker.number in found:
            continue
        raw: Mapping[str, Any] = {"id": sticker.number, "emoji": sticker.emoji, "opens": key}
        found[sticker.number] = Observation(
            source_id=f"{pack}/{sticker.number}",
            media_url=f"{options.cdn}/stickers/{pack}/full/{sticker.number}",
            rank=_whole(cursor["place"]),
            pack_id=pack,
            pack_title=manifest.title,
            pack_index=place,
            author=manifest.author,
            tags=(*tags, sticker.emoji) if sticker.emoji else tags,
            page_url=f"https://signalstickers.org/pack/{pack}",
            raw=raw,
        )
    return Page(list(found.values()), senseless=len(manifest.stickers) - len(found))


def _plain(said: str) -> str:
    return unicodedata.normalize("NFKC", said).casefold()


def _whole(value: str | int) -> int:
    return value if isinstance(value, int) else 0


SOURCE = Source(
    name="signal",
    title="Signal (signalstickers.org)",
    options=SignalOptions,
    redistribute=False,
    terms="Anybody may publish a pack on Signal and enter it in the directory; neither states a "
    "licence for its pictures, which stay their artists' (licence_basis none). The directory is "
    "run by volunteers: keep per_day low. It may move or leave out packs at any time.",
    listing=Listing(ask, read, needs_query=False),
    decode=decode,
)
