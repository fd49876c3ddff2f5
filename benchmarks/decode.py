"""Files a second of the signals stage's row function, against reading and decoding alone.

    python benchmarks/decode.py [FOLDER]

FOLDER holds stickers (default ../shared/real-stickers; a drawn mix where that is missing). The
floor reads each file and decodes all of its frames with Pillow, and keeps nothing; the second
floor also turns them into RGBA pixels, without which nothing can be measured on them. All take the
same files in the same run, by turns, in seconds of one core, and the best of the rounds counts:
what else the machine does only ever adds time.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import math
import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image, ImageDraw

from pipeline.engine.stage import Context, Process
from pipeline.filter.stages import SIGNALS
from schemas.config import Config
from schemas.tables import MEDIA, STICKERS

_BAR = 0.75
_MAGIC = {b"GIF8": "gif", b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("../shared/real-stickers"))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as drawn:
        folder = options.folder if options.folder.is_dir() else _draw_mix(Path(drawn))
        files = [(path, kind) for path in sorted(folder.rglob("*")) if (kind := _format(path))]
        if not files:
            sys.exit(f"There are no stickers in {folder}.")
        print(f"{len(files)} files from {folder.name}, best of {options.rounds} rounds")
        floor, rgba, stage = _compare(files, options.rounds)
    figures = {
        "files": len(files),
        "floor_files_per_s": round(len(files) / floor, 1),
        "rgba_floor_files_per_s": round(len(files) / rgba, 1),
        "signals_files_per_s": round(len(files) / stage, 1),
        "decode_share_of_floor": round(floor / stage, 3),
        "decode_share_of_rgba_floor": round(rgba / stage, 3),
        "bar": _BAR,
    }
    print(json.dumps({"benchmark": "decode", "figures": figures}))


def _compare(files: list[tuple[Path, str]], rounds: int) -> tuple[float, float, float]:
    """Seconds of both floors and of the stage for all files."""
    process = SIGNALS.open(Context(SIGNALS.settings(Config()), Path()))
    batches = [_batch(path, kind) for path, kind in files]
    floor = rgba = stage = math.inf
    for _ in range(rounds):
        floor = min(floor, _seconds_of_floor(files, pixels=False))
        rgba = min(rgba, _seconds_of_floor(files, pixels=True))
        stage = min(stage, _seconds_of_stage(process, batches))
    return floor, rgba, stage


def _seconds_of_floor(files: list[tuple[Path, str]], *, pixels: bool) -> float:
    start = time.process_time()
    for path, _ in files:
        image = Image.open(io.BytesIO(path.read_bytes()))
        # The sample holds files that are cut in their last frame; they end early for both.
        with contextlib.suppress(EOFError, OSError):
            for index in range(1_000_000):
                image.seek(index)
                image.load()
                if pixels:
                    np.asarray(image.convert("RGBA"))
    return time.process_time() - start


def _seconds_of_stage(process: Process, batches: list[dict[str, pa.Table]]) -> float:
    start = time.process_time()
    for batch in batches:
        process(batch)
    return time.process_time() - start


def _batch(path: Path, kind: str) -> dict[str, pa.Table]:
    data = path.read_bytes()
    name = hashlib.sha256(data).hexdigest()
    sticker = {"id": name, "format": kind, "extension": path.suffix[1:], "nbytes": len(data)}
    media = {"id": name, "path": str(path.resolve())}
    return {
        "stickers": pa.Table.from_pylist([sticker], schema=STICKERS.schema),
        "media": pa.Table.from_pylist([media], schema=MEDIA.schema),
    }


def _format(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(4)
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)


def _draw_mix(folder: Path, files: int = 200) -> Path:
    """Stickers in the proportions of the real ones: 46% GIF, 27% JPEG, 22% PNG, 4% WebP."""
    rng = random.Random(0)
    for index in range(files):
        kind = rng.choices(["gif", "jpeg", "png", "webp"], [46, 27, 22, 4])[0]
        side = rng.randint(100, 300)
        count = {"gif": rng.randint(1, 16), "webp": rng.randint(10, 100)}.get(kind, 1)
        frames = [_draw(rng, side, i / count, kind) for i in range(count)]
        more = {"save_all": True, "append_images": frames[1:], "duration": 60} if count > 1 else {}
        frames[0].save(folder / f"{index:03}.{kind}", kind.upper(), **more)
    return folder


def _draw(rng: random.Random, side: int, phase: float, kind: str) -> Image.Image:
    image = Image.new("RGB" if kind == "jpeg" else "RGBA", (side, side), "white")
    pen = ImageDraw.Draw(image)
    for part in range(12):
        x, y = (side * (0.5 + 0.4 * f(6.3 * (phase + part / 12))) for f in (math.sin, math.cos))
        colour = tuple(rng.randrange(256) for _ in range(3))
        pen.ellipse([x - side / 8, y - side / 8, x + side / 8, y + side / 8], fill=colour)
    return image


if __name__ == "__main__":
    main()
