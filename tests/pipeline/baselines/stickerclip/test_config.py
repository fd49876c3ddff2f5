"""Presets hold the published numbers, and impossible ones are refused with the key to change."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from typed_settings import typed

from pipeline.baselines.stickerclip.config import PRESETS
from pipeline.engine.errors import StickerworksError
from pipeline.training.settings import change_settings, restore_settings


def test_the_paper_preset_holds_the_published_numbers() -> None:
    paper = PRESETS["paper"]
    assert (paper.learning_rate, paper.weight_decay, paper.warmup_steps) == (2e-5, 1e-3, 100)
    assert (paper.batch_size, paper.epochs, paper.context, paper.ocr_length) == (64, 5, 64, 24)
    assert (paper.image_side, paper.patch, paper.embed_dim) == (224, 16, 512)
    assert paper.same_text == "negative"
    assert paper.weights == "OFA-Sys/chinese-clip-vit-base-patch16"


@pytest.mark.parametrize("name", PRESETS)
def test_settings_survive_a_recipe_and_being_typed(name: str) -> None:
    settings = PRESETS[name]
    assert restore_settings(settings, json.loads(json.dumps(asdict(settings)))) == settings
    assert change_settings(settings, {"weights": "here", "betas": "0.8,0.9"}) == replace(
        settings, weights="here", betas=(0.8, 0.9)
    )


def test_only_the_paper_preset_needs_pretrained_weights() -> None:
    assert [name for name, settings in PRESETS.items() if settings.weights] == ["paper"]


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("image_side", {"image_side": 100}),
        ("vision_heads", {"vision_heads": 5}),
        ("text_heads", {"text_dim": 0}),
        ("context", {"context": 513}),
        ("context", {"context": 2}),
        ("vocab_size", {"vocab_size": 3}),
        ("crop", {"crop": 0.0}),
        ("batch_size", {"batch_size": 1}),
        ("epochs", {"epochs": 0}),
        ("ocr_length", {"ocr_length": -1}),
    ],
)
def test_an_impossible_setting_is_refused_by_its_key(key: str, changes: dict[str, Any]) -> None:
    with pytest.raises(StickerworksError, match=f"Bad setting: {key}: "):
        change_settings(PRESETS["paper"], typed(changes))
