"""Configurations: what can't be built is refused, and recipes keep them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from typed_settings import typed

from pipeline.baselines.sti.presets import PRESETS
from pipeline.engine.errors import StickerworksError
from pipeline.training.settings import change_settings, restore_settings


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_survives_a_recipe(name: Any) -> None:
    kept = json.loads(json.dumps(asdict(PRESETS[name])))
    assert restore_settings(PRESETS[name], kept) == PRESETS[name]


def test_settings_change_as_people_type_them() -> None:
    changed = change_settings(PRESETS["tiny"], {"temporal": "videoldm", "channels": "16,32"})
    assert changed == replace(PRESETS["tiny"], temporal="videoldm", channels=(16, 32))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"channels": (32, 36)}, "channels"),
        ({"channels": (32,)}, "channels"),
        ({"kernel": 2}, "kernel"),
        ({"gamma": 0}, "gamma"),
        ({"image_side": 18}, "image_side"),
        ({"image_side": 0}, "image_side"),
        ({"prediction": "epsilon"}, "prediction"),
        ({"latents": "vae"}, "base"),
        ({"text": "base"}, "base"),
        ({"trained": "temporal"}, "trained"),
        ({"frames": 1}, "frames"),
        ({"sampling_steps": 0}, "sampling_steps"),
        ({"average": 1.0}, "average"),
        ({"caption_dropout": 1.1}, "caption_dropout"),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_key(changes: Any, key: str) -> None:
    with pytest.raises(StickerworksError, match=f"Bad setting: {key}: "):
        change_settings(PRESETS["tiny"], typed(changes))
