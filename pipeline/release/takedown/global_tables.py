"""Global tables without what was taken down: rows about stickers, and words that only they said."""

from __future__ import annotations

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
    if name == "group_joins":
        return _joins(rows, request, ids)
    if name == "moved":
        return _moved(rows, ids)
    if name == "leakage":
        return _examples(rows, request)
    if name in ("keywords", "clusters"):
        return _keywords(rows, request)
    if name == "tagset":
        return _tags(rows, request)
    return rows


def _filtered(rows: pa.Table, where: pa.ChunkedArray) -> pa.Table:
    return rows if pc.all(where, min_count=0).as_py() else rows.filter(where)


def _joins(rows: pa.Table, request: Request, ids: pa.Array) -> pa.Table:
    gone = request.gone
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


def _moved(rows: pa.Table, ids: pa.Array) -> pa.Table:
    """Moved stickers without the name of one that they joined."""
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
    only = [keyword for keyword, left in request.keywords.items() if not left]
    gone = pa.array(sorted(only), pa.string())
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


def _tags(rows: pa.Table, request: Request) -> pa.Table:
    """Tags lose examples and terms that only stickers which are gone carried; one that has none
    left goes."""
    only = {keyword for keyword, left in request.keywords.items() if not left}
    kept, changed = [], False
    for tag in rows.to_pylist():
        known = {name: tag[name] for name in ("terms", "exemplars") if tag[name]}
        left = {name: [word for word in words if word not in only] for name, words in known.items()}
        changed |= left != known
        # What people see of a tag are its examples, or its terms where it has none.
        if left.get("exemplars", left.get("terms", ["any"])):
            kept.append(tag | left)
    return pa.Table.from_pylist(kept, schema=rows.schema) if changed else rows
