"""The rule ``ocr_length``."""

from pipeline.filter.rules.rule import Rule

RULE = Rule(
    name="ocr_length",
    reads=("ocr",),
    values=lambda tables: tables["ocr"]["longest"],
    unit="characters",
    doc="Characters in the frame that has most: screenshots and walls of text.",
)
