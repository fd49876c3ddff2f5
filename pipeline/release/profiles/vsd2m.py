"""VSD2M's shape: GIFs and stills with description, caption, trigger words, text and domain."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.release.profiles.parquet import verify_parquet, write_parquet
from pipeline.release.profiles.profile import ATTRIBUTION, Column, Profile
from pipeline.release.verify import check_images

_DOMAINS = pa.array(["real", "cartoon"])


def _check(rows: pa.Table) -> Iterator[str]:
    yield from check_images(rows)
    domain = rows["domain"]
    known = pc.or_(pc.is_null(domain), pc.is_in(domain, value_set=_DOMAINS))
    for id_ in rows["id"].filter(pc.invert(known)).to_pylist():
        yield f"sticker {id_} has a domain that is neither real nor cartoon"


VSD2M = Profile(
    name="vsd2m",
    about=(
        "The shape of VSD2M: each row an animated or static sticker, a description and the shorter "
        "caption made of it, both in English and Chinese, its trigger words (the queries it was "
        "found under), the text that was read on it, and its domain, real or cartoon. `test_sets` "
        "names those of the test sets VSD-R and VSD-C."
    ),
    loading='stickers["train"][0]["image"]` is a PIL image, animated where the sticker is.',
    columns=(
        Column("id", "string", "sha256 of the sticker's bytes, in hex"),
        Column("image", "image", "the file as found, GIF or still; null if not redistributable"),
        Column("format", "string", "gif, png, apng, jpeg, webp, ... by its first bytes"),
        Column("animated", "bool", "more than one frame"),
        Column("frames", "int32", "frames that decoded"),
        Column("duration_ms", "int32", "play time of one loop in milliseconds; 0 for a still"),
        Column("width", "int32", "pixels"),
        Column("height", "int32", "pixels"),
        Column("description_en", "string", "English description; by a model or data set"),
        Column("description_zh", "string", "Chinese description; by a model or data set"),
        Column("caption_en", "string", "English caption, in a sentence; by a model or data set"),
        Column("caption_zh", "string", "Chinese caption; by a model or data set"),
        Column("trigger_words", "[string]", "distinct queries it was found under, sorted"),
        Column("ocr_text", "string", "text read in the key frames"),
        Column("domain", "string", "real or cartoon"),
        Column("domain_provenance", "string", "votes, review, imported or classifier"),
        Column("captioner", "string", "what wrote the texts; template is no model"),
        Column("test_sets", "[string]", "named test sets that it is in, such as vsd_r"),
        *ATTRIBUTION,
    ),
    write=write_parquet,
    verify=verify_parquet,
    check=_check,
)
