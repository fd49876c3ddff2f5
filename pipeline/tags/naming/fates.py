"""What becomes of every keyword under a naming: the tag that it means, or none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.text import quoted
from pipeline.tags.naming.basis import Basis
from pipeline.tags.naming.resolve import Resolved
from pipeline.tags.word_runs import first_said

Ints = npt.NDArray[np.int64]
_NONE, _GONE = -2, -1
_SHOWN = 5


def keyword_fates(basis: Basis, resolved: Resolved) -> tuple[pa.Table, list[str]]:
    """The keywords that a naming settles, sorted, and what people may want to know about them.

    Columns keyword, tokens, cluster, distance, key, decision and ``place``, that of the tag in
    ``resolved`` (null where a keyword means none). A keyword that neither a proposal nor a row
    claims is left out: it is free. Keywords that a row names go before words that it names, these
    before proposals.
    """
    keywords = basis.keywords
    proposed = _by_key(keywords, resolved)
    fates = proposed.copy()
    notes = _take_by_word(keywords, resolved, fates)
    unknown = _take_named(keywords, resolved, fates)
    notes += [
        f"{resolved.tags[n].row.row.where('keywords')}: nobody has the keyword {quoted(k)} so far"
        for k, n in unknown
    ]
    notes += _left_empty(proposed, fates, resolved)
    decision = pc.if_else(pa.array(fates != proposed), "add", _decisions(keywords, resolved))
    columns = [keywords[name] for name in ("keyword", "tokens", "cluster", "distance", "key")]
    names = ("keyword", "tokens", "cluster", "distance", "key", "decision", "place")
    place = pa.array(fates, mask=fates < 0)
    settled = pa.table([*columns, decision, place], names=names).filter(pa.array(fates != _NONE))
    every = pa.concat_tables([settled, _unheard(unknown, settled.schema)])
    return every.sort_by("keyword").combine_chunks(), notes


def _by_key(keywords: pa.Table, resolved: Resolved) -> Ints:
    """Place of each keyword's tag by its proposal; -1 where it means none, -2 where it is free."""
    keys = list(resolved.tag_of)
    tags = pa.array([resolved.tag_of[key] for key in keys], pa.int64())
    found = tags.take(pc.index_in(keywords["key"], value_set=pa.array(keys, pa.string())))
    before = pc.if_else(pc.is_valid(keywords["decision"]), _GONE, _NONE)
    return np.array(pc.coalesce(found, before).to_numpy(zero_copy_only=False), dtype=np.int64)


def _decisions(keywords: pa.Table, resolved: Resolved) -> pa.ChunkedArray:
    of_key = {one.key: one.decision for one in resolved.rows if one.key}
    decisions = pa.array(list(of_key.values()), pa.string())
    place = pc.index_in(keywords["key"], value_set=pa.array(list(of_key), pa.string()))
    return pc.coalesce(decisions.take(place), keywords["decision"])


def _left_empty(proposed: Ints, fates: Ints, resolved: Resolved) -> list[str]:
    """Tags whose keywords went to others, all of them."""
    count = len(resolved.tags)
    before = np.bincount(proposed[proposed >= 0], minlength=count)
    after = np.bincount(fates[fates >= 0], minlength=count)
    notes = []
    for place in np.flatnonzero((before > 0) & (after == 0)).tolist():
        tag = resolved.tags[place]
        takers = np.unique(fates[proposed == place]).tolist()
        told = ", ".join(quoted(resolved.tags[taker].name) for taker in takers[:_SHOWN])
        notes.append(
            f"{tag.row.row.where('name')}: {quoted(tag.name)} is left without keywords: "
            f"{told}{', ...' if len(takers) > _SHOWN else ''} took them all"
        )
    return notes


def _take_by_word(keywords: pa.Table, resolved: Resolved, fates: Ints) -> list[str]:
    """Give keywords to the first added tag that names one of their words, or some in a row."""
    words = [(w, n) for n, tag in enumerate(resolved.tags) for w in tag.row.words if not tag.kept]
    if not words:
        return []
    # In order of their tags: the first word is one of the first tag.
    first, said = first_said(keywords["tokens"], [word for word, _ in words])
    takes = np.array([*(n for _, n in words), _NONE])[first]
    np.copyto(fates, takes, where=first < len(words))
    idle = [words[place] for place in range(len(words)) if place not in said]
    return [_idle(w, resolved.tags[n].row.row.where("words")) for w, n in idle]


def _idle(word: str, where: str) -> str:
    return f"{where}: no keyword has the word {quoted(word)} so far"


def _take_named(keywords: pa.Table, resolved: Resolved, fates: Ints) -> list[tuple[str, int]]:
    """Give keywords to the added tags that name them; those that nobody has yet."""
    named = [
        (k, n) for n, tag in enumerate(resolved.tags) for k in tag.row.keywords if not tag.kept
    ]
    listed = pa.array([keyword for keyword, _ in named], pa.string())
    place = pc.index_in(listed, value_set=keywords["keyword"].combine_chunks()).to_pylist()
    for (_, number), row in zip(named, place, strict=True):
        if row is not None:
            fates[row] = number
    return [one for one, row in zip(named, place, strict=True) if row is None]


def _unheard(named: Sequence[tuple[str, int]], schema: pa.Schema) -> pa.Table:
    rows = [
        {"keyword": keyword, "tokens": [], "decision": "add", "place": number}
        for keyword, number in named
    ]
    return pa.Table.from_pylist(rows, schema=schema)
