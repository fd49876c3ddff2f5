"""StickerTAG's shape: key frames as JPEG, several tags a sticker, and the four attributes."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.release.profiles.parquet import check_key_frames, verify_parquet, write_parquet
from pipeline.release.profiles.profile import ATTRIBUTION, Column, Profile


def _check(rows: pa.Table) -> Iterator[str]:
    yield from check_key_frames(rows)
    untagged = pc.equal(pc.fill_null(pc.list_value_length(rows["tags"]), 0), 0)
    wrong = pc.and_(pc.equal(rows["label_status"], "effective"), untagged)
    for id_ in rows["id"].filter(wrong).to_pylist():
        yield f"sticker {id_} is effective and has no tags"


STICKERTAG = Profile(
    name="stickertag",
    about=(
        "The shape of StickerTAG (section 3): key frames of each sticker as JPEG, the tags that "
        "enough annotators agreed on, and the four attributes that Att2PL reads (section 4): "
        "content, style, role and action. Rows without an image in the release have no key frames."
    ),
    loading='stickers["train"][0]["key_frames"]` is a list of PIL images, in the order of time.',
    columns=(
        Column("id", "string", "sha256 of the sticker's bytes, in hex"),
        Column("key_frames", "[image]", "JPEG pictures that stand for it", ("image",)),
        Column("tags", "[string]", "effective tags: enough annotators gave them"),
        Column("content", "string", "attribute: text on the sticker; by a model or data set"),
        Column("style", "string", "attribute: its style in a phrase; by a model or data set"),
        Column("role", "string", "attribute: who or what is shown; by a model or data set"),
        Column("action", "string", "attribute: what it does; by a model or data set"),
        Column("label_status", "string", "effective, adjudicate, insufficient, rejected, ..."),
        Column("label_provenance", "string", "votes, adjudication, review or imported"),
        Column("annotators", "int32", "valid votes counted"),
        Column("simulated", "bool", "true where the votes are simulated: no person voted"),
        Column("format", "string", "gif, png, ...: what the key frames were taken from"),
        *ATTRIBUTION,
    ),
    write=write_parquet,
    verify=verify_parquet,
    check=_check,
)
