"""The measures and rules that a configuration asks for."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from pipeline.engine.errors import StickerworksError
from pipeline.engine.plugins import (
    PluginError,
    brought_by,
    describe_plugin,
    is_ours,
    load_plugin,
    near,
    plugin_faults,
    plugin_names,
    read_plugin_options,
)
from pipeline.filter.measures.measure import Measure
from pipeline.filter.rules.rule import Rule
from schemas.config import Config, RuleConfig

CHEAP = frozenset({"stickers", "signals"})
KNOWN = CHEAP | {"ocr"}


def active_rules(config: Config) -> dict[str, Rule]:
    """The rules that have bounds, by name; without bounds a rule is off."""
    return {name: load_rule(name) for name in sorted(config.filter.rules) if _bounds(config, name)}


def screening_bounds(config: Config) -> dict[str, RuleConfig]:
    """Bounds of the cheap rules."""
    return {
        name: config.filter.rules[name]
        for name, rule in active_rules(config).items()
        if set(rule.reads) <= CHEAP and not any(load_measure(m).expensive for m in rule.measures)
    }


def decision_bounds(config: Config) -> dict[str, RuleConfig]:
    """Bounds of all rules."""
    return {name: config.filter.rules[name] for name in active_rules(config)}


def rule_versions(config: Config) -> dict[str, str]:
    """Versions of the configured rules, for fingerprints."""
    return {
        f"rule {name}": f"{rule.version}{_package(name)}"
        for name, rule in active_rules(config).items()
    }


def measure_versions(config: Config, *, expensive: bool) -> dict[str, int]:
    """Versions of the cheap or the expensive measures that are stored or bounded, by name."""
    names = set(config.filter.measures)
    names.update(*(rule.measures for rule in active_rules(config).values()))
    measures = map(load_measure, sorted(names))
    return {one.name: one.version for one in measures if one.expensive is expensive}


def expensive_settings(config: Config) -> dict[str, dict[str, Any]]:
    """What decides each expensive measure that is stored or bounded, by name: its version, and its
    options and models where it has options."""
    for name in config.filter.measure_options:
        measure_options(config, name)  # whether or not it is used, what is wrong is told
    settings: dict[str, dict[str, Any]] = {}
    for name, version in measure_versions(config, expensive=True).items():
        settings[name] = {"version": version}
        measure = load_measure(name)
        if measure.has_options:
            options = measure_options(config, name)
            with plugin_faults("measures", name, "as it named its models"):
                models = dict(measure.models(options))
            settings[name] |= {"options": options, "models": models}
    return settings


def measure_options(config: Config, name: str) -> BaseModel:
    """A measure's own options, checked."""
    given = config.filter.measure_options.get(name, {})
    where = f"filter.measure_options.{name}"
    return read_plugin_options("measures", name, load_measure(name).options, given, where)


def load_measure(name: str) -> Measure:
    """The measure of that name; StickerworksError when there is none."""
    return load_plugin("measures", name, Measure)


def load_rule(name: str) -> Rule:
    """The rule of that name, or the one that a measure of that name is.

    StickerworksError when there is neither; PluginError for one that reads what it may not, or
    when the name is that of a rule and of a measure.
    """
    rules, measures = plugin_names("rules"), plugin_names("measures")
    if name in rules and name in measures:
        raise PluginError(
            f"{describe_plugin('rules', name)} and {_told(describe_plugin('measures', name))} "
            "have one name: filter.rules can't tell them apart.",
            "Uninstall one of them, or let its author rename it.",
        )
    if name in measures:
        return _rule_of(load_measure(name))
    if name not in rules:
        known = sorted({*rules, *measures})
        raise StickerworksError(
            f"There is no rule and no measure called {name!r} (filter.rules){near(name, known)}.",
            f"Installed: {', '.join(known)}.",
        )
    rule = load_plugin("rules", name, Rule)
    if strange := sorted({*rule.reads} - KNOWN):
        raise PluginError(
            f"{describe_plugin('rules', name)} reads {', '.join(strange)}, which no rule may.",
            f"A rule may read {', '.join(sorted(KNOWN))}, and measures by name.",
        )
    return rule


def _package(name: str) -> str:
    """A stranger's package: another version of it may decide otherwise."""
    return "" if is_ours("rules", name) else f" of {brought_by('rules', name)}"


def _bounds(config: Config, name: str) -> bool:
    bounds = config.filter.rules[name]
    return bounds.min is not None or bounds.max is not None


def _rule_of(measure: Measure) -> Rule:
    return Rule(
        name=measure.name,
        reads=(),
        values=lambda tables: tables["measures"][measure.name],
        unit=measure.unit,
        doc=measure.doc,
        measures=(measure.name,),
        version=measure.version,
    )


def _told(description: str) -> str:
    return description[:1].lower() + description[1:]
