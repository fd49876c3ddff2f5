"""What the tables know before any sticker is looked at: tags, their names, their keywords."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.tags.name_forms import same_name
from pipeline.tags.suggesting.names import TagNames
from pipeline.tags.tag_space import TagSpace

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class KnownTags:
    """Tags that may be suggested, sorted, and where each keyword belongs.

    ``keyword_tags`` has a row of ``keywords`` each: the place of its tag in ``tags``; a greater
    number where it belongs to what suggests nothing (a flagged cluster, or one that people
    dropped, blocked or haven't named yet), which draws such texts away from tags; -1 where no
    word is left. ``words`` are those of the keywords, as ``fold_words`` makes them.
    """

    tags: pa.Array
    version: str | None
    named: bool
    names: TagNames
    keywords: pa.ChunkedArray
    keyword_tags: Ints
    words: pa.ListArray
    fitted: npt.NDArray[np.bool_]
    by_hand: npt.NDArray[np.bool_]
    space: TagSpace

    def has(self, tag: int) -> bool:
        """Whether a place is that of a tag, rather than of what suggests nothing."""
        return 0 <= tag < len(self.tags)


def read_known(
    tagset: pa.Table, clusters: pa.Table, keywords: pa.Table, settled: pa.Table
) -> KnownTags:
    """Join the tables ``tagset``, ``clusters``, ``keywords`` and what a frozen set settled."""
    flagged = pc.greater(pc.fill_null(pc.list_value_length(tagset["flags"]), 0), 0)
    # What K-means could not tell apart, or what stands alone, means nothing before it has a name.
    usable = tagset.filter(pc.or_(pc.fill_null(tagset["named"], False), pc.invert(flagged)))
    usable = usable.sort_by("tag")
    named = bool(pc.any(tagset["named"]).as_py())
    tags = usable["tag"].combine_chunks()
    owner = _owners(usable, clusters, named)
    words = fold_words(
        keywords["tokens"].take(pc.index_in(clusters["keyword"], value_set=keywords["keyword"]))
    )
    rows = usable.select(["tag", "english", "aliases"]).to_pylist()
    by_hand = settled.filter(pc.equal(settled["decision"], "add"))["keyword"]
    return KnownTags(
        tags=tags,
        version=tagset["version"][0].as_py() if len(tagset) else None,
        named=named,
        names=TagNames.of(
            (place, [row["tag"], row["english"], *(row["aliases"] or ())])
            for place, row in enumerate(rows)
        ),
        keywords=clusters["keyword"],
        keyword_tags=owner,
        words=words,
        fitted=_holds(pc.equal(clusters["state"], "fitted")),
        by_hand=_holds(pc.is_in(clusters["keyword"], value_set=by_hand)),
        space=TagSpace.of(words, owner, int(owner.max(initial=len(tags) - 1)) + 1),
    )


def fold_words(tokens: pa.ChunkedArray | pa.Array) -> pa.ListArray:
    """Words as names are compared: one case, width and script; each one looked at once."""
    lists = tokens.combine_chunks() if isinstance(tokens, pa.ChunkedArray) else tokens
    lists = pc.fill_null(lists, pa.scalar([], lists.type))
    flat = pc.list_flatten(lists).dictionary_encode()
    folded = [same_name(word) or word for word in flat.dictionary.to_pylist()]
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = pa.array(folded, pa.string()).take(flat.indices)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def _owners(usable: pa.Table, clusters: pa.Table, named: bool) -> Ints:
    if named:
        place = pc.index_in(clusters["tag"], value_set=usable["id"])
    else:
        lists = usable["clusters"].combine_chunks()
        own = pc.index_in(clusters["cluster"], value_set=pc.list_flatten(lists))
        place = pc.list_parent_indices(lists).take(own)
    tags = pc.fill_null(place, -1).to_numpy().astype(np.int64)
    cluster = pc.fill_null(clusters["cluster"], -1).to_numpy().astype(np.int64)
    return np.where((tags < 0) & (cluster >= 0), len(usable) + cluster, tags)


def _holds(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.fill_null(column, False).to_numpy()
    return found
