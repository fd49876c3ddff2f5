"""The splits and columns of a release: what `datasets`, pandas and DuckDB see."""

from __future__ import annotations

from schemas.tables import DESCRIPTION_FIELDS

SPLITS = ("train", "validation", "test")

# Name, kind and meaning; the kinds are those of `datasets`, a list in brackets.
COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("id", "string", "sha256 of the sticker's bytes, in hex"),
    ("image", "image", "the file as it was found; null where its source forbids redistribution"),
    ("format", "string", "gif, png, apng, jpeg, webp, ... by its first bytes"),
    ("width", "int32", "pixels"),
    ("height", "int32", "pixels"),
    ("frames", "int32", "frames that decoded"),
    ("duration_ms", "int32", "play time of one loop in milliseconds; 0 for a still"),
    ("animated", "bool", "more than one frame"),
    ("aspect", "float64", "longer side / shorter side"),
    ("entropy", "float64", "bits of the grey histogram; maximum over key frames"),
    ("tags", "[string]", "effective tags: enough annotators gave them"),
    ("label_status", "string", "effective, adjudicate, insufficient, rejected or unlabelled"),
    (
        "label_provenance",
        "string",
        "votes, adjudication, review or imported; null where unlabelled",
    ),
    ("suggested_tags", "[string]", "tags that its keywords and its text suggest; nobody voted"),
    ("domain", "string", "real or cartoon"),
    ("domain_provenance", "string", "votes, review, imported or classifier"),
    *(
        (name, "string", f"{doc}; by a model, or as a data set says")
        for name, doc in DESCRIPTION_FIELDS
    ),
    ("captioner", "string", "what wrote the captions; template is no model, people corrected one"),
    (
        "written_by",
        "[string]",
        "models with prompt sets, `people` who corrected a model's text, or `imported` and a data "
        "set's name, that wrote these texts",
    ),
    ("ocr_text", "string", "text read in the key frames"),
    ("keywords", "[string]", "distinct queries, tags and titles it was found with, sorted"),
    ("trigger_words", "[string]", "distinct queries it was found under, sorted"),
    ("pack", "string", "title (else id) of the first pack it was seen in"),
    ("sources", "[string]", "source plugins that saw it, sorted"),
    ("source_urls", "[string]", "addresses it was seen at, sorted"),
    ("authors", "[string]", "authors as the sources name them, sorted"),
    ("licence", "string", "licence as stated by the source that decides about the bytes"),
    ("licence_basis", "string", "item, site or none: what that licence was stated for"),
    ("licence_url", "string", "where that licence is stated"),
    ("test_sets", "[string]", "named test sets that it is in, such as vsd_r; its split is test"),
    ("duplicate_group", "string", "near-duplicate group"),
    ("template_id", "string", "stickers of one template share it"),
    ("annotators", "int32", "valid votes counted"),
    ("simulated", "bool", "true where the votes are simulated: no person voted"),
    (
        "imported",
        "string",
        "JSON of the data set that it was imported from: dataset, name, split, and as record what "
        "it says in its own words; null where it wasn't",
    ),
    ("flags", "[string]", "truncated, dark_background, clamped_durations, ..."),
)
