"""Settings as people type them, and as a recipe keeps them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

import pytest
from pydantic.dataclasses import dataclass as checked

from pipeline.engine.errors import StickerworksError
from pipeline.training.settings import (
    CHECKED,
    Count,
    change_settings,
    check_heads,
    restore_settings,
)


@dataclass(frozen=True)
class Settings:
    epochs: int = 3
    rate: float = 0.1
    sides: tuple[int, int] = (32, 64)
    views: Literal["per_view", "concat"] = "per_view"
    prompt: bool = True
    weights: str | None = None


@checked(frozen=True, config=CHECKED)
class Checked:
    epochs: Count = 3
    rate: float = 0.1


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
        ("epochs", "3.5", "epochs: .* valid integer.*, not '3.5'"),
        ("views", "both", "views: should be 'per_view' or 'concat', not 'both'"),
        ("sides", "8", "sides.1 is needed"),
        ("prompt", "perhaps", "prompt: .*, not 'perhaps'"),
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


def test_bounds_are_told_with_key_value_and_bound() -> None:
    with pytest.raises(StickerworksError) as told:
        change_settings(Checked(), {"epochs": "0"})
    what = "Bad setting: epochs: should be greater than or equal to 1, not '0'."
    assert str(told.value).startswith(what)
    with pytest.raises(StickerworksError, match="rate: should be a finite number"):
        change_settings(Checked(), {"rate": "nan"})


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"epochs": 0}, "epochs: should be greater"), ({"epoch": 3}, "there is no setting 'epoch'")],
)
def test_a_recipe_that_no_longer_fits_says_why(fields: dict[str, object], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        restore_settings(Checked(), fields)


@pytest.mark.parametrize(("width", "heads"), [(8, 3), (8, 0), (0, 2)])
def test_heads_must_share_a_width(width: int, heads: int) -> None:
    check_heads("heads", 8, 4)
    with pytest.raises(ValueError, match=f"heads: a width of {width} can't be shared by {heads}"):
        check_heads("heads", width, heads)


def test_an_unknown_setting_is_refused_where_it_is_written() -> None:
    with pytest.raises(ValueError, match="epoch"):
        Checked(epoch=3)
