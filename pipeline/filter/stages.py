"""The filter's stages and steps, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from pipeline.engine.stage import Context, Needs, Output, Process, Reader, Stage, Step
from pipeline.filter.clip_settings import ClipSettings
from pipeline.filter.rules.configured import CHEAP, KNOWN, configured_rules, rule_versions
from schemas.config import Config, DecodeConfig, DuplicatesConfig, OcrConfig


# Named functions throughout, since a stage travels to its workers by pickling.
def _decode_settings(config: Config) -> DecodeConfig:
    return config.filter.decode


def _decoders(config: Config) -> Mapping[str, str]:
    return {"pillow": version("pillow")}


def _screening_settings(config: Config) -> dict[str, Any]:
    rules = configured_rules(config, CHEAP)
    return {"rules": rules, "keep_truncated": config.filter.keep_truncated}


def _ocr_settings(config: Config) -> OcrConfig:
    return config.filter.ocr


def _duplicates_settings(config: Config) -> DuplicatesConfig:
    return config.filter.duplicates


def _decision_settings(config: Config) -> dict[str, Any]:
    rules = configured_rules(config, KNOWN)
    return {
        "rules": rules,
        "keep_truncated": config.filter.keep_truncated,
        "duplicates": config.filter.duplicates,
    }


# Pillow, pyarrow.compute and the like are imported where work begins: every command reads this.
def _open_signals(context: Context) -> Process:
    from pipeline.filter.signals import open_signals

    return open_signals(context)


def _open_screening(context: Context) -> Process:
    from pipeline.filter.verdicts import open_screening

    return open_screening(context)


def _open_decisions(context: Context) -> Process:
    from pipeline.filter.verdicts import open_decisions

    return open_decisions(context)


def _open_ocr(context: Context) -> Process:
    from pipeline.filter.ocr.reading import open_ocr

    return open_ocr(context)


def _ocr_models(config: Config) -> Mapping[str, str]:
    from pipeline.filter.ocr.reading import ocr_models

    return ocr_models(config)


def clip_settings(config: Config) -> ClipSettings:
    """What ``clips`` holds; the template looks at no frame, so that none are made for it."""
    asked = config.annotate
    frames = 0 if asked.captioner == "template" else asked.frames
    return ClipSettings(frames=frames, side=asked.frame_side, caps=config.filter.decode)


def _open_clips(context: Context) -> Process:
    from pipeline.filter.clips import open_clips

    return open_clips(context)


def _find_duplicates(reader: Reader, settings: Any) -> Iterator[Output]:
    from pipeline.filter.duplicates import find_duplicates

    return find_duplicates(reader, settings)


def _no_settings(config: Config) -> dict[str, Any]:
    return {}


def _collect_reviews(reader: Reader, settings: Any) -> Iterator[Output]:
    from pipeline.filter.reviews import collect_reviews

    return collect_reviews(reader, settings)


SIGNALS = Stage(
    name="signals",
    version=2,
    reads=("stickers", "media"),
    writes=("signals", "frames"),
    needs=Needs(memory_mb=2048, seconds_per_row=0.004),
    settings=_decode_settings,
    open=_open_signals,
    models=_decoders,
)
SCREENING = Stage(
    name="screening",
    version=2,
    reads=("stickers", "signals"),
    writes=("screening",),
    needs=Needs(seconds_per_row=0.00001),
    settings=_screening_settings,
    open=_open_screening,
    batch_rows=10_000,
    models=rule_versions,
)
OCR = Stage(
    name="ocr",
    version=1,
    reads=("stickers", "screening", "frames"),
    writes=("ocr",),
    needs=Needs(memory_mb=2048, seconds_per_row=0.3),
    settings=_ocr_settings,
    open=_open_ocr,
    selects="screening",
    models=_ocr_models,
)
DUPLICATES = Step(
    name="duplicates",
    version=1,
    reads=("stickers", "signals", "ocr", "screening", "frames"),
    writes=("duplicates",),
    settings=_duplicates_settings,
    run=_find_duplicates,
)
REVIEWS = Step(
    name="reviews",
    version=1,
    reads=("stickers", "duplicates", "flags"),
    writes=("reviews",),
    settings=_no_settings,
    run=_collect_reviews,
    optional=("flags",),
)
DECISIONS = Stage(
    name="decisions",
    version=3,
    reads=("stickers", "signals", "ocr", "duplicates", "reviews"),
    writes=("decisions",),
    needs=Needs(seconds_per_row=0.00001),
    settings=_decision_settings,
    open=_open_decisions,
    batch_rows=10_000,
    models=rule_versions,
)
CLIPS = Stage(
    name="clips",
    version=1,
    reads=("stickers", "decisions", "media", "signals"),
    writes=("clips",),
    needs=Needs(memory_mb=2048, seconds_per_row=0.02),
    settings=clip_settings,
    open=_open_clips,
    selects="decisions",
    models=_decoders,
)
"""Runs with annotation, which alone knows whether a model will look at frames."""

PLAN: tuple[Stage | Step, ...] = (SIGNALS, SCREENING, OCR, DUPLICATES, REVIEWS, DECISIONS)
