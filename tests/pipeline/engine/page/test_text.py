"""Text of the web on one line."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.page.text import shorten_ids, tidy


@given(st.text(), st.integers(2, 90))
def test_tidy_text_is_one_short_line_without_tricks(text: str, limit: int) -> None:
    shown = tidy(text, limit)
    assert len(shown) <= limit
    assert not {unicodedata.category(sign) for sign in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert shown == " ".join(shown.split())


def test_ids_alone_are_shortened() -> None:
    key = "0123456789" + "ab" * 27
    assert shorten_ids(f"on {key}, not {key}f") == f"on 0123456789, not {key}f"
