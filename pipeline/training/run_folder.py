"""The folder of a run: its recipe, who may write into it, and what stands there already."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.locks import locked
from pipeline.training.checkpointer import CHECKPOINT, CURVES, LOG, POINTS, SAMPLES
from pipeline.training.estimators import ESTIMATOR, WEIGHTS

RECIPE = "run.json"
_OURS = (RECIPE, LOG, CHECKPOINT, WEIGHTS, ESTIMATOR, CURVES, POINTS)


@dataclass(frozen=True)
class Recipe:
    """All that decides a run, as ``run.json`` holds it; only ``release`` may move."""

    baseline: str
    preset: str
    settings: dict[str, Any]
    seed: int
    facts: dict[str, Any]
    release: str
    shuffled: bool = False
    processes: int = 1
    domain: str | None = None
    target: str | None = None


def open_folder(folder: Path, recipe: Recipe, fresh: bool) -> None:
    """Make a folder the run's own, or see that it is; raises StickerworksError if it isn't."""
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if names and RECIPE not in names:
        raise StickerworksError(
            f"{folder} is no run: it holds {names[0]}.", "Name a new folder with --output."
        )
    # Of a run that was killed while writing; the short names are those of safetensors.
    for pattern in (".tmp??????", *(f".{name}.*.tmp" for name in _OURS)):
        for left in folder.glob(pattern):
            left.unlink()
    earlier = None if fresh else read_recipe(folder)
    if earlier is not None:
        _check_same(folder, earlier, recipe)
    if fresh:
        shutil.rmtree(folder / SAMPLES, ignore_errors=True)
        # The recipe last: without it the folder would look like someone else's.
        for name in reversed(_OURS):
            (folder / name).unlink(missing_ok=True)
    with atomic_file(folder / RECIPE) as temporary:
        temporary.write_text(
            json.dumps(asdict(recipe), ensure_ascii=False, indent=1), encoding="utf-8"
        )


def _check_same(folder: Path, earlier: Recipe, recipe: Recipe) -> None:
    # Through JSON, as the earlier one came: tuples are lists there.
    wanted = json.loads(json.dumps(asdict(recipe)))
    if earlier.baseline != recipe.baseline:
        difference = f"of the baseline {earlier.baseline}, not {recipe.baseline}"
    elif earlier.domain != recipe.domain:
        names = [one or "every domain" for one in (earlier.domain, recipe.domain)]
        difference = f"on {names[0]}, not {names[1]}"
    elif earlier.target != recipe.target:
        names = [f"answers to {one}" if one else "tags" for one in (earlier.target, recipe.target)]
        difference = f"of {names[0]}, not {names[1]}"
    elif earlier.facts != wanted["facts"]:
        difference = "on other data"
    else:
        # A step of several processes is another step, so the count belongs to the run.
        pairs = {
            name: (getattr(earlier, name), getattr(recipe, name))
            for name in ("preset", "seed", "processes")
        }
        pairs |= {
            name: (earlier.settings.get(name), value) for name, value in wanted["settings"].items()
        }
        differing = [f"{name} {a}, not {b}" for name, (a, b) in pairs.items() if a != b]
        if not differing:
            return
        difference = f"with {'; '.join(differing)}"
    raise StickerworksError(
        f"{folder} holds a run {difference}.",
        "Name another folder with --output, or start over with --fresh.",
    )


def read_recipe(folder: Path) -> Recipe | None:
    """The recipe in a folder; None where there is none."""
    try:
        return Recipe(**json.loads((folder / RECIPE).read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError) as error:
        raise StickerworksError(
            f"{folder / RECIPE} is damaged: {error}.", "Train again with --fresh."
        ) from error


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Make a folder and keep other runs out of it."""
    with disk_errors(folder):
        if folder.exists() and not folder.is_dir():
            raise StickerworksError(f"{folder} is no folder.", "Name one with --output.")
        folder.mkdir(parents=True, exist_ok=True)
    busy = StickerworksError(
        f"Another `stickerworks train` is at work in {folder}.",
        "Wait for it to end, or name another folder with --output.",
    )
    with locked(folder, lambda descriptor: busy):
        yield
