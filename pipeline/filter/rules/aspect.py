"""The rule ``aspect``."""

from pipeline.filter.rules.rule import Rule

RULE = Rule(
    name="aspect",
    reads=("signals",),
    values=lambda tables: tables["signals"]["aspect"],
    unit="ratio",
    doc="Longer side over shorter side: banners and strips are no stickers.",
)
