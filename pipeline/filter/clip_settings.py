"""What decides the frames that captioning models see."""

from __future__ import annotations

from schemas.config import DecodeConfig
from schemas.section import Section


class ClipSettings(Section):
    """How many frames at most, how large, and the caps of decoding; ``frames`` 0 makes none."""

    frames: int
    side: int
    caps: DecodeConfig
