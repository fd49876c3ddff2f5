"""The splits and columns of a release: what `datasets`, pandas and DuckDB see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.tables import DESCRIPTION_FIELDS

SPLITS = ("train", "validation", "test")

Column = tuple[str, str, str]
"""A column's name, kind and meaning."""

# Name, kind and meaning; the kinds are those of `datasets`, a list in brackets.
COLUMNS: tuple[Column, ...] = (
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


@dataclass(frozen=True)
class AskedQuestion:
    """A question that people were asked about the stickers, as a release tells of it.

    ``kind`` is single, several, text or scale; ``values`` are the answers that could be given, in
    the order of the screen, none for a text.
    """

    name: str
    kind: str
    values: tuple[str, ...] = ()
    title_en: str = ""
    title_zh: str = ""

    @property
    def column(self) -> str:
        """The column of a release that has the answers."""
        return f"{VOTED}{self.name}"

    @property
    def title(self) -> str:
        """The question in English, else in Chinese, else its name."""
        return self.title_en or self.title_zh or self.name


VOTED = "voted_"
"""What the columns of answers begin with."""
ANSWER_STATUS, ANSWER_AGREEMENT = "_status", "_agreement"
"""What their columns of status and agreement end in; no question's name does."""
SETTLED = ("effective", "review")
"""Statuses of an answer that stands: by votes or the lead, or as a review changed it."""
ANSWERED = (*SETTLED, "adjudicate", "insufficient", "unanswered")
"""What ``voted_NAME_status`` may say."""

_ANSWERS = {
    "single": ("string", "the answer that enough people gave, or that was decided on"),
    "several": ("[string]", "the answers that enough people gave, or that were decided on"),
    "text": ("[string]", "the texts that enough people wrote, or that were decided on"),
    "scale": ("float64", "the point that enough gave, or that was decided on, else their mean"),
}


def columns_of(questions: Iterable[AskedQuestion]) -> tuple[Column, ...]:
    """The columns of a release about whose stickers these questions were asked, in their order."""
    return (*COLUMNS, *(column for question in questions for column in answer_columns(question)))


def answer_columns(question: AskedQuestion) -> tuple[Column, ...]:
    """What a release says of one question."""
    kind, doc = _ANSWERS[question.kind]
    name, asked = question.column, f"question `{question.name}`"
    status = " or ".join((", ".join(ANSWERED[:-1]), ANSWERED[-1]))
    return (
        (name, kind, f"{asked}: {doc}"),
        (f"{name}{ANSWER_STATUS}", "string", f"{asked}: {status}; null before any vote"),
        (
            f"{name}{ANSWER_AGREEMENT}",
            "float64",
            f"{asked}: share of the votes that gave this answer, or else the one most given; null "
            "where a review took the answer away",
        ),
    )
