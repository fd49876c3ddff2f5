"""Words that never become names: ours, those of a configured file, and what people blocked."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.tags.name_forms import is_blocked
from pipeline.tags.named import line_of

# A word stands for a blocked cluster when more than this share of its keywords has it.
_SHARE = 0.5


def blocked_by_people(
    naming: pa.Table, named_tags: pa.Table, named_keywords: pa.Table
) -> frozenset[str]:
    """Names of blocked rows, in the frozen set in use and those before it, and their words.

    A word counts that most keywords of a blocked cluster have and no keyword of a tag. What a tag
    of the set in use is called is not blocked any more.
    """
    numbers = line_of(named_tags, pc.max(named_tags["number"]).as_py() or 0)
    rows = naming.filter(pc.is_in(naming["number"], pa.array(numbers, pa.int32())))
    rows = rows.filter(pc.equal(rows["decision"], "block"))
    names = {name for column in ("name", "english") for name in rows[column].to_pylist() if name}
    number = max(numbers, default=0)
    blocked = frozenset(names | _words(named_keywords, number))
    return blocked.difference(_said(named_tags, number, blocked))


def _said(named_tags: pa.Table, number: int, blocked: frozenset[str]) -> set[str]:
    """Blocked words that names of tags say."""
    tags = named_tags.filter(pc.equal(named_tags["number"], number))
    names = [name for column in ("tag", "english") for name in tags[column].to_pylist() if name]
    names += [name for names in tags["aliases"].to_pylist() for name in names or ()]
    saying = [name for name in names if is_blocked(name, blocked)]
    return {word for word in blocked for name in saying if is_blocked(name, {word})}


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
