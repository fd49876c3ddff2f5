"""New keywords and a frozen tag set: which are near enough to a tag to belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.tags.name_forms import same_name
from pipeline.tags.named import NamedSet
from pipeline.tags.tag_space import TagSpace
from pipeline.tags.word_runs import first_said

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# A keyword fits where it is as near as this share of the tag's own keywords are. A loose tag
# takes nothing that is farther than _LEAST, and _ENOUGH is near enough for a tight one. Chosen on
# 1,856 captions, a fifth of them held out (docs/naming.md).
_OWN_SHARE = 0.95
_LEAST, _ENOUGH = 0.4, 0.5
# Distances are written to a table, whose bytes must not differ between processors.
_DIGITS = 6


@dataclass(frozen=True)
class Fits:
    """Of each new keyword, what takes it: the id of a tag, or the number of a cluster that people
    dropped or blocked; both null where nothing does. ``distances`` are to its centre."""

    tags: pa.Array
    clusters: pa.Array
    distances: Floats

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """Which keywords are taken."""
        either = pc.or_(self.tags.is_valid(), self.clusters.is_valid())
        return np.asarray(either.to_numpy(zero_copy_only=False))


def fit_keywords(
    keywords: pa.Array, tokens: pa.ListArray, named: NamedSet, words: Mapping[str, str]
) -> Fits:
    """What of a frozen set takes keywords that it has not settled.

    A keyword that is a tag's name, another name or keyword of it in other signs belongs to it; so
    does one with a word that stands for a tag by hand (``words``: id of the tag by word). Others
    go to the nearest centre in the TF-IDF space of the settled keywords, where it is near enough.
    The order of the keywords changes nothing.
    """
    groups, ids, gone = _groups(named)
    settled = named.keywords
    space = TagSpace.of(settled["tokens"], groups, len(ids) + len(gone))
    least = _least(space.own(settled["tokens"], groups), groups, space.centres.shape[0])
    nearest, cosines = space.nearest(tokens)
    group = np.where((nearest >= 0) & (cosines >= least[nearest]), nearest, -1)
    distances = np.sqrt(np.maximum(0, 2 - 2 * cosines)).round(_DIGITS)
    for known in (_by_word(tokens, words, ids), _equal(keywords, named, groups, ids)):
        group = np.where(known >= 0, known, group)
        # What is taken for its words or signs may be anywhere in that space.
        distances = np.where((known >= 0) & (known != nearest), np.nan, distances)
    places = pa.array(group, mask=group < 0)
    return Fits(
        tags=pa.concat_arrays([ids, pa.nulls(len(gone), pa.string())]).take(places),
        clusters=pa.concat_arrays([pa.nulls(len(ids), pa.int32()), gone]).take(places),
        distances=distances,
    )


def _groups(named: NamedSet) -> tuple[Ints, pa.Array, pa.Array]:
    """The group of each settled keyword, the ids of the first groups, the clusters of the rest.

    Tags come first; clusters of which keywords were dropped or blocked follow.
    """
    keywords, ids = named.keywords, named.tags["id"].combine_chunks()
    tag = pc.fill_null(pc.index_in(keywords["tag"], value_set=ids), -1).to_numpy()
    dropped = pc.if_else(pc.is_null(keywords["tag"]), keywords["cluster"], None)
    gone = pc.unique(dropped).drop_null().sort()
    place = pc.fill_null(pc.index_in(dropped, value_set=gone), -1).to_numpy().astype(np.int64)
    groups = np.where(tag >= 0, tag, np.where(place >= 0, place + len(ids), -1))
    return groups.astype(np.int64), ids, gone.cast(pa.int32())


def _least(own: Floats, groups: Ints, count: int) -> Floats:
    """The least cosine to each centre that is near enough."""
    order = np.lexsort((own, groups))
    starts = np.searchsorted(groups[order], np.arange(count + 1))
    sizes = np.diff(starts)
    last = np.minimum(starts[:-1] + ((1 - _OWN_SHARE) * sizes).astype(np.int64), len(own) - 1)
    reached = own[order][last] if len(own) else np.zeros(count)
    return np.clip(np.where(sizes > 0, reached, _ENOUGH), _LEAST, _ENOUGH)


def _by_word(tokens: pa.ListArray, words: Mapping[str, str], ids: pa.Array) -> Ints:
    """The group that a word was given to by hand; the first tag where there are several."""
    places = {id_: place for place, id_ in enumerate(ids.to_pylist())}
    ordered = sorted((places[id_], word) for word, id_ in words.items() if id_ in places)
    first, _ = first_said(pa.chunked_array([tokens]), [word for _, word in ordered])
    return np.array([*(place for place, _ in ordered), -1], dtype=np.int64)[first]


def _equal(keywords: pa.Array, named: NamedSet, groups: Ints, ids: pa.Array) -> Ints:
    """The group of what is written alike: a name, another name, a settled keyword."""
    settled = pc.utf8_lower(named.keywords["keyword"]).combine_chunks()
    place = pc.fill_null(pc.index_in(pc.utf8_lower(keywords), value_set=settled), -1).to_numpy()
    found = np.where(place >= 0, groups[place], -1) if len(groups) else np.full(len(place), -1)
    names: dict[str, int] = {}
    # A tag's name goes before what others are called besides.
    for column in ("tag", "english", "aliases"):
        for number, value in enumerate(named.tags[column].to_pylist()):
            for name in value if isinstance(value, list) else [value]:
                if name and (form := same_name(name)):
                    names.setdefault(form, number)
    called = np.array(
        [names.get(same_name(keyword), -1) for keyword in keywords.to_pylist()], dtype=np.int64
    )
    return np.where(called >= 0, called, found).astype(np.int64)
