"""Settings as people type them, and as a recipe keeps them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.training.settings import change_settings, restore_settings


@dataclass(frozen=True)
class Settings:
    epochs: int = 3
    rate: float = 0.1
    sides: tuple[int, int] = (32, 64)
    views: Literal["per_view", "concat"] = "per_view"
    prompt: bool = True
    weights: str | None = None


def test_text_is_read_as_the_type_of_its_field() -> None:
    changes = {"rate": "1e-3", "sides": "8,16", "views": "concat", "prompt": "no", "weights": "a=b"}
    changed = change_settings(Settings(), changes)
    assert changed == Settings(3, 1e-3, (8, 16), "concat", False, "a=b")
    assert change_settings(changed, {"weights": ""}).weights is None
    assert change_settings(changed, {}) is changed


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("side", "3", "no setting 'side'. Name one of: epochs, rate"),
        ("epochs", "3.5", "epochs can't be '3.5'"),
        ("views", "both", "views can't be 'both': .*'per_view' or 'concat'"),
        ("sides", "8", "sides can't be '8'"),
        ("prompt", "perhaps", "prompt can't be 'perhaps'"),
    ],
)
def test_what_does_not_fit_is_one_clear_error(name: str, text: str, words: str) -> None:
    with pytest.raises(StickerworksError, match=words):
        change_settings(Settings(), {name: text})


def test_a_recipe_brings_the_same_settings_back() -> None:
    settings = Settings(sides=(1, 2), weights="path")
    kept = json.loads(json.dumps(asdict(settings)))
    assert restore_settings(Settings(), kept) == settings
    with pytest.raises(TypeError):
        restore_settings(Settings(), {**kept, "unheard": 1})
