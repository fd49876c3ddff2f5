"""Every real sticker gives a row; they are not part of the project, so this skips elsewhere."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from pipeline.engine.decoding.measured import measure
from schemas.config import DecodeConfig

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "real-stickers"
FORMATS = ((rb"GIF8", "gif"), (rb"\x89PNG", "png"), (rb"\xff\xd8\xff", "jpeg"), (rb"RIFF", "webp"))


def test_real_stickers():
    if not FOLDER.is_dir():
        pytest.skip(f"{FOLDER} is not here: it holds real stickers, which are not ours to give")
    flags: Counter[str] = Counter()
    files = [
        path for path in sorted(FOLDER.rglob("*")) if path.is_file() and path.suffix != ".jsonl"
    ]
    for path in files:
        data = path.read_bytes()
        kind = next(kind for magic, kind in FORMATS if re.match(magic, data))
        measured = measure(data, kind, DecodeConfig())
        assert "error" not in measured.signals, (path, measured.signals)
        assert measured.key_frames
        flags.update(measured.signals["flags"])
    assert len(files) == 693
    assert flags == {"clamped_durations": 15, "truncated": 2}
