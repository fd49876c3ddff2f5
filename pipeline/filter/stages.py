"""The filter's stages and steps, in the order in which they run."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from pipeline.engine.extras import opencv_version
from pipeline.engine.stage import Late, Needs, Stage, Step
from pipeline.filter.clip_settings import ClipSettings
from pipeline.filter.configured import (
    decision_bounds,
    expensive_settings,
    measure_versions,
    rule_versions,
    screening_bounds,
)
from schemas.config import Config, DuplicatesConfig, OcrConfig


# Named functions throughout, since a stage travels to its workers by pickling.
def _signal_settings(config: Config) -> dict[str, Any]:
    versions = measure_versions(config, expensive=False)
    return {"decode": config.filter.decode, "measures": versions}


def _expensive_settings(config: Config) -> dict[str, Any]:
    return {"measures": expensive_settings(config)}


def _measures_nothing(settings: Mapping[str, Any]) -> bool:
    return not settings["measures"]


def _decoders(config: Config) -> Mapping[str, str]:
    """Versions of what is installed: files that lacked a decoder are measured once it is."""
    extra = [name for name in ("av", "rlottie_python") if find_spec(name) is not None]
    found = {name: version(name) for name in ("pillow", *extra)}
    return {"opencv": opencv_version(), **found}


def _screening_settings(config: Config) -> dict[str, Any]:
    return {"rules": screening_bounds(config), "keep_truncated": config.filter.keep_truncated}


def _ocr_settings(config: Config) -> OcrConfig:
    return config.filter.ocr


def _embedding_settings(config: Config) -> dict[str, Any]:
    return {"embeddings": config.filter.duplicates.embeddings}


def _embeds_nothing(settings: Mapping[str, Any]) -> bool:
    return not settings["embeddings"]


def _duplicates_settings(config: Config) -> DuplicatesConfig:
    return config.filter.duplicates


def _decision_settings(config: Config) -> dict[str, Any]:
    return {
        "rules": decision_bounds(config),
        "keep_truncated": config.filter.keep_truncated,
        "duplicates": config.filter.duplicates,
    }


def clip_settings(config: Config) -> ClipSettings:
    """What ``clips`` holds; the template looks at no frame, so that none are made for it."""
    asked = config.annotate
    frames = 0 if asked.captioner == "template" else asked.frames
    return ClipSettings(frames=frames, side=asked.frame_side, caps=config.filter.decode)


def _no_settings(config: Config) -> dict[str, Any]:
    return {}


SIGNALS = Stage(
    name="signals",
    version=4,
    reads=("stickers", "media"),
    writes=("signals", "frames", "measures"),
    needs=Needs(memory_mb=2048, seconds_per_row=0.004),
    settings=_signal_settings,
    open=Late("pipeline.filter.signals:open_signals"),
    batch_rows=16,  # made into tables at once; one by one that took a tenth of the time
    models=_decoders,
    adds="measures",
)
SCREENING = Step(
    name="screening",
    version=3,
    reads=("stickers", "signals", "measures"),
    writes=("screening",),
    settings=_screening_settings,
    run=Late("pipeline.filter.verdicts:screen"),
    each_block=True,
    models=rule_versions,
)
EXPENSIVE_MEASURES = Stage(
    name="expensive_measures",
    version=1,
    reads=("stickers", "screening", "frames"),
    writes=("expensive_measures",),
    needs=Needs(gpus=1, memory_mb=4096, seconds_per_row=0.05),
    settings=_expensive_settings,
    open=Late("pipeline.filter.expensive:open_expensive"),
    selects="screening",
    batch_rows=64,
    in_main_process=Late("pipeline.filter.expensive:runs_in_main_process"),
    adds="measures",
    idle=_measures_nothing,
)
OCR = Stage(
    name="ocr",
    version=2,
    reads=("stickers", "screening", "frames"),
    writes=("ocr",),
    needs=Needs(gpus=1, memory_mb=2048, seconds_per_row=0.08),
    settings=_ocr_settings,
    open=Late("pipeline.filter.ocr.reading:open_ocr"),
    selects="screening",
    batch_rows=16,
    in_main_process=Late("pipeline.filter.ocr.reading:runs_in_main_process"),
    models=Late("pipeline.filter.ocr.reading:ocr_models"),
    on_gpu=Late("pipeline.filter.ocr.reading:on_gpu"),
)
EMBEDDINGS = Stage(
    name="embeddings",
    version=1,
    reads=("stickers", "screening", "frames"),
    writes=("embeddings",),
    needs=Needs(gpus=1, memory_mb=2048, seconds_per_row=0.05),
    settings=_embedding_settings,
    open=Late("pipeline.filter.embeddings:open_embeddings"),
    selects="screening",
    batch_rows=32,
    in_main_process=Late("pipeline.filter.embeddings:runs_in_main_process"),
    models=Late("pipeline.filter.embeddings:embedding_models"),
    idle=_embeds_nothing,
)
DUPLICATES = Step(
    name="duplicates",
    version=4,
    reads=("stickers", "signals", "ocr", "embeddings", "screening", "frames"),
    writes=("duplicates", "group_joins"),
    settings=_duplicates_settings,
    run=Late("pipeline.filter.duplicates.step:find_duplicates"),
    models=Late("pipeline.filter.embeddings:search_engine"),
)
REVIEWS = Step(
    name="reviews",
    version=2,
    reads=("stickers", "duplicates", "flags"),
    writes=("reviews",),
    settings=_no_settings,
    run=Late("pipeline.filter.reviews:collect_reviews"),
    optional=("flags",),
)
DECISIONS = Step(
    name="decisions",
    version=5,
    reads=(
        "stickers", "signals", "measures", "expensive_measures", "ocr", "duplicates", "reviews",
    ),
    writes=("decisions",),
    settings=_decision_settings,
    run=Late("pipeline.filter.verdicts:decide"),
    each_block=True,
    models=rule_versions,
)  # fmt: skip
CLIPS = Stage(
    name="clips",
    version=1,
    reads=("stickers", "decisions", "media", "signals"),
    writes=("clips",),
    needs=Needs(memory_mb=2048, seconds_per_row=0.02),
    settings=clip_settings,
    open=Late("pipeline.filter.clips:open_clips"),
    selects="decisions",
    models=_decoders,
)
"""Runs with annotation, which alone knows whether a model will look at frames."""

PLAN: tuple[Stage | Step, ...] = (
    SIGNALS,
    SCREENING,
    EXPENSIVE_MEASURES,
    OCR,
    EMBEDDINGS,
    DUPLICATES,
    REVIEWS,
    DECISIONS,
)
