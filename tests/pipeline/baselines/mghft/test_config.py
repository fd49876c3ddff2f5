"""Presets, token counts and impossible values."""

from __future__ import annotations

from typing import Any

import pytest
from typed_settings import typed

from pipeline.baselines.mghft.config import PRESETS
from pipeline.engine.errors import StickerworksError
from pipeline.training.settings import change_settings


def test_the_paper_preset_selects_996_tokens() -> None:
    config = PRESETS["paper"]
    assert config.local_tokens == (512, 256, 160, 64)
    assert config.tokens == 996
    assert (config.image_side, config.classes, config.select_on) == (448, 7, "val")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"heads": (1, 3, 5, 8)}, "heads"),
        ({"fusion_heads": 7}, "fusion_heads"),
        ({"learning_rate": float("inf")}, "learning_rate"),
        ({"depths": (1, 4, 6, 3)}, "depths"),
        ({"reductions": (4, 4, 2, 1)}, "reductions"),
        ({"image_side": 230}, "image_side"),
        ({"grid_side": 0}, "grid_side"),
        ({"image_side": 64}, "alpha"),
        ({"alpha": 0}, "alpha"),
        ({"classes": 1}, "classes"),
        ({"repeats": 0}, "repeats"),
        ({"rate_batch": 0}, "rate_batch"),
        ({"batch_size": 0}, "batch_size"),
        ({"accumulate": 0}, "accumulate"),
    ],
)
def test_impossible_values_name_their_key(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(StickerworksError, match=f"Bad setting: {key}: "):
        change_settings(PRESETS["paper"], typed(changes))
