"""Words that never become names: ours, those of a configured file, and what people blocked."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.tags.named import line_of

# A word stands for a blocked cluster when more than this share of its keywords has it.
_SHARE = 0.5


def blocked_by_people(
    naming: pa.Table, named_tags: pa.Table, named_keywords: pa.Table
) -> frozenset[str]:
    """Names of blocked rows, in the frozen set in use and those before it, and their words.

    A word counts that most keywords of a blocked cluster have and no keyword of a tag.
    """
    numbers = line_of(named_tags, pc.max(named_tags["number"]).as_py() or 0)
    rows = naming.filter(pc.is_in(naming["number"], pa.array(numbers, pa.int32())))
    rows = rows.filter(pc.equal(rows["decision"], "block"))
    names = {name for column in ("name", "english") for name in rows[column].to_pylist() if name}
    return frozenset(names | _words(named_keywords, max(numbers, default=0)))


def _words(named_keywords: pa.Table, number: int) -> set[str]:
    keywords = named_keywords.filter(pc.equal(named_keywords["number"], number))
    blocked = keywords.filter(pc.equal(keywords["decision"], "block"))
    if not len(blocked):
        return set()
    size: Counter[int | None] = Counter(blocked["cluster"].to_pylist())
    having: Counter[tuple[int | None, str]] = Counter()
    for row in blocked.select(["cluster", "tokens"]).to_pylist():
        having.update((row["cluster"], word) for word in set(row["tokens"] or ()))
    words = {word for (cluster, word), count in having.items() if count > _SHARE * size[cluster]}
    told = pc.list_flatten(keywords.filter(pc.is_valid(keywords["tag"]))["tokens"])
    kept = told.filter(pc.is_in(told, pa.array(sorted(words), pa.string())))
    return words.difference(pc.unique(kept).to_pylist())
