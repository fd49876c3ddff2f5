"""The font that plots are drawn with, and how it is known."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pipeline.engine import fonts


def test_a_font_is_known_by_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    font = tmp_path / "font.ttc"
    font.write_bytes(b"glyphs")
    monkeypatch.setattr(fonts, "chinese_font", lambda: font)
    assert fonts.font_digest() == hashlib.sha256(b"glyphs").hexdigest()
    monkeypatch.setattr(fonts, "chinese_font", lambda: None)
    assert fonts.font_digest() == "none"
