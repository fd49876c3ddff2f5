"""What a crawl would leave: the rows of ``stickers`` and ``observations``."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import OBSERVATIONS, STICKERS
from synthetic.chance import Numbers, zipf
from synthetic.columns import all_of, joined, rows_of
from synthetic.stickers import FORMATS, Stickers
from synthetic.words import SUBJECTS, keywords

_WORDS = pa.array(keywords(), pa.string())
_LICENCES = pa.array(["CC BY 4.0", "CC BY-NC 4.0", "custom"], pa.string())
_SECOND = 0.3


def sticker_rows(stickers: Stickers, ids: pa.Array, nbytes: Numbers | None = None) -> pa.Table:
    """Rows of ``stickers``; without bytes their size is made up: the median is 40 KB."""
    if nbytes is None:
        nbytes = (4_000 * np.exp(4.6 * stickers.uniform("nbytes"))).astype(np.int64)
    formats = pa.array(FORMATS, pa.string()).take(pa.array(stickers.format))
    return rows_of(STICKERS, len(ids), {"id": ids, "format": formats, "extension": formats,
                                      "nbytes": pa.array(nbytes)})  # fmt: skip


def keyword_of(stickers: Stickers, sighting: int = 0) -> Numbers:
    """Index of the keyword that a sticker was found under."""
    return zipf(stickers.seed, f"query {sighting}", stickers.numbers, len(_WORDS))


def observation_rows(stickers: Stickers, ids: pa.Array) -> pa.Table:
    """One or two sightings of each sticker, in the sticker's order.

    One without media can't be passed on, so that a release carries what is known of it alone.
    """
    again = np.flatnonzero(stickers.uniform("sightings") < _SECOND)
    places = np.concatenate([np.arange(len(ids)), again])
    sightings = np.concatenate([np.zeros(len(ids), int), np.ones(len(again), int)])
    order = np.argsort(places, kind="stable")
    places, sightings = places[order], sightings[order]
    seen = Stickers(stickers.seed, stickers.numbers[places])
    queries = np.where(sightings == 0, keyword_of(seen), keyword_of(seen, 1))
    numbers = pc.cast(pa.array(seen.numbers), pa.string())
    packs = pc.cast(pa.array(seen.packs), pa.string())
    authors = pc.cast(pa.array(seen.packs // 3), pa.string())
    known = {
        "id": ids.take(pa.array(places)),
        "source": all_of("synthetic", len(places)),
        "source_id": joined("s", numbers),
        "variant": all_of("original", len(places)),
        "query": _WORDS.take(pa.array(queries)),
        "rank": pa.array(seen.numbers % 200),
        "pack_id": joined("p", packs),
        "pack_title": joined(pa.array(SUBJECTS).take(pa.array(seen.packs % len(SUBJECTS))), " ",
                              packs),
        "pack_index": pa.array(seen.pack_index.astype(np.int32)),
        "author": joined("artist ", authors),
        "title": _titles(seen),
        "tags": _tags(seen),
        "page_url": joined("https://stickers.example/pack/", packs),
        "media_url": joined("https://media.stickers.example/", numbers),
        "licence": _LICENCES.take(pa.array(seen.packs % len(_LICENCES))),
        "licence_basis": all_of("site", len(places)),
        "redistribute": pa.array(np.zeros(len(places), bool)),
        "http_status": pa.array(np.full(len(places), 200, np.int32)),
        "fetched_at": all_of("2026-01-01T00:00:00Z", len(places)),
        "robots_decision": all_of("allowed", len(places)),
        "attempts": pa.array(np.ones(len(places), np.int32)),
    }  # fmt: skip
    return rows_of(OBSERVATIONS, len(places), known)


def _titles(stickers: Stickers) -> pa.Array:
    """Titles of three in five: another keyword, which often stands beside the query."""
    words = _WORDS.take(pa.array(zipf(stickers.seed, "title", stickers.numbers, len(_WORDS))))
    return pc.if_else(pa.array(stickers.uniform("titled") < 0.6), words, None)


def _tags(stickers: Stickers) -> pa.Array:
    """No to three tags of the source each."""
    counts = (stickers.uniform("tags") * 4).astype(np.int64)
    owners = np.repeat(stickers.numbers, counts)
    places = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    ranks = zipf(stickers.seed, "tag", owners * 4 + places, len(_WORDS))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), _WORDS.take(pa.array(ranks)))
