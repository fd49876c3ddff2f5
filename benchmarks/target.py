"""What answers to a question teach: a baseline beside its shuffled control and the majority class.

    python benchmarks/target.py RELEASE [--target emotion] [--baseline mghft] [--preset tiny]
                                [--seeds 0 1 2] [--epochs N] [--split test]

RELEASE is a release with questions, such as the demo's. Every seed trains two runs: on the release,
and on a copy whose labels and texts are shuffled. Accuracy and macro F1 are those on the split; the
majority is train's commonest answer. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from statistics import mean

from pipeline.training.examples import Dataset
from pipeline.training.runs import TrainRequest, open_run, train_run
from pipeline.training.trainer import evaluate

FIGURES = ("accuracy", "macro F1")


def main() -> None:
    """Train all runs, print a line of each, and the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("release", type=Path)
    parser.add_argument("--target", default="emotion")
    parser.add_argument("--baseline", default="mghft")
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--split", default="test")
    given = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {"real": [], "control": []}
    with tempfile.TemporaryDirectory() as folder:
        for seed in given.seeds:
            for name, runs in found.items():
                figures = run(given, Path(folder, f"{name}-{seed}"), seed, name == "control")
                runs.append(figures)
                told = ", ".join(f"{figure} {value:.3f}" for figure, value in figures.items())
                print(f"seed {seed}, {name}: {told}")
    summary = {
        f"{name} {figure}": round(mean(one[figure] for one in runs), 4)
        for name, runs in found.items()
        for figure in FIGURES
    }
    first = found["real"][0]
    summary |= {f"majority {name}": round(first[f"majority {name}"], 4) for name in FIGURES}
    print(json.dumps({**summary, "rows": first["rows"], "cpu_s": round(sum(os.times()[:4]))}))


def run(given: argparse.Namespace, output: Path, seed: int, shuffled: bool) -> dict[str, float]:
    """Figures of one run on the split."""
    request = TrainRequest(
        given.baseline,
        given.release,
        output,
        given.preset,
        given.epochs,
        seed,
        shuffled=shuffled,
        target=given.target,
    )
    train_run(request, lambda line: None, lambda done, steps, rows: None)
    baseline, recipe, trained = open_run(output)
    dataset = Dataset(given.release, target=recipe.target)
    figures = evaluate(baseline, trained, dataset, given.split).figures
    wanted = (*FIGURES, *(f"majority {name}" for name in FIGURES), "rows")
    return {name: figures[name] for name in wanted}


if __name__ == "__main__":
    main()
