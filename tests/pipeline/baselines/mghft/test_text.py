"""Texts of the four views."""

from __future__ import annotations

import pytest

from pipeline.baselines.mghft.text import view_texts
from pipeline.engine.errors import StickerworksError

VIEWS = ("Says  hello", "Line art", "A cat", "Big\neyes")


def test_each_view_is_its_own_text_or_all_are_one() -> None:
    assert view_texts(VIEWS, "per_view") == ("says hello", "line art", "a cat", "big eyes")
    assert view_texts(VIEWS, "concat") == ("says hello line art a cat big eyes",) * 4


def test_a_missing_view_is_refused() -> None:
    with pytest.raises(StickerworksError, match="3 texts"):
        view_texts(VIEWS[:3], "per_view")
