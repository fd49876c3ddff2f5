"""Texts of published data sets in the shape of captions, so that one rule chooses among both."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import DESCRIPTION_FIELDS

IMPORTED = "imported"
"""Captioner of texts that no captioner of ours wrote."""

_LANGUAGES = ("en", "zh")


def with_imported(captions: pa.Table, imported: pa.Table, template: str) -> pa.Table:
    """Captions and what was imported; the template is silent on stickers that have a caption.

    It quotes keywords, labels of data sets among them: a caption of its own beside an imported one
    would pass for the data set's.
    """
    captioned = imported.filter(
        pc.or_(pc.is_valid(imported["caption_en"]), pc.is_valid(imported["caption_zh"]))
    )
    told = pc.is_in(captions["id"], value_set=captioned["id"].combine_chunks())
    silent = pc.and_(told, pc.equal(captions["captioner"], template))
    kept = captions.filter(pc.invert(pc.fill_null(silent, False)))
    return pa.concat_tables([kept, as_captions(imported, captions.schema)])


def as_captions(imported: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows of ``captions``, with the columns of ``schema``, for each text that was imported.

    The text on a sticker stands for ``content`` where the data set names no other.
    """
    content = pc.coalesce(imported["content"], imported["ocr_text"])
    found = []
    for column, _ in DESCRIPTION_FIELDS:
        texts = content if column == "content" else imported[column]
        said = pc.is_valid(texts)
        rows, texts = imported.filter(said), texts.filter(said)
        field, _, language = column.rpartition("_")
        if language not in _LANGUAGES:
            field, language = column, _LANGUAGES[0]
        count = len(rows)
        columns = {
            "id": rows["id"],
            "captioner": pa.array([IMPORTED] * count, pa.string()),
            "prompt": pc.binary_join_element_wise(IMPORTED, rows["dataset"], " "),
            "field": pa.array([field] * count, pa.string()),
            "language": pa.array([language] * count, pa.string()),
            "text": texts,
            "flags": pa.array([[]] * count, pa.list_(pa.string())),
        }
        bare = {f.name: pa.nulls(count, f.type) for f in schema if f.name not in columns}
        found.append(pa.table(columns | bare).select(schema.names).cast(schema))
    return pa.concat_tables(found)
