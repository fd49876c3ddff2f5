"""Weights from outside: released MGHFT checkpoints and PVT-small's, by local path."""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.baselines.mghft.backbone import as_grid
from pipeline.baselines.mghft.model import Mghft
from pipeline.baselines.mghft.names import UNUSED, our_name
from pipeline.engine.errors import StickerworksError

Source = Path | Mapping[str, Tensor]

_PVT_SMALL = "https://github.com/whai362/PVT (v2/classification, pvt_small.pth)"


def load_released(model: Mghft, source: Source) -> None:
    """Fill the whole model from a checkpoint of the released code (a path or a state dict).

    Raises StickerworksError when the file is none, or names or shapes don't fit; the model is
    then as before.
    """
    weights = _translate(_read(source), "", source)
    _fill(model, weights, set(model.state_dict()), source)


def load_pvt_small(model: Mghft, source: Source) -> None:
    """Fill the backbone from PVT-small's ImageNet weights; the CLS of stages 1 to 3 stay random.

    Positions are resampled when the model was made for another grid. Raises StickerworksError as
    ``load_released`` does.
    """
    weights = _translate(_read(source), "vision_model.", source)
    for name, ours in model.state_dict().items():
        if name.endswith(".position") and name in weights:
            weights[name] = _resample(weights[name], ours.shape[1])
    new = {f"backbone.stages.{stage}.cls" for stage in range(3)}
    needed = {name for name in model.state_dict() if name.startswith("backbone.")} - new
    _fill(model, weights, needed | {"norm.weight", "norm.bias"}, source)


def _read(source: Source) -> Mapping[str, Any]:
    if isinstance(source, Mapping):
        return source
    try:
        # Released checkpoints also hold the run's arguments, a plain record.
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(source, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise StickerworksError(
            f"There are no weights at {source}.", f"Name the file; PVT-small is at {_PVT_SMALL}."
        ) from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StickerworksError(
            f"{source} can't be read as PyTorch weights: {reason}.",
            "Give the checkpoint as its authors published it; files that run code are refused.",
        ) from error
    state = content.get("model", content) if isinstance(content, dict) else content
    if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
        raise StickerworksError(f"{source} holds no named weights.", "Give another checkpoint.")
    return state


def _translate(state: Mapping[str, Any], prefix: str, source: Source) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    for name, value in state.items():
        released = prefix + name.removeprefix("module.")
        if UNUSED.fullmatch(released):
            continue
        ours = our_name(released)
        if ours is None or not isinstance(value, Tensor):
            raise StickerworksError(
                f"{_label(source)} holds {name!r}, which MGHFT doesn't have.",
                "Give a checkpoint of the released MGHFT (for PVT-small use its own loader).",
            )
        weights[ours] = value
    return weights


def _fill(model: Mghft, weights: dict[str, Tensor], needed: set[str], source: Source) -> None:
    own = model.state_dict()
    missing = sorted(needed - set(weights))
    if missing:
        raise StickerworksError(
            f"{_label(source)} lacks {len(missing)} tensors, first {missing[0]}.",
            "Give a whole checkpoint, or change the depths to those it was trained with.",
        )
    for name, value in sorted(weights.items()):
        if name not in own or own[name].shape != value.shape:
            wanted = tuple(own[name].shape) if name in own else "none"
            raise StickerworksError(
                f"{name} has shape {tuple(value.shape)} in {_label(source)}; here it is {wanted}.",
                "Use the preset (image grid, alpha, classes) that the checkpoint was made with.",
            )
    model.load_state_dict(weights, strict=False)


def _resample(position: Tensor, count: int) -> Tensor:
    if position.ndim != 3 or position.shape[1] == count:
        return position
    own_cls = round(count**0.5) ** 2 != count
    first, grid = position[:, :own_cls], position[:, own_cls:]
    old, new = round(grid.shape[1] ** 0.5), round((count - own_cls) ** 0.5)
    if old * old != grid.shape[1]:
        return position
    square = as_grid(grid, (old, old))
    resized = functional.interpolate(square, (new, new), mode="bilinear")
    return torch.cat([first, resized.flatten(2).transpose(1, 2)], 1)


def _label(source: Source) -> str:
    return str(source) if isinstance(source, Path) else "The state dict"
