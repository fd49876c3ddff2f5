"""The commands that train a baseline, judge a run and use it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape

from pipeline.baselines.contract import Evaluation, UnreadableImageError
from pipeline.baselines.runs import Wish, open_run, train_run
from pipeline.baselines.training import reproducible
from pipeline.cli.display import make_console, make_display
from pipeline.cli.session import EXIT_DONE, Options
from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import atomic_file


def train_command(options: Options, wish: Wish) -> int:
    """Start or continue a run."""
    console = make_console()
    if options.dry_run:
        console.print(escape(f"  train        would train {wish.baseline} into {wish.output}"))
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
        curve = train_run(wish, lambda line: console.print(escape(f"  {line}")), show)
    finally:
        display.stop()
    last = curve[-1]
    figures = ", ".join(f"{name} {value:.3f}" for name, value in last.metrics.items())
    console.print(
        escape(f"  train        epoch {last.epoch}: loss {last.loss:.4f}, validation {figures}")
    )
    console.print(escape(f"  train        {wish.output}: model.safetensors, curves.png"))
    if options.json:
        _answer("train", {"run": str(wish.output), "curve": [asdict(point) for point in curve]})
    return EXIT_DONE


def evaluate_command(options: Options, folder: Path, release: Path | None, split: str) -> int:
    """Print a run's metrics on a split."""
    baseline, recipe, trained = open_run(folder)
    if baseline.evaluate is None:
        raise StickerworksError(f"The baseline {baseline.name} can't be evaluated.")
    with reproducible(recipe.seed):
        found = baseline.evaluate(trained, release or Path(recipe.release), split)
    if options.json:
        _answer("evaluate", {"run": str(folder), "split": split, **asdict(found)})
    else:
        _print(found)
    return EXIT_DONE


def predict_command(
    options: Options, folder: Path, images: Sequence[Path], top: int, sheet: Path
) -> int:
    """Print tags of new stickers and draw them on a sheet."""
    from pipeline.baselines.pictures import draw_sheet

    baseline, recipe, trained = open_run(folder)
    if baseline.predict is None:
        raise StickerworksError(f"The baseline {baseline.name} can't predict tags.")
    data = [_read(path) for path in images]
    if options.dry_run:
        make_console().print(escape(f"  predict      would write {sheet}"))
        return EXIT_DONE
    try:
        with reproducible(recipe.seed):
            predictions = baseline.predict(trained, data)
    except UnreadableImageError as error:
        raise StickerworksError(
            f"{_plain(str(images[error.number]))} can't be decoded: {_plain(error.reason)[:200]}.",
            "Give a GIF, PNG, JPEG, WebP or BMP.",
        ) from error
    names = [_plain(path.name) for path in images]
    with atomic_file(sheet) as temporary:
        draw_sheet(temporary, names, data, predictions)
    shown = [prediction[:top] for prediction in predictions]
    if options.json:
        files = [
            {"file": str(path), "tags": [{"tag": tag, "score": score} for tag, score in tags]}
            for path, tags in zip(images, shown, strict=True)
        ]
        _answer("predict", {"run": str(folder), "sheet": str(sheet), "images": files})
        return EXIT_DONE
    for name, tags in zip(names, shown, strict=True):
        print(f"{name}: {', '.join(f'{_plain(tag)} {score:.3f}' for tag, score in tags)}")
    make_console().print(escape(f"  sheet        {sheet}"))
    return EXIT_DONE


def _print(found: Evaluation) -> None:
    titles = list(next(iter(found.rows.values()), {}))
    print(" " * 12 + "".join(f"{title:>8}" for title in titles))
    for name, metrics in found.rows.items():
        print(f"{name:<12}" + "".join(f"{metrics[title]:>8.4f}" for title in titles))
    for name, value in found.figures.items():
        print(f"{name}: {value:,}" if isinstance(value, int) else f"{name}: {value:.4f}")
    for note in found.notes:
        print(f"note: {note}")


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise StickerworksError(f"There is no file {_plain(str(path))}.", "Name an image.")
    return path.read_bytes()


def _plain(text: str) -> str:
    # Control characters in a name could rewrite the terminal.
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _answer(command: str, facts: dict[str, Any]) -> None:
    answer = {"command": command, "exit_code": EXIT_DONE, **_without_nan(facts)}
    print(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))


def _without_nan(value: Any) -> Any:
    # JSON has no NaN; a figure that doesn't exist is null there.
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value
