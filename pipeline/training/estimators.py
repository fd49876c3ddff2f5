"""Fitted models in a run's folder: weights of a torch model, or a whole scikit-learn one."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.compute import default_device
from pipeline.engine.errors import StickerworksError
from pipeline.training.checkpoint import load_weights
from pipeline.training.contract import Builds, Learner, Trained, Trusts

WEIGHTS, ESTIMATOR = "model.safetensors", "model.skops"


def model_file(baseline: Learner[Any, Any], folder: Path) -> Path:
    """Where a run keeps the model of a baseline."""
    return folder / (WEIGHTS if isinstance(baseline, Builds) else ESTIMATOR)


def save_estimator(baseline: Learner[Any, Any], model: Any, path: Path) -> None:
    """Write a fitted estimator, visible only when complete; no pickle.

    Raises StickerworksError when it holds what could not be read again without running code that
    a file may name.
    """
    from skops.io import dump, get_untrusted_types

    with atomic_file(path) as temporary:
        dump(model, temporary)
        foreign = sorted(set(get_untrusted_types(file=temporary)) - _trusted(baseline))
        if foreign:
            raise StickerworksError(
                f"The model of the baseline {baseline.name} can't be kept: it holds {foreign[0]}.",
                "Make it of scikit-learn's estimators and arrays, or list that type in the "
                "baseline's `trusted`.",
            )


def load_model(baseline: Learner[Any, Any], run: Trained) -> Any:
    """A run's model, a torch one on the device that computes; StickerworksError if damaged."""
    if isinstance(baseline, Builds):
        model = baseline.build(run.settings, len(run.facts.get("tags", ())), False)
        load_weights(run.weights, model)
        return model.to(default_device()).eval()
    from skops.io import load

    try:
        return load(run.weights, trusted=sorted(_trusted(baseline)))
    # What a file may hold that is cut off, or that names other types (a TypeError of skops).
    except (zipfile.BadZipFile, OSError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise StickerworksError(
            f"{run.weights} is damaged or of another model: {reason}.",
            "Train again with --fresh, or name another run.",
        ) from error


def _trusted(baseline: Learner[Any, Any]) -> set[str]:
    return set(baseline.trusted) if isinstance(baseline, Trusts) else set()
