"""Signal: packs in the directory signalstickers.org, decrypted with the keys that it publishes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

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
    entries = parse_json(answer, _DIRECTORY)
    if not isinstance(entries, list):
        raise changed_format(_DIRECTORY, "it is no list")
    packs = {pack["pack"]: pack for pack in _packs(entries, options, query)}
    start = _whole(cursor.get("from", 0))
    inner = [
        {**pack, "place": place}
        for place, pack in enumerate(packs.values())
        if start <= place < start + _PACKS_A_PAGE
    ]
    following = start + _PACKS_A_PAGE
    # Told once: every page reads the same directory.
    senseless = 0 if start else sum(_identity(entry) is None for entry in entries)
    return Page(
        inner=inner,
        next={"from": following} if following < len(packs) else None,
        senseless=senseless,
    )


def decode(observation: Observation, data: bytes) -> bytes:
    """The sticker in a file of a pack; ValueError where it isn't one of that pack."""
    return decrypt(data, text(observation.raw or {}, "opens") or "")


def _packs(entries: list[Any], options: SignalOptions, query: str) -> Iterator[Cursor]:
    """Cursors of the packs that hold each word of the query in title, author or tags."""
    words = _plain(query).split()
    for entry in entries:
        identity = _identity(entry)
        if identity is None:
            continue
        meta, manifest = mapping(entry, "meta"), mapping(entry, "manifest")
        # Whatever isn't plainly a no counts as a warning.
        if meta.get("nsfw") not in (None, False) and not options.nsfw:
            continue
        tags = [tag[:_LONGEST_TAG] for tag in texts(meta, "tags")[:_MOST_TAGS]]
        said = _plain("\n".join([*tags, *(text(manifest, n) or "" for n in ("title", "author"))]))
        if all(word in said for word in words):
            # Not called a key: everybody may know it, and what is called so is never stored.
            yield {"pack": identity[0], "opens": identity[1], "tags": "\n".join(tags)}


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
