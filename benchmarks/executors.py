"""What one poisonous row costs on each executor, through the command line.

    python benchmarks/executors.py [--shards 20] [--rows 50] [--folder FOLDER]

Draws stickers, crawls them, and filters them with a measure of a stranger that, in the middle
shard, segfaults on one sticker, hangs on another and eats memory on a third: on this machine's
workers, on Ray, and on Ray with the driver killed half-way and started again. Exit code 1 unless
all tables have the same bytes, each poisonous row alone is quarantined (exit code 3), no other
shard was measured twice (after a killed driver: but those under way), and no process is left. The
last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from pipeline.engine.workspace import Workspace

_MEASURE = """
import os, pathlib, signal, time
from stickerworks.plugins import Measure

def _poison(frames):
    pixel = next(iter(frames)).pixels[0, 0].tolist()
    number = pixel[0] * 256 + pixel[1]
    with open(os.environ["POISON_LOG"], "a") as log:
        log.write(f"{number} {os.getpid()}\\\\n")
    if pixel[2] == 1:
        os.kill(os.getpid(), signal.SIGSEGV)
    if pixel[2] == 2:
        time.sleep(600)
    if pixel[2] == 3:
        eaten = []
        while True:
            eaten.append(bytearray(b"x") * (256 << 20))
    return float(number)

MEASURE = Measure("poison", "number", "Harms its worker where a pixel says so.", _poison)
"""
_KINDS = ("crash", "hang", "eat")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=20)
    parser.add_argument("--rows", type=int, default=50)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        figures = _compare(folder, options.shards, options.rows)
    print(json.dumps({"benchmark": "executors", "figures": figures}))
    sys.exit(not figures["passed"])


def _compare(folder: Path, shards: int, rows: int) -> dict[str, object]:
    _install(folder / "plugin")
    _draw(folder / "stickers", shards, rows)
    crawled = folder / "crawled"
    assert _command(folder, crawled, "local", "crawl", rows).wait() == 0
    runs = [
        _run(folder, crawled, rows, *how)
        for how in (("local", 0), ("ray", 0), ("ray", shards // 2))
    ]
    names = ("local", "ray", "ray_killed")
    tables = [_tables(folder / name) for name in names]
    figures: dict[str, object] = {}
    for name, run in zip(names, runs, strict=True):
        figures |= {f"{name}_{key}": value for key, value in run.items()}
    figures["tables"] = len(tables[0])
    figures["same_bytes"] = all(found == tables[0] for found in tables)
    for name, value in figures.items():
        print(f"{name:<32} {value}")
    figures["passed"] = figures["same_bytes"] and all(
        run["exit_code"] == 3
        and run["quarantined"] == len(_KINDS)
        and run["shards_repeated"] <= 1 + run["under_way"]
        and run["processes_left"] == 0
        for run in runs
    )
    return figures


def _tables(workspace: Path) -> dict[str, bytes]:
    folder = Workspace(workspace).tables
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _install(folder: Path) -> None:
    info = folder / "poison-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (folder / "poison_measure.py").write_text(_MEASURE.replace("\\\\n", "\\n"))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: poison\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[stickerworks.measures]\npoison = poison_measure:MEASURE\n"
    )


def _draw(folder: Path, shards: int, rows: int) -> None:
    """Stickers in shard order, too small to be kept but for a few: reading text takes long."""
    shutil.rmtree(folder, ignore_errors=True)
    rng = np.random.default_rng(0)
    for number in range(shards * rows):
        side = 16 if number % rows else 48
        pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
        shard, row = divmod(number, rows)
        kind = row // 10 if shard == shards // 2 and row in {10, 20, 30} else 0
        pixels[0, 0] = (number // 256, number % 256, kind)
        path = folder / f"{number // 1000:03d}" / f"{number:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


def _run(folder: Path, crawled: Path, rows: int, executor: str, kill_after: int) -> dict[str, int]:
    """Filter a copy of the crawled workspace; ``kill_after`` so many shards, once, if not 0."""
    name = f"{executor}_killed" if kill_after else executor
    workspace = folder / name
    shutil.rmtree(workspace, ignore_errors=True)
    shutil.copytree(crawled, workspace)
    started = time.monotonic()
    under_way = 0
    with _log(folder, name) as log:
        if kill_after:
            driver = _command(folder, workspace, executor, "filter", rows, log)
            while len(Workspace(workspace).parts_of("signals")) < kill_after:
                assert driver.poll() is None, "it ended before it could be killed"
                time.sleep(0.02)
            driver.send_signal(signal.SIGKILL)
            driver.wait()
            time.sleep(2)
            made = len(Workspace(workspace).parts_of("signals"))
            under_way = len(_shards(log, rows)) - made
        exit_code = _command(folder, workspace, executor, "filter", rows, log).wait()
        time.sleep(2)
        pids = {int(line.split()[1]) for line in log.read_text().splitlines()}
        repeated = sum(max(times.values()) > 1 for times in _shards(log, rows).values())
    errors = Workspace(workspace).read("signals")["error"].to_pylist()
    return {
        "exit_code": exit_code,
        "seconds": round(time.monotonic() - started),
        "quarantined": sum(bool(e) and e.startswith("quarantined") for e in errors),
        "shards_repeated": repeated,
        "under_way": under_way,
        "processes_left": sum(map(_lives, pids)) + _ray_processes(),
    }


@contextmanager
def _log(folder: Path, name: str) -> Iterator[Path]:
    log = folder / f"{name}.log"
    log.unlink(missing_ok=True)
    log.touch()
    yield log


def _shards(log: Path, rows: int) -> dict[int, Counter[int]]:
    """How often each sticker was measured, by shard."""
    found: dict[int, Counter[int]] = {}
    for line in log.read_text().splitlines():
        number = int(line.split()[0])
        found.setdefault(number // rows, Counter())[number] += 1
    return found


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _ray_processes() -> int:
    """Processes of Ray whose driver is gone."""
    names = ("raylet", "gcs_server")
    return sum(p.info["name"] in names and p.ppid() == 1 for p in psutil.process_iter(["name"]))


def _command(
    folder: Path, workspace: Path, executor: str, command: str, rows: int, log: Path | None = None
) -> subprocess.Popen[bytes]:
    source = [{"source": "folder", "options": {"path": str(folder / "stickers")}}]
    settings = {
        "crawl.sources": json.dumps(source),
        "crawl.shard_rows": str(rows),
        "filter.measures": '["poison"]',
        "engine.executor": executor,
        "engine.row_timeout_s": "8",
        "engine.memory_mb": "900",
    }
    sets = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    path = os.pathsep.join([str(folder / "plugin"), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path, "POISON_LOG": str(log)}
    program = [sys.executable, "-m", "stickerworks", command, "--workspace", str(workspace), *sets]
    return subprocess.Popen(program, env=environment)


if __name__ == "__main__":
    main()
