"""What the rules dropped and why, the distributions that they cut, and near-duplicates."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.counting import count_rules, rules_of
from pipeline.engine.page.cards import Card
from pipeline.engine.page.missing_tables import missing
from pipeline.engine.workspace import Workspace
from pipeline.report.measured import RuleValues, measure_plots
from pipeline.report.plots import Histogram, draw_histogram
from pipeline.report.reading import SmallestKeys, read_blocks, say_reason, smallest
from schemas.config import FilterConfig

_SHOWN_PER_RULE = 8
_GROUPS, _MEMBERS = 12, 6

# Title, table, column, edges of the bins, and the rule that cuts there.
_PLOTS = (
    ("Aspect ratio (longer / shorter side)", "signals", "aspect", np.linspace(1, 5, 41), "aspect"),
    ("Entropy (bits)", "signals", "entropy", np.linspace(0, 8, 41), "entropy"),
    ("Text (characters in the fullest frame)", "ocr", "longest", np.arange(0, 82, 2), "ocr_length"),
    ("Shorter side (pixels)", "signals", "min_side", np.arange(0, 528, 16), "min_side"),
    ("Frames", "signals", "frames", np.arange(0.5, 62), None),
)


_NO_TEMPLATES = pa.table(
    {"template_id": pa.array([], "string"), "count_all": pa.array([], "int64")}
)


def rules(workspace: Workspace, config: FilterConfig) -> dict[str, Any]:
    """Drops by rule: how many, how many by this rule alone, bounds and examples."""
    dropped: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    samples: dict[str, SmallestKeys[tuple[tuple[str, ...], bool]]] = {}
    total = 0
    wanted = {"decisions": ["outcome", "reasons"], "signals": ["animated"]}
    for tables in read_blocks(workspace, wanted):
        if "decisions" not in tables:
            continue
        table = tables["decisions"]
        nothing = pa.nulls(len(table), pa.bool_())
        animated = tables["signals"]["animated"] if "signals" in tables else nothing
        table = table.append_column("animated", animated)
        table = table.filter(pc.equal(table["outcome"], "dropped"))
        total += len(table)
        by, by_alone = count_rules(table["reasons"])
        dropped.update(by)
        alone.update(by_alone)
        pairs = rules_of(table["reasons"])
        for name in by:
            sample = samples.setdefault(name, SmallestKeys(_SHOWN_PER_RULE))
            mine = table.take(pairs.filter(pc.equal(pairs["rule"], name))["row"])
            for row in smallest(mine, _SHOWN_PER_RULE):
                lines = tuple(say_reason(reason) for reason in row["reasons"])
                sample.add(row["id"], (lines, bool(row["animated"])))
    ranked = sorted(dropped, key=lambda name: (-dropped[name], name))
    return {
        "missing": missing(workspace, "decisions"),
        "total": total,
        "rules": [
            {
                "name": name,
                "dropped": dropped[name],
                "alone": alone[name],
                "share": dropped[name] / total,
                "bounds": _bounds(config, name),
                "cards": [
                    Card(key, lines, motion) for key, (lines, motion) in samples[name].ranked()
                ],
            }
            for name in ranked
        ],
        "idle": [name for name in sorted(set(config.rules) - set(dropped)) if _is_on(config, name)],
    }


def distributions(
    workspace: Workspace, config: FilterConfig, rule_values: RuleValues | None = None
) -> dict[str, Any]:
    """Histograms of what the rules look at and of every measure, kept and not kept, with their
    thresholds."""
    counts = {column: np.zeros((2, len(edges) - 1)) for _, _, column, edges, _ in _PLOTS}
    wanted = {
        "signals": ["aspect", "entropy", "min_side", "frames"],
        "ocr": ["longest", "measured"],
        "decisions": ["kept"],
    }
    for tables in read_blocks(workspace, wanted):
        if "decisions" not in tables:
            continue
        kept = tables["decisions"]["kept"].fill_null(False)
        for _, name, column, edges, _ in _PLOTS:
            if name not in tables:
                continue
            for row, chosen in enumerate((kept, pc.invert(kept))):
                values = tables[name].filter(chosen)[column].drop_null().to_numpy()
                # The last bin holds what lies beyond it.
                values = np.clip(values, edges[0], edges[-1])
                counts[column][row] += np.histogram(values, edges)[0]
    plots = []
    for title, _, column, edges, rule in _PLOTS:
        if not counts[column].sum():
            continue
        bounds = config.rules.get(rule) if rule else None
        limits = [] if bounds is None else [bounds.min, bounds.max]
        histogram = Histogram(
            title, edges, counts[column][0], counts[column][1], [x for x in limits if x is not None]
        )
        plots.append({"title": title, "image": draw_histogram(histogram)})
    drawn = {rule for *_, rule in _PLOTS if rule is not None}
    plots += measure_plots(workspace, config, drawn, rule_values)
    return {"missing": missing(workspace, "signals", "ocr", "decisions"), "plots": plots}


_REPRESENTATIVE = ("representative",)


def near_duplicates(workspace: Workspace) -> dict[str, Any]:
    """Groups of near-duplicates, representative first, and the largest templates."""
    groups: SmallestKeys[None] = SmallestKeys(_GROUPS)
    counted = [_NO_TEMPLATES]
    dropped = 0
    for parts in workspace.blocks:
        table = workspace.read("duplicates", parts, ["group", "representative", "template_id"])
        doubles = table.filter(pc.invert(table["representative"]))["group"]
        dropped += len(doubles)
        for row in smallest(pa.table({"group": doubles.unique()}), _GROUPS, "group"):
            groups.add(row["group"], None)
        chosen = table.filter(pc.and_(table["representative"], pc.is_valid(table["template_id"])))
        counted.append(chosen.group_by("template_id").aggregate([([], "count_all")]))
    templates = _templates(counted)
    largest = smallest(templates, _GROUPS, "order", "template_id")
    shown = [group for group, _ in groups.ranked()]
    members = _members(workspace, shown, [row["template_id"] for row in largest])
    return {
        "missing": missing(workspace, "duplicates"),
        "dropped": dropped,
        "groups": [members[0][name] for name in shown],
        "templates": [
            {"size": -row["order"], "cards": members[1][row["template_id"]]} for row in largest
        ],
        "template_count": len(templates),
    }


def _templates(counted: list[pa.Table]) -> pa.Table:
    """Templates of several representatives, with minus their number as ``order``."""
    sizes = pa.concat_tables(counted).group_by("template_id").aggregate([("count_all", "sum")])
    sizes = sizes.filter(pc.greater(sizes["count_all_sum"], 1))
    return sizes.append_column("order", pc.negate(sizes["count_all_sum"]))


def _members(
    workspace: Workspace, groups: list[str], templates: list[str]
) -> tuple[dict[str, list[Card]], dict[str, list[Card]]]:
    in_groups: dict[str, list[Card]] = {name: [] for name in groups}
    in_templates: dict[str, list[Card]] = {name: [] for name in templates}
    for parts in workspace.blocks:
        table = workspace.read("duplicates", parts)
        chosen = pc.or_(
            pc.is_in(table["group"], value_set=pa.array(groups, pa.string())),
            pc.is_in(table["template_id"], value_set=pa.array(templates, pa.string())),
        )
        for row in table.filter(chosen).to_pylist():
            if row["group"] in in_groups:
                in_groups[row["group"]].append(_member(row))
            if row["representative"] and row["template_id"] in in_templates:
                in_templates[row["template_id"]].append(Card(row["id"]))
    # Representatives first; the lines of all others say how they equal it.
    ranked = {
        name: sorted(cards, key=lambda card: (card.lines != _REPRESENTATIVE, card.id))[:_MEMBERS]
        for name, cards in in_groups.items()
    }
    return ranked, {
        name: sorted(cards, key=lambda c: c.id)[:_MEMBERS] for name, cards in in_templates.items()
    }


def _member(row: dict[str, Any]) -> Card:
    if row["representative"]:
        return Card(row["id"], _REPRESENTATIVE)
    distance = "" if row["distance"] is None else f", difference {row['distance']}"
    return Card(row["id"], (f"{row['kind']}{distance}",))


def _is_on(config: FilterConfig, name: str) -> bool:
    return config.rules[name].min is not None or config.rules[name].max is not None


def _bounds(config: FilterConfig, name: str) -> str:
    bounds = config.rules.get(name)
    if bounds is None:
        return ""
    sides = [] if bounds.min is None else [f"at least {bounds.min:g}"]
    sides += [] if bounds.max is None else [f"at most {bounds.max:g}"]
    return ", ".join(sides) or "off"
