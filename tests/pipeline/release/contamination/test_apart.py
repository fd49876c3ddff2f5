"""Strangers' files are looked at in processes: the same codes, and only what kills one is lost."""

from __future__ import annotations

import io

import numpy as np
from dying_files import DEADLY, look_or_die
from PIL import Image

from pipeline.release.contamination.apart import look_at_all
from pipeline.release.contamination.looking import look
from pipeline.release.contamination.pictures import Picture
from schemas.config import DecodeConfig


def pictures() -> list[Picture]:
    found = []
    for number in range(40):
        file = io.BytesIO()
        levels = np.random.default_rng(number).integers(0, 256, (8, 8)).astype(np.uint8)
        Image.fromarray(levels).resize((64, 64)).save(file, "PNG")
        found.append(Picture(f"{number:064x}", "train", None, file.getvalue()))
    found[5] = Picture(found[5].id, "train", None, None)
    found[35] = Picture(found[35].id, "train", None, DEADLY)
    return found


def test_processes_see_the_same_and_lose_only_what_kills_them() -> None:
    caps = DecodeConfig()
    seen = list(look_at_all(iter(pictures()), caps, workers=2, see=look_or_die))
    assert [picture.id for picture, _ in seen] == [picture.id for picture in pictures()]
    for number, (picture, frames) in enumerate(seen):
        if number in (5, 35):
            assert frames is None
            continue
        assert picture.data is not None
        expected = look(picture.data, caps)
        assert frames is not None
        assert expected is not None
        assert np.array_equal(frames, expected)
