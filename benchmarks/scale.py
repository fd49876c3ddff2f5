"""How far one machine goes: every step over 10,000, 100,000 and a million synthetic stickers.

    python benchmarks/scale.py [--sizes 10000,100000,1000000] [--decide 2500000]

Each step is a process of its own and runs through the real runner, over tables that the steps
before it left. What can't be run a million times here (text recognition, people's votes) is made
up by the generator, with proofs that the runner takes as current. Printed are seconds, seconds of
processor time with the workers', rows a second and the driver's peak of resident memory.

``growth_exponent`` is the slope of processor seconds over rows on logarithmic axes, after taking
off what a single shard takes: 1 is linear. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from synthetic.chain import CHAIN, GROUPS, MEASURED, prepare

Costs = dict[str, dict[str, float]]
"""Seconds, processor seconds, rows and megabytes of each step."""

_SHARD = 1000


def main() -> None:
    """Measure every size, and print tables and figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10000,100000,1000000", help="stickers, by commas")
    parser.add_argument("--decide", type=int, default=2_500_000, help="stickers decided again")
    parser.add_argument("--speedup", type=int, default=20_000, help="stickers of the speedup")
    parser.add_argument("--folder", type=Path, help="where to work [a temporary folder]")
    parser.add_argument("--no-media", action="store_true", help="make signals up as well")
    parser.add_argument("--link", choices=[*CHAIN, GROUPS], help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.link:
        _measure(arguments)
        return
    sizes = [int(size) for size in arguments.sizes.split(",")]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        figures = _figures(arguments, sizes, Path(folder))
    print(json.dumps({"benchmark": "scale", "figures": figures}))


def _figures(arguments: argparse.Namespace, sizes: list[int], folder: Path) -> dict[str, Any]:
    costs = {rows: _chain(arguments, rows, folder / str(rows)) for rows in (_SHARD, *sizes)}
    least = costs.pop(_SHARD)
    figures: dict[str, Any] = {}
    if len(sizes) > 1:
        slopes = {step: _slope(step, costs, least) for step in MEASURED if step in least}
        figures["growth_exponent"] = _slope(None, costs, least)
        figures["growth_exponents"] = slopes
    largest = costs[max(sizes)]
    figures |= {
        "rows": max(sizes),
        "minutes": round(sum(cost["seconds"] for cost in largest.values()) / 60, 2),
        "driver_gib": round(max(cost["driver_mib"] for cost in largest.values()) / 1024, 2),
        "rows_per_s": {step: round(cost["rows_per_s"]) for step, cost in largest.items()},
        "driver_mib": {step: round(cost["driver_mib"]) for step, cost in largest.items()},
    }
    if arguments.speedup and not arguments.no_media:
        figures |= _speedup(arguments.speedup, folder / "speedup")
    if arguments.decide:
        figures |= _decide(arguments.decide, folder / "decide")
    return figures


def _chain(arguments: argparse.Namespace, rows: int, folder: Path) -> Costs:
    """Run every step on a collection of that size and print what each took."""
    if rows > _SHARD:
        print(f"\n{rows:,} stickers\n{'':<14}{'s':>9}{'cpu s':>9}{'rows/s':>11}{'driver MiB':>12}")
    costs: Costs = {}
    for step in CHAIN:
        if arguments.no_media and step in ("media", "signals"):
            continue
        if not arguments.no_media and step in ("crawl", "made_signals"):
            continue
        cost = _spawn(step, rows, folder)
        if rows > _SHARD:
            print(
                f"{step:<14}{cost['seconds']:>9.2f}{cost['cpu_s']:>9.2f}"
                f"{cost['rows_per_s']:>11,.0f}{cost['driver_mib']:>12,.0f}"
                + ("" if step in MEASURED else "  (generator)"),
                flush=True,
            )
        if step in MEASURED:
            costs[step] = cost
    shutil.rmtree(folder)
    return costs


def _spawn(link: str, rows: int, folder: Path, workers: int = 0) -> dict[str, float]:
    command = [sys.executable, __file__, "--link", link, "--rows", str(rows)]
    command += ["--folder", str(folder), "--workers", str(workers)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _measure(arguments: argparse.Namespace) -> None:
    work = prepare(arguments.link, arguments.folder, arguments.rows, arguments.workers)
    before, started = _cpu_s(), time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    known = {
        "seconds": seconds,
        "cpu_s": _cpu_s() - before,
        "rows_per_s": arguments.rows / seconds,
        "driver_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(known))


def _cpu_s() -> float:
    """Seconds of processor time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _slope(step: str | None, costs: dict[int, Costs], least: Costs) -> float:
    """How processor seconds grow with rows (least squares on logarithmic axes)."""
    steps = MEASURED if step is None else (step,)
    points = []
    for rows, cost in costs.items():
        cpu = sum(cost[s]["cpu_s"] - least[s]["cpu_s"] for s in steps if s in cost)
        points.append((math.log(rows - _SHARD), math.log(max(cpu, 0.01))))
    mean_x, mean_y = (sum(axis) / len(points) for axis in zip(*points, strict=True))
    rise = sum((x - mean_x) * (y - mean_y) for x, y in points)
    slope: float = rise / sum((x - mean_x) ** 2 for x, _ in points)
    return round(slope, 3)


def _speedup(rows: int, folder: Path) -> dict[str, float]:
    """How much sooner two workers measure signals than one: by turns, the best of three each."""
    _spawn("media", rows, folder)
    best = {1: math.inf, 2: math.inf}
    for _ in range(3):
        for workers in (1, 2):
            for table in ("signals", "frames", "measures"):
                shutil.rmtree(folder / "tables" / table, ignore_errors=True)
            seconds = _spawn("signals", rows, folder, workers)["seconds"]
            best[workers] = min(best[workers], seconds)
    shutil.rmtree(folder)
    return {"two_worker_speedup": round(best[1] / best[2], 2)}


def _decide(rows: int, folder: Path) -> dict[str, float]:
    """Change a threshold over the whole collection through the command, and time that."""
    for step in ("crawl", "made_signals", "screening", "texts", GROUPS):
        _spawn(step, rows, folder)
    first = _command(folder, "filter")
    again = _command(folder, "filter", "--set", "filter.rules.ocr_length.max=20")
    idle = _command(folder, "filter", "--set", "filter.rules.ocr_length.max=20")
    print(f"\n{rows:,} stickers decided in {first[0]:.1f} s, again in {again[0]:.1f} s and "
          f"{again[1]:.2f} GiB, found current in {idle[0]:.1f} s")  # fmt: skip
    shutil.rmtree(folder)
    return {"decide_rows": rows, "decide_2_5m_s": round(again[0], 2),
            "decide_2_5m_gib": round(again[1], 3), "decide_first_s": round(first[0], 2),
            "current_s": round(idle[0], 2)}  # fmt: skip


def _command(workspace: Path, *words: str) -> tuple[float, float]:
    """Seconds and peak gibibytes of a command as people give it."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "stickerworks", "--workspace", str(workspace), *words]
    process = subprocess.Popen(command, stdout=sys.stderr)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words)} ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - started, used.ru_maxrss / 2**20


if __name__ == "__main__":
    main()
