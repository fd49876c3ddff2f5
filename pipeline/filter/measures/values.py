"""Running measures on a sticker, and what became of each as a row of a table of measures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.engine.earlier import QUARANTINED
from pipeline.engine.plugins import (
    PluginError,
    PluginRowError,
    describe_plugin,
    load_plugin,
    plugin_faults,
    row_faults,
)
from pipeline.filter.measures.measure import Measure, MeasureMany, StickerFrames

Row = dict[str, Any]
_FLOOR = 50


class CheapMeasures:
    """The cheap measures, run on one sticker after the other; ``versions`` names them.

    A measure that fails on a sticker costs that number alone. One that fails on most of them is
    broken, and ends the run (PluginError) before everything is measured in vain.
    """

    def __init__(self, versions: Mapping[str, int]) -> None:
        self._versions = dict(versions)
        self._seen, self._failed = Counter[str](), Counter[str]()

    def missing(self, rows: Sequence[Row]) -> dict[str, int]:
        """Those that earlier ``rows`` of a sticker lack, or have of another version."""
        known = {(row["name"], row["version"]) for row in rows}
        return {name: v for name, v in self._versions.items() if (name, v) not in known}

    def current(self, rows: Sequence[Row]) -> list[Row]:
        """The rows among earlier ones that are still asked for, but for failures."""
        return [
            row
            for row in rows
            if row["error"] is None and self._versions.get(row["name"]) == row["version"]
        ]

    def run(self, sticker: str, frames: StickerFrames, versions: Mapping[str, int]) -> list[Row]:
        """A row for each of ``versions``."""
        return [self._run(sticker, frames, name, number) for name, number in versions.items()]

    def fail(self, sticker: str, versions: Mapping[str, int], why: str) -> list[Row]:
        """A row for each of ``versions`` that says why there is no value."""
        return [_row(sticker, name, number, None, why) for name, number in versions.items()]

    def _run(self, sticker: str, frames: StickerFrames, name: str, version: int) -> Row:
        function = load_plugin("measures", name, Measure).measure
        assert function is not None
        self._seen[name] += 1
        try:
            with row_faults("measures", name):
                value = _number(name, function(frames))
        except PluginRowError as fault:
            self._failed[name] += 1
            if self._failed[name] > _FLOOR and 2 * self._failed[name] > self._seen[name]:
                raise PluginError(
                    f"{fault}; it failed on {self._failed[name]} of {self._seen[name]} stickers.",
                    "Take it out of filter.measures and filter.rules, or tell its author.",
                ) from fault
            return _row(sticker, name, version, None, str(fault))
        return _row(sticker, name, version, value, None)


def measure_batch(
    stickers: Mapping[str, StickerFrames], name: str, version: int, function: MeasureMany
) -> list[Row]:
    """Rows of an expensive measure for some stickers; one that fails costs itself alone."""
    values: Sequence[Any]
    try:
        with row_faults("measures", name):
            values = function(list(stickers.values()))
    except PluginRowError as fault:
        if len(stickers) == 1:
            return [_row(next(iter(stickers)), name, version, None, str(fault))]
        one_by_one = ({sticker: frames} for sticker, frames in stickers.items())
        return [row for one in one_by_one for row in measure_batch(one, name, version, function)]
    with plugin_faults("measures", name, f"on {len(stickers)} stickers"):
        if len(values) != len(stickers):
            raise ValueError(f"it gave {len(values)} values")
    rows = []
    for sticker, value in zip(stickers, values, strict=True):
        try:
            rows.append(_row(sticker, name, version, _number(name, value), None))
        except PluginRowError as fault:
            rows.append(_row(sticker, name, version, None, str(fault)))
    return rows


def _number(name: str, value: Any) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise _no_number(name, f"a {type(value).__name__}") from error
    if not math.isfinite(number):
        raise _no_number(name, str(number))
    return number


def _no_number(name: str, what: str) -> PluginRowError:
    return PluginRowError(f"{describe_plugin('measures', name)} gave {what}, which is no number")


def _row(sticker: str, name: str, version: int, value: float | None, error: str | None) -> Row:
    error = error and f"{QUARANTINED}{error}"
    return {"id": sticker, "name": name, "version": version, "value": value, "error": error}
