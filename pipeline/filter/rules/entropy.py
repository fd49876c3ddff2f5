"""The rule ``entropy``."""

from pipeline.filter.rules.rule import Rule

RULE = Rule(
    name="entropy",
    reads=("signals",),
    values=lambda tables: tables["signals"]["entropy"],
    unit="bits",
    doc="Entropy of the grey levels: blank and nearly blank pictures have little.",
)
