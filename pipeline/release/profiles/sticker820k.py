"""Sticker820K's shape: image, Chinese description, optical characters, emotion and style."""

from __future__ import annotations

from pipeline.release.profiles.annotations import VOTED_EMOTION, VOTED_STYLE
from pipeline.release.profiles.parquet import verify_parquet, write_parquet
from pipeline.release.profiles.profile import ATTRIBUTION, Column, Profile
from pipeline.release.verify import check_images

STICKER820K = Profile(
    name="sticker820k",
    about=(
        "The shape of Sticker820K: image-text pairs with a Chinese description, the characters on "
        "the sticker, a class of emotion and a class of style. The paper names no classes: where "
        "people were asked to choose one (the questions `emotion` and `style`), what they answered "
        "stands there; else a model's, which are SER30K's seven emotions and the styles of this "
        "project's prompt, or whatever the data set says that the row was imported from."
    ),
    loading='stickers["train"][0]["image"]` is a PIL image, animated where the sticker is.',
    columns=(
        Column("id", "string", "sha256 of the sticker's bytes, in hex"),
        Column("image", "image", "the file as found; null if not redistributable"),
        Column("format", "string", "gif, png, apng, jpeg, webp, ... by its first bytes"),
        Column(
            "description",
            "string",
            "Chinese description, or else the Chinese caption; by a model or data set",
            ("description_zh", "caption_zh"),
        ),
        Column("ocr_text", "string", "text read in the key frames"),
        Column(
            "emotion",
            "string",
            "class of emotion; as people answered, or else by a model or data set",
            (VOTED_EMOTION, "emotion"),
        ),
        Column(
            "style",
            "string",
            "class of style; as people answered, or else by a model or data set",
            (VOTED_STYLE, "style_class"),
        ),
        Column("captioner", "string", "what wrote the texts; template is no model"),
        *ATTRIBUTION,
    ),
    write=write_parquet,
    verify=verify_parquet,
    check=check_images,
)
