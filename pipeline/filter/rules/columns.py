"""The rules on single columns of ``signals`` and ``ocr``."""

from __future__ import annotations

from pipeline.filter.rules.rule import Rule


def _on(table: str, column: str, name: str, unit: str, doc: str) -> Rule:
    return Rule(name, (table,), lambda tables: tables[table][column], unit, doc, columns=(column,))


MIN_SIDE = _on(
    "signals", "min_side", "min_side", "pixels",
    "The shorter side: what is too small to show its subject.",
)  # fmt: skip
ASPECT = _on(
    "signals", "aspect", "aspect", "ratio",
    "Longer side over shorter side: banners and strips are no stickers.",
)  # fmt: skip
ENTROPY = _on(
    "signals", "entropy", "entropy", "bits",
    "Entropy of the grey levels: blank and nearly blank pictures have little.",
)  # fmt: skip
OCR_LENGTH = _on(
    "ocr", "longest", "ocr_length", "characters",
    "Characters in the frame that has most: screenshots and walls of text.",
)  # fmt: skip
