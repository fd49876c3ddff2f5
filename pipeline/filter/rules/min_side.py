"""The rule ``min_side``."""

from pipeline.filter.rules.rule import Rule

RULE = Rule(
    name="min_side",
    reads=("signals",),
    values=lambda tables: tables["signals"]["min_side"],
    unit="pixels",
    doc="The shorter side: what is too small to show its subject.",
)
