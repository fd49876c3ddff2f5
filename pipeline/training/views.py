"""What a model reads about a sticker: views of it, each from the best column that has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

COLUMNS: Mapping[str, tuple[str, ...]] = {
    # StickerTAG section 4.2: content is the text on the sticker.
    "content": ("content", "ocr_text"),
    "style": ("style", "overall_style", "style_class", "domain"),
    "role": ("role", "main_role", "caption_en", "caption_zh"),
    "action": ("action", "caption_en", "caption_zh"),
    # MGHFT section 3.2.
    "overall style": ("overall_style", "style", "style_class", "domain"),
    # Not ``emotion``: where emotions are learnt, it is the answer.
    "intention": ("intention", "caption_en", "caption_zh"),
    "main role": ("main_role", "role", "caption_en", "caption_zh"),
    "character details": ("character_details", "action", "ocr_text"),
}
"""Columns of each view, the best first."""

_CAPTIONS = ("caption_en", "caption_zh")


def view_texts(texts: Sequence[Mapping[str, str]], views: Sequence[str]) -> list[list[str]]:
    """For each row the text of each view, empty where no column has one.

    The template's captions are left out: they quote the keywords that suggested tags come from,
    so that reading them would be reading the answer.
    """
    return [[_text(row, view) for view in views] for row in texts]


def describe_views(texts: Sequence[Mapping[str, str]], views: Sequence[str]) -> list[str]:
    """A line for people: which views have their own column, and how many rows have no text."""
    if not views or not texts:
        return []
    found = view_texts(texts, views)
    lines = []
    for number, view in enumerate(views):
        first = COLUMNS[view][0]
        own = sum(first in row for row in texts)
        some = sum(bool(row[number]) for row in found)
        if own < len(texts):
            lines.append(
                f"view {view}: {own:,} of {len(texts):,} rows have it, {some - own:,} get another "
                f"column instead, {len(texts) - some:,} nothing"
            )
    return lines


def _text(row: Mapping[str, str], view: str) -> str:
    for column in COLUMNS[view]:
        quoted = column in _CAPTIONS and row.get("captioner") == "template"
        if row.get(column) and not quoted:
            return row[column]
    return ""
