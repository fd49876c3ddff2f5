"""The rules that a configuration asks for."""

from __future__ import annotations

from pipeline.engine.errors import StickerworksError
from pipeline.engine.plugins import load_plugin
from pipeline.filter.rules.rule import Rule
from schemas.config import Config, RuleConfig

CHEAP = frozenset({"stickers", "signals"})
KNOWN = CHEAP | {"ocr"}


def configured_rules(config: Config, tables: frozenset[str]) -> dict[str, RuleConfig]:
    """Bounds of the rules that read no other tables, by name; rules without bounds are off."""
    return {
        name: bounds
        for name, bounds in sorted(config.filter.rules.items())
        if (bounds.min is not None or bounds.max is not None)
        and set(load_rule(name).reads) <= tables
    }


def rule_versions(config: Config) -> dict[str, str]:
    """Versions of the configured rules, for fingerprints."""
    return {f"rule {name}": str(load_rule(name).version) for name in sorted(config.filter.rules)}


def load_rule(name: str) -> Rule:
    """The rule of that name; StickerworksError when there is none, or it is none of ours."""
    rule = load_plugin("rules", name)
    if not isinstance(rule, Rule) or not set(rule.reads) <= KNOWN:
        raise StickerworksError(
            f"The rules plugin {name!r} is no Rule on the tables {', '.join(sorted(KNOWN))}.",
            "Ask its author, or take it out of filter.rules.",
        )
    return rule
