"""What the signals pass keeps of a sticker for finding copies of it."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.engine.decoding.one_pass import ShownFrame
from pipeline.engine.decoding.picture import grey_levels, perceptual_hash


def look_columns(shown: Sequence[ShownFrame]) -> dict[str, object]:
    """Columns of ``signals`` from the key frames on their background."""
    grey64 = grey_levels(shown[0].grey)
    return {"phash": perceptual_hash(grey64), "grey64": grey64}
