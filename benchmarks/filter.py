"""What the signals stage costs: beside reading and decoding alone, and beside CleanVision.

    python benchmarks/filter.py [FOLDER] [--rounds 5] [--memory] [--no-cleanvision]

FOLDER holds stickers (default ../shared/real-stickers; a drawn mix where that is missing). The
floor reads each file, decodes all of its frames with Pillow and turns them into RGBA, without which
nothing can be measured on them, and keeps nothing; the plain floor only decodes. They and the
stage's function take the same files by turns, as many at once as the stage takes rows, in CPU
seconds of one core; for each such batch the best of the rounds counts, since what else the machine
does only ever adds time.

CleanVision (in an environment of its own, made by the first run) looks for those of its issues that
the stage measures as well: odd aspect ratio (`aspect`), low information (`entropy`), odd size
(`width`, `height`, `min_side`), exact and near duplicates (`pixel_sha256`, `phash`), but without
comparing what it hashed. Not so dark, light, blurry and grayscale, which the stage doesn't measure:
that is in CleanVision's favour, as are our key frames, which it doesn't make. It looks at the first
frame of an animation only, so that the fair comparison is that of stills.

--memory runs the function over 10,000 files (the folder, again and again) instead, and tells what
memory the process held after 1,000 and at the end. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
from filtering.drawn import draw_mix
from PIL import Image

from pipeline.engine.stage import Context, Process
from pipeline.filter.stages import SIGNALS
from schemas.config import Config
from schemas.tables import MEDIA, STICKERS

_ROOT = Path(__file__).parent.parent
_BAR, _CLEANVISION_BAR = 0.75, 1.5
_CLEANVISION = "cleanvision==0.3.6"
_THEIRS = _ROOT / ".venv-cleanvision"
_ISSUES = "odd_aspect_ratio,low_information,odd_size,exact_duplicates,near_duplicates"
_MAGIC = {b"GIF8": "gif", b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}
_MANY, _EARLY = 10_000, 1_000


@dataclass(frozen=True)
class Batch:
    """Files that the stage takes at once: their paths, and their rows of its tables."""

    paths: list[Path]
    tables: dict[str, pa.Table]


@dataclass(frozen=True)
class Costs:
    """CPU seconds for all files of a kind, and how many files and frames there are."""

    files: int
    frames: int
    plain_floor: float
    floor: float
    stage: float


def main() -> None:
    """Measure, print what was found, and one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("../shared/real-stickers"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--no-cleanvision", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as drawn:
        folder = options.folder if options.folder.is_dir() else draw_mix(Path(drawn))
        files = [(path, kind) for path in sorted(folder.rglob("*")) if (kind := _format(path))]
        if not files:
            sys.exit(f"There are no stickers in {folder}.")
        process = SIGNALS.open(Context(SIGNALS.settings(Config()), Path()))
        if options.memory:
            figures = _memory(process, files)
        else:
            print(f"{len(files)} files from {folder.name}, best of {options.rounds} rounds")
            figures = _speed(process, files, options.rounds, cleanvision=not options.no_cleanvision)
    for name, value in figures.items():
        print(f"{name:<36} {value:>10,.3f}")
    rounded = {name: round(value, 3) for name, value in figures.items()}
    print(json.dumps({"benchmark": "filter", "files": len(files), "figures": rounded}))


def _speed(
    process: Process, files: list[tuple[Path, str]], rounds: int, *, cleanvision: bool
) -> dict[str, float]:
    still, moving = _by_motion(files)
    costs = [_compare(process, some, rounds) for some in (still, moving) if some]
    total = Costs(
        *(sum(getattr(cost, name) for cost in costs) for name in Costs.__dataclass_fields__)
    )
    figures = {
        "frames": total.frames,
        "floor_files_per_s": total.files / total.floor,
        "floor_frames_per_s": total.frames / total.floor,
        "signals_files_per_s": total.files / total.stage,
        "signals_frames_per_s": total.frames / total.stage,
        "ratio_to_plain_floor": total.plain_floor / total.stage,
        "ratio_to_floor": total.floor / total.stage,
        "bar_ratio_to_floor": _BAR,
    }
    if cleanvision and still:
        _install_cleanvision()
        stills = _cleanvision([path for path, _ in still], rounds)
        everything = _cleanvision([path for path, _ in files], rounds)
        figures |= {
            "signals_stills_cpu_s": costs[0].stage,
            "cleanvision_stills_cpu_s": stills,
            "speed_ratio_cleanvision_stills": stills / costs[0].stage,
            "bar_speed_ratio_cleanvision_stills": _CLEANVISION_BAR,
            "signals_all_cpu_s": total.stage,
            "cleanvision_all_cpu_s": everything,
            "cleanvision_all_frames_per_s": len(files) / everything,
        }
    return figures


def _compare(process: Process, files: list[tuple[Path, str]], rounds: int) -> Costs:
    batches = list(_batches(files))
    plain, floor, stage = ([math.inf] * len(batches) for _ in range(3))
    frames = 0
    for _ in range(rounds):
        for number, batch in enumerate(batches):
            plain[number] = min(plain[number], _seconds_of_floor(batch, pixels=False))
            floor[number] = min(floor[number], _seconds_of_floor(batch, pixels=True))
            start = time.process_time()
            made = process(batch.tables)
            stage[number] = min(stage[number], time.process_time() - start)
            frames += sum(made["signals"]["frames"].to_pylist())
    return Costs(len(files), frames // rounds, sum(plain), sum(floor), sum(stage))


def _seconds_of_floor(batch: Batch, *, pixels: bool) -> float:
    start = time.process_time()
    for path in batch.paths:
        image = Image.open(io.BytesIO(path.read_bytes()))
        # The sample holds files that are cut in their last frame; they end early for both.
        with contextlib.suppress(EOFError, OSError):
            for index in range(1_000_000):
                image.seek(index)
                image.load()
                if pixels:
                    np.asarray(image.convert("RGBA"))
    return time.process_time() - start


def _memory(process: Process, files: list[tuple[Path, str]]) -> dict[str, float]:
    """Megabytes that this process held after some files and after many, and the most of all."""
    me, held, done = psutil.Process(), dict[int, float](), 0
    batches = list(_batches(files))
    for batch in islice(cycle(batches), _MANY * len(batches) // len(files) + 1):
        before, done = done, done + len(batch.paths)
        process(batch.tables)
        if done // _EARLY > before // _EARLY:
            held[done // _EARLY * _EARLY] = me.memory_info().rss / 2**20
            print(f"{done:>6} files, {held[done // _EARLY * _EARLY]:,.1f} MB", flush=True)
    return {
        "rss_mb_after_1000": held[_EARLY],
        "rss_mb_after_10000": held[_MANY],
        "most_rss_mb": max(held.values()),
        "growth_mb": held[_MANY] - held[_EARLY],
    }


def _cleanvision(paths: list[Path], rounds: int) -> float:
    """CPU seconds of CleanVision's issues on files; the best of the rounds."""
    command = [str(_THEIRS / "bin" / "python"), str(Path(__file__).parent / "filtering")]
    command[1] += "/cleanvision_cost.py"
    told = "\n".join(str(path.resolve()) for path in paths)
    best = math.inf
    for _ in range(rounds):
        done = subprocess.run(
            [*command, _ISSUES], input=told, stdout=subprocess.PIPE, text=True, check=True
        )
        best = min(best, json.loads(done.stdout.splitlines()[-1])["cpu_s"])
    return best


def _install_cleanvision() -> None:
    if (_THEIRS / "bin" / "pip").exists() and any(_THEIRS.rglob("cleanvision/imagelab.py")):
        return
    print(f"Installing {_CLEANVISION} into {_THEIRS} ...")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(_THEIRS)], check=True)
    command = [str(_THEIRS / "bin" / "python"), "-m", "pip", "install", "--quiet", _CLEANVISION]
    subprocess.run(command, check=True)


def _batches(files: list[tuple[Path, str]]) -> Iterator[Batch]:
    for start in range(0, len(files), SIGNALS.batch_rows):
        some = files[start : start + SIGNALS.batch_rows]
        stickers, media = [], []
        for path, kind in some:
            data = path.read_bytes()
            name = hashlib.sha256(data).hexdigest()
            row = {"id": name, "format": kind, "extension": path.suffix[1:], "nbytes": len(data)}
            stickers.append(row)
            media.append({"id": name, "path": str(path.resolve())})
        tables = {
            "stickers": pa.Table.from_pylist(stickers, schema=STICKERS.schema),
            "media": pa.Table.from_pylist(media, schema=MEDIA.schema),
        }
        yield Batch([path for path, _ in some], tables)


def _by_motion(
    files: list[tuple[Path, str]],
) -> tuple[list[tuple[Path, str]], list[tuple[Path, str]]]:
    still, moving = [], []
    for path, kind in files:
        with Image.open(path) as image:
            (moving if getattr(image, "n_frames", 1) > 1 else still).append((path, kind))
    return still, moving


def _format(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(4)
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)


if __name__ == "__main__":
    main()
