"""Real or cartoon, from plain statistics of the key frames (VSD2M, "Domain").

VSD2M trains an EfficientNet for this; ours is a logistic regression that needs no GPU, no
download and no framework, with its held-out figures in the model file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from annotation.machine.domain_model import SHIPPED, DomainModel, load_model
from pipeline.engine.stage import Context, Needs, Process, Stage, Tables
from schemas.config import Config
from schemas.tables import DOMAIN as TABLE


def _settings(config: Config) -> dict[str, str | None]:
    return {"domain_model": config.annotate.domain_model}


def _path(settings: Mapping[str, str | None]) -> Path:
    chosen = settings["domain_model"]
    return SHIPPED if chosen is None else Path(chosen)


def _models(config: Config) -> Mapping[str, str]:
    return {"domain": load_model(_path(_settings(config))).digest}


def _open(context: Context) -> Process:
    model = load_model(_path(context.settings))

    def process(tables: Tables) -> dict[str, pa.Table]:
        frames = tables["frames"].select(["id", "key_frames", "error"]).to_pylist()
        by_id = {row["id"]: row for row in frames}
        rows = [classify(key, by_id[key], model) for key in tables["stickers"]["id"].to_pylist()]
        return {TABLE.name: pa.Table.from_pylist(rows, schema=TABLE.schema)}

    return process


def classify(sticker: str, frames: Mapping[str, Any], model: DomainModel) -> dict[str, Any]:
    """The ``domain`` row of one sticker; ``frames`` is its row of that table."""
    from annotation.machine.features import FEATURES, sticker_statistics

    row = {"id": sticker, "measured": True, "model": model.title}
    jpegs = [frame["jpeg"] for frame in frames["key_frames"] or () if frame["jpeg"]]
    if not jpegs:
        return row | {"error": frames["error"] or "no key frames"}
    try:
        values = sticker_statistics(jpegs)
    except (OSError, ValueError, SyntaxError) as error:
        return row | {"error": f"key frame can't be read: {error}"}
    probability = model.probability(dict(zip(FEATURES, values.tolist(), strict=True)))
    # The label follows the stored, rounded probability, so that the two can never disagree.
    return row | {"domain": "real" if probability >= 0.5 else "cartoon", "probability": probability}


DOMAIN = Stage(
    name="domain",
    version=1,
    reads=("stickers", "decisions", "frames"),
    writes=("domain",),
    needs=Needs(cpus=1, memory_mb=512, seconds_per_row=0.007),
    settings=_settings,
    open=_open,
    selects="decisions",
    batch_rows=16,
    models=_models,
)
