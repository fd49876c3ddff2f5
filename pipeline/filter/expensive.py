"""The stage of expensive measures: key frames of what the cheap rules keep, in batches."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from pipeline.engine.compute import default_device, one_fills_gpu
from pipeline.engine.decoding.sticker_frames import RgbaFrame
from pipeline.engine.fingerprint import hash_json
from pipeline.engine.plugins import load_plugin, plugin_faults
from pipeline.engine.stage import Context, Process, Tables
from pipeline.filter.configured import measure_versions
from pipeline.filter.measures.measure import Measure
from pipeline.filter.measures.values import ExpensiveMeasure
from schemas.config import Config
from schemas.tables import EXPENSIVE_MEASURES


class KeyFrames:
    """Key frames as frames for measures (see ``measure.StickerFrames``); alpha is 255."""

    def __init__(self, key_frames: Sequence[Mapping[str, Any]]) -> None:
        self._key_frames = key_frames

    def __len__(self) -> int:
        return len(self._key_frames)

    def __iter__(self) -> Iterator[RgbaFrame]:
        for frame in self._key_frames:
            with Image.open(io.BytesIO(frame["jpeg"]), formats=["JPEG"]) as picture:
                yield RgbaFrame(np.asarray(picture.convert("RGBA")), frame["duration_ms"])


def runs_in_main_process(config: Config) -> bool:
    """Where one model fills this machine's GPU, or there is nothing to do."""
    if not measure_versions(config, expensive=True):
        return True
    return one_fills_gpu(config)


def open_expensive(context: Context) -> Process:
    """Load the measures of the setting ``measures`` and return the function of stickers."""
    settings: Mapping[str, Mapping[str, Any]] = context.settings["measures"]
    kinds = {name: (one["version"], _made_by(one)) for name, one in settings.items()}

    @cache
    def opened(name: str) -> ExpensiveMeasure:
        measure = load_plugin("measures", name, Measure)
        assert measure.open is not None
        options = [settings[name]["options"]] if measure.has_options else []
        with plugin_faults("measures", name, "as it was opened"):
            function = measure.open(default_device(), *options)
        return ExpensiveMeasure(name, *kinds[name], function, measure.batch)

    def process(tables: Tables) -> dict[str, pa.Table]:
        frames = {row["id"]: row["key_frames"] for row in tables["frames"].to_pylist()}
        stickers = {name: KeyFrames(found) for name, found in frames.items() if found}
        earlier = tables["expensive_measures"].to_pylist() if "expensive_measures" in tables else []
        rows = [row for row in earlier if kinds.get(row["name"]) == _kind(row)]
        for name in kinds:
            done = {row["id"] for row in rows if row["name"] == name}
            missing = {id_: stickers[id_] for id_ in stickers if id_ not in done}
            rows += opened(name).run(missing) if missing else ()
        rows.sort(key=lambda row: (row["id"], row["name"]))
        table = pa.Table.from_pylist(rows, schema=EXPENSIVE_MEASURES.schema)
        return {EXPENSIVE_MEASURES.name: table}

    return process


def _kind(row: Mapping[str, Any]) -> tuple[int, str | None]:
    return row["version"], row["made_by"]


def _made_by(settings: Mapping[str, Any]) -> str | None:
    """What tells numbers of other options or another model apart."""
    if "options" not in settings:
        return None
    return hash_json([settings["options"], settings["models"]])[:16]
