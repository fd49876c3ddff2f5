"""What could leak from one split into another, counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

Edges = Mapping[str, Iterable[tuple[str, str]]]
"""By kind of edge: a sticker's id and a key; stickers with the same key are related."""

EXAMPLES = 5
EDGE_COLUMNS = (
    ("duplicates", ("id", "group", "template_id")),
    ("signals", ("id", "pixel_sha256")),
    (
        "observations",
        ("id", "source", "pack_id", "pack_title", "page_url", "media_url", "author"),
    ),
)
"""Tables and columns that ``read_edges`` takes, in order."""


@dataclass(frozen=True)
class Straddle:
    """Related stickers found in more than one split, for one kind of edge.

    ``shared`` keys relate at least two stickers of the release; ``straddling`` of them lie in
    more than one split, with ``rows`` stickers together. ``examples`` are the worst keys.
    """

    kind: str
    shared: int
    straddling: int
    rows: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Size:
    """Asked and achieved share of a split, its rows, and the tags that it lacks, sorted."""

    split: str
    asked: float
    achieved: float
    rows: int
    absent: tuple[str, ...]


@dataclass(frozen=True)
class Leakage:
    """The report: straddling keys by kind of edge, sizes by split, and the largest group."""

    straddles: tuple[Straddle, ...]
    sizes: tuple[Size, ...]
    groups: int
    largest_group: int


def leakage(
    splits: Mapping[str, str | None],
    groups: Mapping[str, str],
    edges: Edges,
    labels: Mapping[str, Sequence[str]],
    shares: Mapping[str, float],
) -> Leakage:
    """Check an assignment; stickers without a split are not in the release and don't count."""
    released = {sticker: split for sticker, split in sorted(splits.items()) if split is not None}
    sizes = Counter(groups[sticker] for sticker in released)
    return Leakage(
        straddles=tuple(_straddle(kind, edges[kind], released) for kind in sorted(edges)),
        sizes=tuple(_sizes(released, labels, shares)),
        groups=len(sizes),
        largest_group=max(sizes.values(), default=0),
    )


def read_edges(
    duplicates: pa.Table, signals: pa.Table, observations: pa.Table
) -> dict[str, list[tuple[str, str]]]:
    """Edges of every kind that the tables know; empty tables give none.

    Kinds: sha256 (can't straddle: an id is a hash and has one split), pixels, near_duplicate,
    template, pack, page_url, media_url, author. Packs and authors are told apart by source.
    """
    sighting = ("id", "source")
    return {
        "sha256": [(id_, id_) for id_ in duplicates["id"].to_pylist()],
        "pixels": _pairs(signals, ("id",), "pixel_sha256"),
        "near_duplicate": _pairs(duplicates, ("id",), "group"),
        "template": _pairs(duplicates, ("id",), "template_id"),
        "pack": pack_links(observations),
        "page_url": _pairs(observations, ("id",), "page_url"),
        "media_url": _pairs(observations, ("id",), "media_url"),
        "author": _pairs(observations, sighting, "author"),
    }


def pack_links(observations: pa.Table) -> list[tuple[str, str]]:
    """Each sticker's packs: by the pack's id at its source, or by its title where it has none."""
    columns = (observations[name].to_pylist() for name in ("id", "source", "pack_id", "pack_title"))
    rows = set(zip(*columns, strict=True))
    keyed = ((id_, source, pack or title) for id_, source, pack, title in rows)
    return sorted((id_, f"{source}:{pack}") for id_, source, pack in keyed if pack)


def _pairs(table: pa.Table, names: Sequence[str], column: str) -> list[tuple[str, str]]:
    columns = (table[name].to_pylist() for name in (*names, column))
    rows = {row for row in zip(*columns, strict=True) if row[-1]}
    return sorted((row[0], ":".join(row[1:])) for row in rows)


def _straddle(kind: str, pairs: Iterable[tuple[str, str]], released: Mapping[str, str]) -> Straddle:
    related: defaultdict[str, set[str]] = defaultdict(set)
    for sticker, key in pairs:
        if sticker in released:
            related[key].add(sticker)
    shared = {key: stickers for key, stickers in related.items() if len(stickers) > 1}
    across = {
        key: len(stickers)
        for key, stickers in shared.items()
        if len({released[sticker] for sticker in stickers}) > 1
    }
    rows = {sticker for key in across for sticker in shared[key]}
    worst = sorted(across, key=lambda key: (-across[key], key))
    return Straddle(kind, len(shared), len(across), len(rows), tuple(worst[:EXAMPLES]))


def _sizes(
    released: Mapping[str, str], labels: Mapping[str, Sequence[str]], shares: Mapping[str, float]
) -> Iterable[Size]:
    rows = Counter(released.values())
    held: defaultdict[str, set[str]] = defaultdict(set)
    for sticker, split in released.items():
        held[split].update(labels.get(sticker, ()))
    every = set().union(*held.values())
    for split in [*shares, *sorted(set(rows) - set(shares))]:
        achieved = rows[split] / max(1, len(released))
        absent = tuple(sorted(every - held[split]))
        yield Size(split, shares.get(split, 0.0), achieved, rows[split], absent)
