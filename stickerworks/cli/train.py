"""The commands that train a baseline and judge a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape

from pipeline.engine.compute import reproducible, use_device
from pipeline.engine.errors import StickerworksError
from pipeline.engine.figures import is_share, tell, title_of
from pipeline.engine.text import plain
from pipeline.training.checkpointer import CURVES
from pipeline.training.contract import Evaluation
from pipeline.training.estimators import ESTIMATOR, WEIGHTS
from pipeline.training.examples import Dataset
from pipeline.training.processes import is_first
from pipeline.training.runs import TrainRequest, open_run, train_run
from pipeline.training.trainer import evaluate
from stickerworks.cli.display import make_console, make_display, tell_json
from stickerworks.cli.options import CommandOptions
from stickerworks.cli.session import EXIT_DONE
from stickerworks.cli.tables import comparison, metric_lines


def train_command(options: CommandOptions, request: TrainRequest) -> int:
    """Start or continue a run."""
    console = make_console()
    if options.dry_run:
        console.print(
            escape(f"  train        would train {request.baseline} into {request.output}")
        )
        return EXIT_DONE
    display = make_display(console)
    started = False

    def show(done: int, steps: int, rows: int) -> None:
        nonlocal started
        if not started:
            display.start("train", rows)
            started = True
        display.progress(rows * done // steps)

    try:
        curve = train_run(request, lambda line: console.print(escape(f"  {plain(line)}")), show)
    finally:
        display.stop()
    if not is_first():
        return EXIT_DONE
    for last in curve[-1:]:
        # Losses first, beside each other.
        ordered = sorted(last.metrics.items(), key=lambda item: "loss" not in item[0])
        figures = (
            f"{title_of(name)} {tell(value, is_share(name, [value]))}" for name, value in ordered
        )
        told = ", ".join((f"training loss {last.loss:.4g}", *figures))
        console.print(escape(f"  train        epoch {last.epoch}: {told}"))
    kept = f"{WEIGHTS}, {CURVES}" if curve else ESTIMATOR
    console.print(escape(f"  train        {request.output}: {kept}"))
    if options.json:
        answer("train", {"run": str(request.output), "curve": [asdict(point) for point in curve]})
    return EXIT_DONE


def evaluate_command(
    options: CommandOptions,
    folders: Sequence[Path],
    release: Path | None,
    split: str,
    domain: str | None = None,
    device: str | None = None,
) -> int:
    """Print a run's metrics on a split, or those of several runs side by side.

    ``domain`` is the run's own unless named; ``all`` takes every row.
    """
    found = {str(folder): _evaluate(folder, release, split, domain, device) for folder in folders}
    if options.json and len(found) == 1:
        ((run, one),) = found.items()
        answer("evaluate", {"run": run, "split": split, **asdict(one)})
    elif options.json:
        runs = [{"run": run, **asdict(one)} for run, one in found.items()]
        answer("evaluate", {"split": split, "runs": runs})
    elif len(found) == 1:
        _print(next(iter(found.values())))
    else:
        tables = {run: one.rows for run, one in found.items()}
        for line in comparison(tables, {run: one.figures for run, one in found.items()}):
            print(plain(line))
        for run, one in found.items():
            for note in one.notes:
                print(plain(f"note: {run}: {note}"))
    return EXIT_DONE


def _evaluate(
    folder: Path, release: Path | None, split: str, domain: str | None, device: str | None
) -> Evaluation:
    baseline, recipe, trained = open_run(folder)
    named = recipe.domain if domain is None else domain
    wanted = None if named == "all" else named
    dataset = Dataset(release or Path(recipe.release), domain=wanted, target=recipe.target)
    with use_device(device), reproducible(recipe.seed):
        return evaluate(baseline, trained, dataset, split)


def split_changes(changes: Sequence[str]) -> dict[str, str]:
    """Settings by name from ``NAME=VALUE``; raises StickerworksError for another form."""
    for change in changes:
        if "=" not in change:
            raise StickerworksError(f"--with {change} has no '='.", "Write --with NAME=VALUE.")
    return {change.partition("=")[0]: change.partition("=")[2] for change in changes}


def _print(found: Evaluation) -> None:
    for line in metric_lines(found.rows):
        print(plain(line))
    for name, value in found.figures.items():
        count = isinstance(value, int)
        print(f"{name}: {value:,}" if count else f"{name}: {tell(value, is_share(name, [value]))}")
    for note in found.notes:
        print(f"note: {plain(note)}")


def answer(command: str, facts: dict[str, Any], code: int = EXIT_DONE) -> None:
    """Print what a command found as one JSON object."""
    found = {"command": command, "exit_code": code, **_without_nan(facts)}
    tell_json(found)


def _without_nan(value: Any) -> Any:
    # JSON has neither NaN nor infinity; a figure that doesn't exist is null there.
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
