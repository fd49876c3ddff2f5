"""Histograms of every measure, and of what strangers' rules look at, with the bounds in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.engine.text import one_line
from pipeline.engine.workspace import Workspace
from pipeline.report.plots import Histogram, draw_histogram
from schemas.config import FilterConfig, RuleConfig

RuleValues = Callable[[tuple[int, ...], Mapping[str, RuleConfig]], Mapping[str, pa.ChunkedArray]]
"""What each of the rules says of the stickers of a block: a number or null, in their order."""

_BINS = 40
_MOST = 24
"""Histograms at most: a page of more says less."""
_EDGE = 0.005
"""Share of the values on either side that lies in the first and in the last bin."""

Floats = NDArray[np.float64]


def measure_plots(
    workspace: Workspace, config: FilterConfig, drawn: set[str], rule_values: RuleValues | None
) -> list[dict[str, str]]:
    """A plot of each measure that has numbers, then of each bounded rule that isn't ``drawn``.

    ``rule_values`` asks the rules, which belong to another room; without it measures alone are
    drawn. What can't be decided on yet counts as not kept.
    """
    found = _measured(workspace)
    if rule_values is not None:
        bounded = {
            name: bounds
            for name, bounds in config.rules.items()
            if name not in drawn | set(found) and (bounds.min is not None or bounds.max is not None)
        }
        found |= _asked(workspace, bounded, rule_values)
    return [
        _plot(name, values, kept, config.rules.get(name, RuleConfig()))
        for name, (values, kept) in list(found.items())[:_MOST]
        if len(values)
    ]


def _measured(workspace: Workspace) -> dict[str, tuple[Floats, NDArray[np.bool_]]]:
    """Values of every measure, by name, and which of them are of kept stickers."""
    values: dict[str, list[Floats]] = {}
    kept: dict[str, list[NDArray[np.bool_]]] = {}
    for parts in workspace.blocks:
        ids = _kept_ids(workspace, parts)
        for table in ("measures", "expensive_measures"):
            rows = workspace.read(table, parts, ["id", "name", "value"])
            rows = rows.filter(pc.and_(pc.is_valid(rows["name"]), pc.is_valid(rows["value"])))
            for name in rows["name"].unique().to_pylist():
                own = rows.filter(pc.equal(rows["name"], name))
                values.setdefault(name, []).append(own["value"].to_numpy())
                kept.setdefault(name, []).append(pc.is_in(own["id"], value_set=ids).to_numpy())
    return {
        name: (np.concatenate(values[name]), np.concatenate(kept[name])) for name in sorted(values)
    }


def _asked(
    workspace: Workspace, bounded: Mapping[str, RuleConfig], rule_values: RuleValues
) -> dict[str, tuple[Floats, NDArray[np.bool_]]]:
    if not bounded or not workspace.complete("decisions"):
        return {}
    values: dict[str, list[Floats]] = {name: [] for name in bounded}
    kept: dict[str, list[NDArray[np.bool_]]] = {name: [] for name in bounded}
    for parts in workspace.blocks:
        is_kept = workspace.read("decisions", parts, ["kept"])["kept"].to_numpy()
        for name, column in rule_values(parts, bounded).items():
            numbers = column.to_numpy(zero_copy_only=False).astype(np.float64)
            there = np.isfinite(numbers)
            values[name].append(numbers[there])
            kept[name].append(is_kept[there])
    return {name: (np.concatenate(values[name]), np.concatenate(kept[name])) for name in values}


def _kept_ids(workspace: Workspace, parts: tuple[int, ...]) -> pa.Array:
    table = workspace.read("decisions", parts, ["id", "kept"])
    ids: pa.Array = table.filter(pc.fill_null(table["kept"], False))["id"].combine_chunks()
    return ids


def _plot(name: str, values: Floats, kept: NDArray[np.bool_], bounds: RuleConfig) -> dict[str, str]:
    limits = [bound for bound in (bounds.min, bounds.max) if bound is not None]
    low, high = np.quantile(values, [_EDGE, 1 - _EDGE])
    low, high = min([low, *limits]), max([high, *limits])
    if low == high:
        low, high = low - 0.5, high + 0.5
    margin = (high - low) / _BINS if limits else 0.0  # what a bound drops has a bin
    edges = np.linspace(low - margin, high + margin, _BINS + 1)
    # The first and the last bin hold what lies beyond them.
    within = np.clip(values, edges[0], edges[-1])
    counts = [np.histogram(within[chosen], edges)[0] for chosen in (kept, ~kept)]
    title = one_line(name)
    return {
        "title": title,
        "image": draw_histogram(Histogram(title, edges, counts[0], counts[1], limits)),
    }
