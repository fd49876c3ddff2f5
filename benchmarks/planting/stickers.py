"""Real stickers as frames, and changed ones as files again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageSequence

from benchmarks.planting.motion import Play
from benchmarks.planting.pictures import Change, flat


@dataclass(frozen=True)
class RealSticker:
    """A sticker of a folder with a ``manifest.jsonl``: its id is the sha256 of its bytes."""

    id: str
    path: Path

    @property
    def held_out(self) -> bool:
        """Half of them, by chance, that nothing was tuned on."""
        return int(self.id[-1], 16) % 2 == 1


@dataclass(frozen=True)
class Opened:
    """Frames in RGBA and how they play."""

    frames: Sequence[Image.Image]
    play: Play


def real_stickers(folder: Path) -> Iterator[RealSticker]:
    with (folder / "manifest.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield RealSticker(row["sha256"], folder / row["path"])


def opened(path: Path) -> Opened:
    with Image.open(path) as image:
        frames: list[Image.Image] = []
        play: Play = []
        try:
            for index, frame in enumerate(ImageSequence.Iterator(image)):
                frames.append(frame.convert("RGBA"))
                play.append((index, int(frame.info.get("duration", 100) or 100)))
        except OSError:
            if not frames:  # else its last frames are cut off
                raise
        return Opened(frames, play)


def encoded(sticker: Opened, change: Change, kind: str) -> bytes:
    """The changed sticker as a file of the format ``kind`` (gif for what moves)."""
    used = {index: change(sticker.frames[index]) for index, _ in sticker.play}
    frames = [used[index] for index, _ in sticker.play]
    out = io.BytesIO()
    if len(frames) == 1:
        picture = flat(frames[0]) if kind == "jpeg" else frames[0]
        picture.save(out, kind.upper(), quality=90)
    else:
        durations = [duration for _, duration in sticker.play]
        frames[0].save(
            out, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0,
            disposal=2,
        )  # fmt: skip
    return out.getvalue()
