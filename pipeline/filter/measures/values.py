"""Running measures on a sticker, and what became of each as a row of a table of measures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.engine.compute import is_out_of_memory
from pipeline.engine.decoding.sticker_frames import StickerFrames
from pipeline.engine.earlier import QUARANTINED
from pipeline.engine.plugins import (
    PluginError,
    PluginRowError,
    describe_plugin,
    load_plugin,
    plugin_faults,
    row_faults,
)
from pipeline.filter.measures.measure import Measure, MeasureMany

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


class ExpensiveMeasure:
    """An opened expensive measure, run on ``batch`` stickers at a time.

    One that fails costs itself alone. Where the device's memory doesn't suffice, half as many are
    taken from then on; where one is too many, the run ends (PluginError).
    """

    def __init__(
        self, name: str, version: int, made_by: str | None, function: MeasureMany, batch: int
    ) -> None:
        self._name, self._version, self._made_by = name, version, made_by
        self._function, self._batch = function, batch

    def run(self, stickers: Mapping[str, StickerFrames]) -> Iterator[Row]:
        """A row for each sticker, in order."""
        ids = list(stickers)
        start = 0
        while start < len(ids):
            part = {sticker: stickers[sticker] for sticker in ids[start : start + self._batch]}
            try:
                rows = self._measure(part)
            except PluginRowError as fault:
                self._halve(len(part), fault)
                continue
            yield from rows
            start += len(part)

    def _halve(self, taken: int, fault: PluginRowError) -> None:
        if taken == 1:
            raise PluginError(
                f"{fault}: there is too little memory for one sticker.",
                "Use a smaller model, fewer engine.workers on one GPU, or the CPU.",
            ) from fault
        self._batch = taken // 2

    def _measure(self, stickers: Mapping[str, StickerFrames]) -> list[Row]:
        """Rows of a batch; PluginRowError where its memory doesn't suffice."""
        try:
            with row_faults("measures", self._name):
                values: Sequence[Any] = self._function(list(stickers.values()))
        except PluginRowError as fault:
            if is_out_of_memory(fault.__cause__):
                raise
            if len(stickers) == 1:
                return [self._row(next(iter(stickers)), None, str(fault))]
            one_by_one = ({sticker: frames} for sticker, frames in stickers.items())
            return [row for one in one_by_one for row in self._measure(one)]
        with plugin_faults("measures", self._name, f"on {len(stickers)} stickers"):
            if len(values) != len(stickers):
                raise ValueError(f"it gave {len(values)} values")
        return [
            self._checked(sticker, value) for sticker, value in zip(stickers, values, strict=True)
        ]

    def _checked(self, sticker: str, value: Any) -> Row:
        try:
            return self._row(sticker, _number(self._name, value), None)
        except PluginRowError as fault:
            return self._row(sticker, None, str(fault))

    def _row(self, sticker: str, value: float | None, error: str | None) -> Row:
        row = _row(sticker, self._name, self._version, value, error)
        return row | {"made_by": self._made_by}


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
