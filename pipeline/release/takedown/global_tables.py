"""Global tables without what was taken down: rows about stickers, and words that only they said."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.release.takedown.cleaner.removed import stands_in
from pipeline.release.takedown.request import Request


def without_gone(name: str, rows: pa.Table, request: Request) -> pa.Table:
    """The rows of a global table that stay; the same table where nothing changes."""
    ids = pa.array(sorted(request.kinds), pa.string())
    if "id" in rows.column_names:
        rows = _filtered(rows, pc.invert(pc.is_in(rows["id"], value_set=ids)))
    if name == "unfetched":
        urls = pa.array(request.texts, pa.string())
        for column in ("media_url", "page_url"):
            rows = _filtered(rows, pc.invert(pc.is_in(rows[column], value_set=urls)))
    clean = _CLEANERS.get(name)
    return rows if clean is None else clean(rows, request)


def _filtered(rows: pa.Table, where: pa.ChunkedArray) -> pa.Table:
    return rows if pc.all(where, min_count=0).as_py() else rows.filter(where)


def _joins(rows: pa.Table, request: Request) -> pa.Table:
    gone, ids = request.gone, pa.array(sorted(request.kinds), pa.string())
    for column in ("first", "second"):
        if not pc.any(pc.is_in(rows[column], value_set=ids)).as_py():
            continue
        names = [
            gone.new_name("template_id", text) if text in request.kinds else text
            for text in rows[column].to_pylist()
        ]
        place, field = rows.column_names.index(column), rows.schema.field(column)
        rows = rows.set_column(place, field.with_nullable(True), pa.array(names, pa.string()))
        rows = rows.filter(pc.is_valid(rows[column]))
    return rows


def _moved(rows: pa.Table, request: Request) -> pa.Table:
    """Moved stickers without the name of one that they joined."""
    ids = pa.array(sorted(request.kinds), pa.string())
    where = pc.is_in(rows["joined"], value_set=ids)
    if not pc.any(where).as_py():
        return rows
    left = pc.if_else(where, pa.scalar(None, pa.string()), rows["joined"])
    place = rows.column_names.index("joined")
    return rows.set_column(place, rows.schema.field("joined"), left)


def _examples(rows: pa.Table, request: Request) -> pa.Table:
    gone, known = request.gone, rows["examples"].to_pylist()
    urls = [said for said in gone.texts if "://" in said]

    def named(text: str) -> bool:
        found = gone.names_text(text) or text in gone.texts
        return found or any(stands_in(text, url) for url in urls)

    left = [examples and [text for text in examples if not named(text)] for examples in known]
    if left == known:
        return rows
    place = rows.column_names.index("examples")
    return rows.set_column(
        place, rows.schema.field("examples"), pa.array(left, pa.list_(pa.string()))
    )


def _keywords(rows: pa.Table, request: Request) -> pa.Table:
    gone = pa.array(sorted(request.words_gone), pa.string())
    rows = _filtered(rows, pc.invert(pc.is_in(rows["keyword"], value_set=gone)))
    if "stickers" not in rows.column_names or not request.keywords:
        return rows
    left = [
        request.keywords.get(keyword, count)
        for keyword, count in zip(
            rows["keyword"].to_pylist(), rows["stickers"].to_pylist(), strict=True
        )
    ]
    counts = pa.chunked_array([pa.array(left, pa.int64())])
    if counts.equals(rows["stickers"]):
        return rows
    place = rows.column_names.index("stickers")
    return rows.set_column(place, rows.schema.field("stickers"), counts)


def _naming(rows: pa.Table, request: Request) -> pa.Table:
    """What people decided, without keywords and words that only stickers which are gone carried.

    The names that they gave stay.
    """
    only, changed = request.words_gone, False
    left = rows.to_pylist()
    for row in left:
        for column in ("keywords", "words"):
            words = [word for word in row[column] or () if word not in only]
            changed |= len(words) != len(row[column] or ())
            row[column] = row[column] and words
    return pa.Table.from_pylist(left, schema=rows.schema) if changed else rows


def _tags(rows: pa.Table, request: Request) -> pa.Table:
    """Tags lose examples and terms that only stickers which are gone carried; one that has none
    left goes, unless people named it."""
    only = request.words_gone
    kept, changed = [], False
    for tag in rows.to_pylist():
        known = {name: tag[name] for name in ("terms", "exemplars") if tag[name]}
        left: dict[str, Any] = {
            name: [word for word in words if word not in only] for name, words in known.items()
        }
        by_people = tag.get("named") or tag.get("key", "").startswith("t")
        if "key" in tag and not by_people and tag["name"] in only:
            left["name"] = None  # a suggestion of ours
        changed |= left != known
        # What people see of a tag are its examples, or its terms where it has none.
        if by_people or left.get("exemplars", left.get("terms", ["any"])):
            kept.append(tag | left)
    return pa.Table.from_pylist(kept, schema=rows.schema) if changed else rows


_CLEANERS = {
    "group_joins": _joins,
    "moved": _moved,
    "leakage": _examples,
    **dict.fromkeys(("keywords", "clusters", "named_keywords"), _keywords),
    "naming": _naming,
    **dict.fromkeys(("tagset", "proposals"), _tags),
}
