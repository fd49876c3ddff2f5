"""Near-duplicates: the same sticker again is dropped, stickers of one template are tied together.

Perceptual hashes alone merge memes that share a picture but not its caption, which would destroy
a sticker dataset. So codes only propose (``codes.py``, ``candidates.py``, ``pairs.py``; where it
is asked for, embeddings too: ``similar.py``), the
pictures themselves decide (``comparing.py``), and of what they decide:

* stickers whose decoded frames are equal are the same, whatever their files;
* copies form groups, named by the first one crawled (``grouping.py``); one of each is kept, which
  all others equal (``representatives.py``);
* a still and an animation are never the same: neither can stand for the other. A still that an
  animation shows says so (``still_of``), and both are kept;
* all that is related in any way shares a ``template_id``, through any number of others, and is
  kept; splits never separate a template.

Shards that are added change neither groups nor templates of what was there, but where a new
sticker joins two of them: ``group_joins`` lists these.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipeline.copies.comparing import HOW, Relations, load_pictures
from pipeline.copies.meeting import compare_numbered, meetings_within, read_codes
from pipeline.copies.pairs import KnownPairs, Pairs, pair_waves
from pipeline.engine.columns import known_numbers
from pipeline.engine.stage import Output, Reader
from pipeline.filter.duplicates.grouping import Groups, group_pictures
from pipeline.filter.duplicates.representatives import Kept, choose_kept
from pipeline.filter.duplicates.similar import BEGINNINGS, read_embeddings, similar_pairs
from pipeline.filter.duplicates.stickers import Stickers, read_stickers
from schemas.config import DuplicatesConfig
from schemas.tables import DUPLICATES, GROUP_JOINS

Ints = npt.NDArray[np.int64]

_KINDS = pa.array(["pixels", *HOW])


def find_duplicates(reader: Reader, settings: DuplicatesConfig) -> Iterator[Output]:
    """Yield ``duplicates`` by blocks, and ``group_joins``.

    Only what screening kept, and was read, takes part.
    """
    ids, sizes, stickers = read_stickers(reader)
    groups, kept = _group(reader, sizes, stickers, settings)
    columns = _columns(len(ids), stickers, groups, kept)
    end = 0
    for block in reader.blocks:
        start, end = end, end + sum(sizes[part] for part in block)
        here = {name: column[start:end] for name, column in columns.items()}
        named = {
            name: ids.take(known_numbers(here[name]))
            for name in ("group", "same_as", "template_id", "still_of")
        }
        known = {
            "id": ids[start:end],
            "representative": here["same_as"] < 0,
            "kind": _KINDS.take(known_numbers(here["kind"])),
            "distance": known_numbers(here["distance"]),
        }
        rows = known | named
        ordered = [rows[name] for name in DUPLICATES.schema.names]
        yield DUPLICATES.name, block, pa.table(ordered, schema=DUPLICATES.schema)
    yield GROUP_JOINS.name, None, _joins(ids, stickers, groups)


def _group(
    reader: Reader, sizes: dict[int, int], stickers: Stickers, settings: DuplicatesConfig
) -> tuple[Groups, Kept]:
    first = stickers.first
    animated, rows = stickers.animated[first], stickers.row[first]
    codes = read_codes(reader, sizes, rows)
    meetings = meetings_within(codes, animated, settings.max_phash_distance)
    if settings.embeddings:
        embeddings = read_embeddings(reader, sizes, rows)
        for kind in (~animated, animated):
            meetings.append(KnownPairs(similar_pairs(embeddings.of(kind)), BEGINNINGS))
    met = np.zeros(len(rows), np.bool_)
    # Looked at twice, since pictures that meet no other, which most don't, are never loaded.
    for pairs in pair_waves(meetings, len(rows)):
        met[pairs.one] = met[pairs.other] = True
    numbers = np.cumsum(met) - 1
    text = stickers.text.take(pa.array(first))
    rank = np.full(len(rows), len(stickers.row))
    np.minimum.at(rank, stickers.picture, stickers.rank)
    # Small matrices by the thousand: threads would only wait for each other.
    with (
        threadpool_limits(limits=1, user_api="blas"),
        load_pictures(reader, sizes, rows[met], settings) as pictures,
    ):

        def compare(pairs: Pairs) -> Relations:
            return compare_numbered(pictures, numbers, text, pairs)

        groups = group_pictures(animated, pair_waves(meetings, len(rows)), compare)
        return groups, choose_kept(groups, rank, compare)


def _columns(count: int, stickers: Stickers, groups: Groups, kept: Kept) -> dict[str, Ints]:
    """By row: numbers for the columns of ``duplicates``, those of ids as rows; -1 for null."""
    columns = dict.fromkeys(("same_as", "kind", "distance", "template_id", "still_of"), -1)
    found = {name: np.full(count, value) for name, value in columns.items()}
    group = np.arange(count)
    row, picture, first = stickers.row, stickers.picture, stickers.row[stickers.first]
    if len(row):
        group[row] = first[groups.leader[picture]]
        best = _best_rows(stickers)[kept.picture[picture]]
        is_copy = best != row
        found["same_as"][row] = np.where(is_copy, best, -1)
        # What shows the picture of the one that is kept equals it pixel by pixel.
        how, distance = kept.how[picture], kept.distance[picture]
        found["kind"][row] = np.where(is_copy, how + 1, -1)
        found["distance"][row] = np.where(is_copy, np.maximum(distance, 0), -1)
        template = groups.template[picture]
        several = np.bincount(template, minlength=len(first))[template] > 1
        found["template_id"][row] = np.where(several, first[template], -1)
        still_of = groups.still_of[picture]
        found["still_of"][row] = np.where(still_of < 0, -1, first[still_of])
    return found | {"group": group}


def _best_rows(stickers: Stickers) -> Ints:
    """Row of the best sticker that shows each picture."""
    order = np.lexsort((stickers.rank, stickers.picture))
    _, best = np.unique(stickers.picture[order], return_index=True)
    rows: Ints = stickers.row[order[best]]
    return rows


def _joins(ids: pa.ChunkedArray, stickers: Stickers, groups: Groups) -> pa.Table:
    rows = stickers.row[stickers.first]

    def named(pictures: list[int]) -> pa.ChunkedArray:
        return ids.take(pa.array(rows[pictures] if pictures else [], pa.int64()))

    joins = [*groups.group_joins, *groups.template_joins]
    what = ["group"] * len(groups.group_joins) + ["template"] * len(groups.template_joins)
    distance = np.array([join.distance for join in joins], np.int64)
    columns = [
        named([join.picture for join in joins]),
        pa.array(what, pa.string()),
        named([join.first for join in joins]),
        named([join.second for join in joins]),
        known_numbers(distance),
    ]
    return pa.table(columns, schema=GROUP_JOINS.schema)
