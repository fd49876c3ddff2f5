"""Pictures of a run: sheets and heat maps show what a tagger sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.baselines.pictures import draw_attention, draw_sheet


def test_a_sheet_shows_key_frames(tmp_path: Path, appearing: bytes, still: bytes) -> None:
    for name, data in (("moving", appearing), ("still", still)):
        draw_sheet(tmp_path / name, ["a sticker"], [data], [(("circle", 0.9),)])
    assert (tmp_path / "moving").read_bytes() == (tmp_path / "still").read_bytes()


def test_heat_maps_lie_over_key_frames(tmp_path: Path, appearing: bytes, still: bytes) -> None:
    heat = {"where": np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)}
    for name, data in (("moving", appearing), ("still", still)):
        draw_attention(tmp_path / name, ["a sticker"], [data], [heat])
    assert (tmp_path / "moving").read_bytes() == (tmp_path / "still").read_bytes()
