"""Whether data keep up with the model: what drawing a batch costs, and how long a step waits.

    python benchmarks/loading.py [--release FOLDER] [--rows 256] [--steps 30]

For the paper's batch and image size of each trainer (random weights, hashed texts): milliseconds
of one process to draw a batch, batches a second with worker processes, and stickers a second of
which four frames are decoded into the cache, once for all runs. On a GPU the trainer then runs
for some steps, and `idle_share` is the time that steps waited for their batches; without one it
isn't measured. Without --release, stickers are drawn: stills and animations of 240 to 480 pixels.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

# A cache of its own: what was decoded before would be no measurement.
_CACHE = tempfile.TemporaryDirectory(prefix="stickerworks-bench-")
os.environ["STICKERWORKS_CACHE"] = _CACHE.name

PAPER: dict[str, dict[str, Any]] = {
    "att2pl": {"image_weights": "random", "text_encoder": "hashed"},
    "mghft": {"pretrained": None, "text_encoder": "hashed"},
    "stickerclip": {"weights": None},
}
"""Changes to each paper preset that make it run without weights from elsewhere."""


def main() -> None:
    """Measure every trainer, print a table and the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", type=Path)
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--steps", type=int, default=30)
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        release = arguments.release or _write_release(Path(folder), arguments.rows)
        for name, changes in PAPER.items():
            figures |= _measure(name, changes, release, arguments.steps)
    for name, figure in figures.items():
        print(f"{name:<36} {figure:,.3f}")
    print(json.dumps({"benchmark": "loading", "figures": figures}))


def _measure(name: str, changes: dict[str, Any], release: Path, steps: int) -> dict[str, float]:
    from pipeline.engine.compute import default_device, reproducible
    from pipeline.training.contract import Run
    from pipeline.training.examples import Dataset
    from pipeline.training.frames import clip
    from pipeline.training.loading import load_batches
    from pipeline.training.loop import Training
    from pipeline.training.runs import find_baseline
    from pipeline.training.trainer import prepare

    baseline = find_baseline(name)
    settings = replace(baseline.presets["paper"], **changes)
    started = time.perf_counter()
    # No trainer's own picks, so that this reading leaves the trainers' cache empty.
    rows = len(Dataset(release).read("train", settings.image_side, clip(4)))
    ready = time.perf_counter() - started
    with reproducible(0):
        prepared = prepare(baseline, Dataset(release), settings)
        tasks: list[Training] = []
        run = Run(0, prepared.validation, lambda task: tasks.append(task) or ())
        baseline.fit(prepared.train, settings, run)
    (task,) = tasks
    count = min(steps, task.schedule.batches_per_epoch)
    drawn = []
    # The second epoch, so that the file's pages are in memory.
    for epoch in (1, 2):
        drawn = [_timed(lambda n=n, e=epoch: task.batch(e, n)) for n in range(count)]
    workers = max(1, (os.cpu_count() or 1) - 1)
    started = time.perf_counter()
    for _ in load_batches(lambda n: task.batch(3, n), range(count), "cpu", workers):
        pass
    rate = count / (time.perf_counter() - started)
    figures = {
        f"{name}_batch": float(settings.batch_size),
        f"{name}_draw_ms": 1000 * statistics.median(drawn),
        f"{name}_batches_per_s_{workers}_workers": rate,
        f"{name}_clips_of_4_decoded_per_s": rows / ready,
    }
    if default_device() == "cuda":
        figures[f"{name}_idle_share"] = _idle_share(task, steps)
    return figures


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _idle_share(task: Any, steps: int) -> float:
    """Share of the time after the first steps in which the GPU's next batch was not there."""
    from pipeline.training.loading import default_workers
    from pipeline.training.loop import InMemory, train_model

    class Watch(InMemory):
        def __init__(self) -> None:
            self.waits: list[float] = []
            self.ends: list[float] = []

        def log(self, step: Any, waited_s: float) -> None:
            self.waits.append(waited_s)
            self.ends.append(time.perf_counter())

    watch, skip = Watch(), 5
    epochs = -(-(steps + skip) // task.schedule.batches_per_epoch)
    schedule = replace(task.schedule, epochs=epochs)
    train_model(
        replace(
            task,
            schedule=schedule,
            device="cuda",
            workers=default_workers("cuda"),
            evaluate=lambda model: {},
        ),
        watch,
    )
    return sum(watch.waits[skip:]) / (watch.ends[-1] - watch.ends[skip - 1])


def _write_release(folder: Path, rows: int) -> Path:
    """A release of drawn stickers, two in three of them stills, with 20 tags."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "drawn" / "data").mkdir(parents=True)
    for split, first, count in (("train", 0, rows), ("validation", rows, 16)):
        table = pa.Table.from_pylist([_row(first + n) for n in range(count)])
        pq.write_table(table, folder / "drawn" / "data" / f"{split}-00000-of-00001.parquet")
    return folder / "drawn"


def _row(number: int) -> dict[str, Any]:
    data = _draw(number)
    return {
        "id": hashlib.sha256(data).hexdigest(),
        "image": {"bytes": data, "path": None},
        "tags": [f"tag {number % 20}"],
        "label_status": "effective",
        "suggested_tags": [],
        "simulated": True,
        "caption_en": f"a drawn shape number {number} that moves about",
        "ocr_text": f"{number}",
        "domain": "cartoon",
    }


def _draw(number: int) -> bytes:
    import numpy as np
    from PIL import Image, ImageDraw

    dice = np.random.default_rng(number)
    side = int(dice.integers(240, 481))
    noise = Image.fromarray(dice.integers(0, 60, (side // 8, side // 8, 3), np.uint8) + 180)
    frames: Sequence[Image.Image] = []
    for step in range(12 if number % 3 == 0 else 1):
        frame = noise.resize((side, side), Image.Resampling.BICUBIC)
        x = 20 + step * 10
        ImageDraw.Draw(frame).ellipse((x, x, x + side // 2, x + side // 2), fill=(40, 90, 160))
        frames = [*frames, frame]
    file = io.BytesIO()
    if len(frames) > 1:
        frames[0].save(file, "GIF", save_all=True, append_images=list(frames[1:]), duration=80)
    else:
        frames[0].save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    main()
