"""All that a plugin imports: the one module of ours whose names stay.

Each name is imported when it is asked for: a measure loads no Scrapy, and a source no torch.
"""

from __future__ import annotations

import importlib
from typing import Any

_PLACES = {
    "Answer": "crawlers.source",
    "ApiKey": "crawlers.source",
    "Ask": "crawlers.source",
    "BadQueryError": "crawlers.source",
    "Baseline": "pipeline.training.contract",
    "Caption": "annotation.machine.captioner",
    "CaptionInput": "annotation.machine.captioner",
    "Captioner": "annotation.machine.captioner",
    "Examples": "pipeline.training.examples",
    "Inputs": "pipeline.training.tagger",
    "Layout": "pipeline.datasets.layout",
    "Learner": "pipeline.training.contract",
    "Line": "pipeline.filter.ocr.backend",
    "Listing": "crawlers.source",
    "LocalFile": "crawlers.observation",
    "Measure": "pipeline.filter.measures.measure",
    "Observation": "crawlers.observation",
    "OcrBackend": "pipeline.filter.ocr.backend",
    "Options": "pipeline.engine.options",
    "Page": "crawlers.source",
    "RefusedError": "crawlers.source",
    "RgbaFrame": "pipeline.engine.decoding.sticker_frames",
    "Row": "pipeline.datasets.layout",
    "Rule": "pipeline.filter.rules.rule",
    "Run": "pipeline.training.contract",
    "Schedule": "pipeline.training.loop",
    "Source": "crawlers.source",
    "StickerFrames": "pipeline.engine.decoding.sticker_frames",
    "StickerworksError": "pipeline.engine.errors",
    "TorchTagger": "pipeline.training.tagger",
}

KINDS = {
    "sources": "Source",
    "measures": "Measure",
    "rules": "Rule",
    "ocr": "OcrBackend",
    "captioners": "Captioner",
    "baselines": "Learner",
    "layouts": "Layout",
}
"""What the entry points of each group must name."""

__all__ = ["KINDS", *_PLACES]  # noqa: PLE0604 - names, as _PLACES has them


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"stickerworks.plugins has no {name}; it has {', '.join(_PLACES)}")
    return getattr(importlib.import_module(_PLACES[name]), name)
