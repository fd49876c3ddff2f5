"""Real or cartoon, from the key frames (VSD2M, "Domain").

The one that is shipped is a logistic regression over plain statistics, which needs no GPU, no
download and no framework. A folder that `stickerworks annotate domain --train` wrote takes its
place: an EfficientNet, as in VSD2M, learnt from people's labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from annotation.machine.domain_model import SHIPPED, load_model
from pipeline.engine.compute import one_fills_gpu
from pipeline.engine.paths import named_path
from pipeline.engine.stage import Context, Needs, Process, Stage, Tables
from schemas.config import Config
from schemas.tables import DOMAIN as TABLE


@dataclass(frozen=True)
class Classifier:
    """What tells real from cartoon: ``measure`` gives the rounded probability of real of each of
    many stickers, as ``prepare`` made them of their key frames.

    ``prepare`` raises OSError, ValueError or SyntaxError on frames that can't be decoded.
    """

    title: str
    threshold: float
    prepare: Callable[[Sequence[bytes]], Any]
    measure: Callable[[Sequence[Any]], list[float]]


def open_classifier(path: Path) -> Classifier:
    """The classifier of a JSON file or of a trained folder; torch is imported for a folder only."""
    if path.is_dir():
        from annotation.machine.efficientnet.saved import load_classifier

        return Classifier(*load_classifier(path))
    from annotation.machine.features import FEATURES, sticker_statistics

    model = load_model(path)

    def measure(stickers: Sequence[Any]) -> list[float]:
        return [
            model.probability(dict(zip(FEATURES, values.tolist(), strict=True)))
            for values in stickers
        ]

    return Classifier(model.title, 0.5, sticker_statistics, measure)


def classify(frames: Sequence[Mapping[str, Any]], classifier: Classifier) -> list[dict[str, Any]]:
    """The ``domain`` rows of stickers by their rows of ``frames``, in order."""
    rows: list[dict[str, Any]] = []
    prepared: dict[int, Any] = {}
    for place, sticker in enumerate(frames):
        row = {"id": sticker["id"], "measured": True, "model": classifier.title}
        jpegs = [frame["jpeg"] for frame in sticker["key_frames"] or () if frame["jpeg"]]
        try:
            if jpegs:
                prepared[place] = classifier.prepare(jpegs)
            else:
                row["error"] = sticker["error"] or "no key frames"
        except (OSError, ValueError, SyntaxError) as error:
            row["error"] = f"key frame can't be read: {error}"
        rows.append(row)
    found = classifier.measure(list(prepared.values())) if prepared else []
    for place, probability in zip(prepared, found, strict=True):
        # The label follows the stored, rounded probability, so that the two can never disagree.
        domain = "real" if probability >= classifier.threshold else "cartoon"
        rows[place] |= {"domain": domain, "probability": probability}
    return rows


def _settings(config: Config) -> dict[str, str | None]:
    return {"domain_model": config.annotate.domain_model}


def _path(settings: Mapping[str, str | None]) -> Path:
    chosen = settings["domain_model"]
    return SHIPPED if chosen is None else named_path(chosen, "annotate.domain_model")


def _models(config: Config) -> Mapping[str, str]:
    path = _path(_settings(config))
    if path.is_dir():
        from annotation.machine.efficientnet.saved import read_description

        return {"domain": read_description(path).digest}
    return {"domain": load_model(path).digest}


def _open(context: Context) -> Process:
    classifier = open_classifier(_path(context.settings))

    def process(tables: Tables) -> dict[str, pa.Table]:
        frames = tables["frames"].select(["id", "key_frames", "error"]).to_pylist()
        by_id = {row["id"]: row for row in frames}
        ids = tables["stickers"]["id"].to_pylist()
        rows = classify([by_id[key] for key in ids], classifier)
        return {TABLE.name: pa.Table.from_pylist(rows, schema=TABLE.schema)}

    return process


def _fills_gpu(config: Config) -> bool:
    """Whether a trained network runs on this machine's GPU: one process fills it."""
    return _path(_settings(config)).is_dir() and one_fills_gpu(config)


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
    in_main_process=_fills_gpu,
)
