"""What MGHFT's token selection costs: a training step by vectors against one by N x N maps.

    python benchmarks/baselines.py [--sides 224 448] [--steps 3] [--threads 1]

Both run the same model (paper preset, random weights, batch 1, float32, AdamW); only the function
that ranks patches differs. Every measurement is a process of its own. A step is forward, loss,
backward and optimizer. Its time is the fastest after a warm-up step: on a CPU, seconds of processor
time, so that a busy machine changes it little. Memory is the peak resident size over that of the
model with its gradients and optimizer state, which both share, while malloc gives large blocks
back at once; on a GPU, torch's peak of allocated bytes over the same. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

_NAIVE = Path(__file__).parent.parent / "tests/pipeline/baselines/mghft/naive.py"


def main() -> None:
    """Measure both at each side, print a table and the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=[224, 448])
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--way", choices=["ours", "naive"], help=argparse.SUPPRESS)
    parser.add_argument("--measure", choices=["step_s", "memory_mb"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        print(_measure(arguments))
        return
    figures: dict[str, float] = {}
    for side in arguments.sides:
        for measure in ("step_s", "memory_mb"):
            for way in ("ours", "naive"):
                figures[f"mghft_{way}_{measure}_{side}"] = _spawn(arguments, side, way, measure)
        times, sizes = (
            [figures[f"mghft_{way}_{measure}_{side}"] for way in ("ours", "naive")]
            for measure in ("step_s", "memory_mb")
        )
        figures[f"mghft_step_speedup_{side}"] = times[1] / times[0]
        figures[f"mghft_memory_ratio_{side}"] = sizes[0] / sizes[1]
    for name, figure in figures.items():
        print(f"{name:<28} {figure:,.3f}")
    print(json.dumps({"benchmark": "baselines", "figures": figures}))


def _spawn(arguments: argparse.Namespace, side: int, way: str, measure: str) -> float:
    command = [sys.executable, __file__, "--way", way, "--measure", measure]
    command += ["--sides", str(side), "--steps", str(arguments.steps)]
    command += ["--threads", str(arguments.threads)]
    # Memory that malloc keeps for later would hide what a step needs; giving it back costs time.
    allocator = {"MALLOC_MMAP_THRESHOLD_": "65536"} if measure == "memory_mb" else {}
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **allocator}
    )
    return float(done.stdout.splitlines()[-1])


def _measure(arguments: argparse.Namespace) -> float:
    import torch

    from pipeline.baselines.mghft.config import PRESETS
    from pipeline.baselines.mghft.model import Mghft, total_loss
    from pipeline.baselines.mghft.tokens import cls_scores
    from pipeline.engine.compute import default_device

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    device = default_device()
    (side,) = arguments.sides
    config = replace(PRESETS["paper"], image_side=side)
    score = _naive_scores() if arguments.way == "naive" else cls_scores
    model = Mghft(config, score).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate)
    images = torch.randn(1, 3, side, side, device=device)
    text, labels = torch.randn(1, 4, config.text_dim, device=device), torch.tensor([1])

    def step() -> None:
        loss = total_loss(model(images, text), labels.to(device), config)
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()

    # Gradients and optimizer state exist before the baseline is taken.
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    before = _reset_peak(device)
    step()
    if arguments.measure == "memory_mb":
        return (_peak(device) - before) / 2**20
    clock = time.perf_counter if device == "cuda" else time.process_time
    times = []
    for _ in range(arguments.steps):
        started = clock()
        step()
        times.append(clock() - started)
    return min(times)


def _naive_scores() -> Any:
    spec = importlib.util.spec_from_file_location("naive", _NAIVE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.naive_scores


def _reset_peak(device: str) -> int:
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    # Writing 5 resets VmHWM to the present size (Linux).
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS")


def _peak(device: str) -> int:
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated()
    return _status("VmHWM")


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {field}; this measures on Linux alone")


if __name__ == "__main__":
    main()
