"""Weights from outside: released MGHFT checkpoints and PVT-small's, by path or by hub name."""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from pipeline.baselines.mghft.backbone import as_grid
from pipeline.baselines.mghft.config import MghftConfig
from pipeline.baselines.mghft.model import Mghft
from pipeline.baselines.mghft.names import UNUSED, our_name, our_name_of_pvt
from pipeline.engine.errors import StickerworksError
from pipeline.engine.extras import need_extra
from pipeline.training.pretrained import load_pretrained

_DAMAGED = (pickle.UnpicklingError, SafetensorError, RuntimeError, EOFError, OSError, ValueError)
_RELEASED: Mapping[str, Any] = {"views": "concat", "pool": "all", "stage4_text": "stale"}
_PVT_SMALL = "https://github.com/whai362/PVT (v2/classification, pvt_small.pth)"


def follow_checkpoint(settings: MghftConfig) -> tuple[MghftConfig, tuple[str, ...]]:
    """Settings with the released code's switches where training starts from its weights.

    Also notes for people. Weights of the released code are told by their tensors' names, as
    ``load_start`` tells them. Raises StickerworksError when the file can't be read.
    """
    name = settings.pretrained
    if name is None or not settings.follow_checkpoint or _is_hub(Path(name)):
        return settings, ()
    if not _is_released(_read(Path(name))):
        return settings, ()
    adopted = ", ".join(f"{switch} {value}" for switch, value in _RELEASED.items())
    note = f"{name} was trained by MGHFT's released code, so as there: {adopted}"
    return replace(settings, **_RELEASED), (f"{note} (--with follow_checkpoint=false for yours)",)


def load_start(model: Mghft, name: str) -> None:
    """Fill a model with what training starts from, told by its tensors' names.

    ``name`` is a file of the released MGHFT (all of it, but for a head of other classes) or of
    PVT-small (the backbone), or a folder or hub name of a PVT in transformers' form (the
    backbone). Raises StickerworksError when it can't be had or doesn't fit.
    """
    path = Path(name)
    fill_start(model, _from_transformers(name) if _is_hub(path) else _read(path), name)


def fill_start(model: Mghft, state: Mapping[str, Any], label: str) -> None:
    """Fill a model from named tensors as ``load_start`` does; when they don't fit it is as before.

    The CLS of stages 1 to 3, which PVT-small lacks, stay random, and positions are resampled when
    the model was made for another grid. ``label`` names the tensors in errors.
    """
    if _is_released(state):
        weights = _translate(state, "", label)
        if weights.get("head.bias", model.head.bias).shape != model.head.bias.shape:
            # A head of other classes is of no use; ours begins anew.
            weights |= {f"head.{part}": v for part, v in model.head.state_dict().items()}
        _fill(model, weights, set(model.state_dict()), label)
    elif any("encoder.patch_embeddings." in key for key in state):
        _fill_backbone(model, _translate_pvt(state, label), label)
    else:
        _fill_backbone(model, _translate(state, "vision_model.", label), label)


def _is_released(state: Mapping[str, Any]) -> bool:
    return any("vision_model." in key for key in state)


def _is_hub(path: Path) -> bool:
    """Whether a name is a folder's or the hub's; what looks like a file's is a file's."""
    return not path.is_file() and path.suffix not in (".pth", ".pt", ".bin", ".safetensors")


def _from_transformers(name: str) -> Mapping[str, Tensor]:
    transformers = need_extra("transformers", "baselines", "MGHFT")

    def load(name: str) -> Any:
        return transformers.AutoModel.from_pretrained(name, output_loading_info=True)

    model, found = load_pretrained(load, name)
    if found["missing_keys"]:
        raise StickerworksError(
            f"{name!r} lacks {len(found['missing_keys'])} tensors of its own model.",
            "Download it again, or name another backbone.",
        )
    state: Mapping[str, Tensor] = model.state_dict()
    return state


def _read(source: Path) -> Mapping[str, Any]:
    try:
        content = _load_file(source)
    except FileNotFoundError as error:
        raise StickerworksError(
            f"There are no weights at {source}.", f"Name the file; PVT-small is at {_PVT_SMALL}."
        ) from error
    except _DAMAGED as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StickerworksError(
            f"{source} can't be read as PyTorch weights: {reason}.",
            "Give the checkpoint as its authors published it; files that run code are refused.",
        ) from error
    state = content.get("model", content) if isinstance(content, dict) else content
    if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
        raise StickerworksError(f"{source} holds no named weights.", "Give another checkpoint.")
    return state


def _load_file(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return load_file(path)
    # Released checkpoints also hold the run's arguments, a plain record.
    with torch.serialization.safe_globals([argparse.Namespace]):
        return torch.load(path, map_location="cpu", weights_only=True)


def _translate(state: Mapping[str, Any], prefix: str, label: str) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    for name, value in state.items():
        released = prefix + name.removeprefix("module.")
        if UNUSED.fullmatch(released):
            continue
        ours = our_name(released)
        if ours is None or not isinstance(value, Tensor):
            raise _unknown(name, label)
        weights[ours] = value
    return weights


def _translate_pvt(state: Mapping[str, Any], label: str) -> dict[str, Tensor]:
    parts: dict[str, dict[int, Tensor]] = {}
    for name, value in state.items():
        found = our_name_of_pvt(name)
        if found is not None and isinstance(value, Tensor):
            parts.setdefault(found[0], {})[found[1]] = value
        elif not name.startswith("classifier."):
            raise _unknown(name, label)
    return {ours: torch.cat([some[n] for n in sorted(some)]) for ours, some in parts.items()}


def _unknown(name: str, label: str) -> StickerworksError:
    return StickerworksError(
        f"{label} holds {name!r}, which MGHFT doesn't have.",
        "Give a checkpoint of the released MGHFT, or of PVT-small.",
    )


def _fill_backbone(model: Mghft, weights: dict[str, Tensor], label: str) -> None:
    own = model.state_dict()
    weights = {
        name: _resample(value, own[name].shape[1])
        if name.endswith(".position") and name in own
        else value
        for name, value in weights.items()
    }
    new = {f"backbone.stages.{stage}.cls" for stage in range(3)}
    needed = {name for name in own if name.startswith("backbone.")} - new
    _fill(model, weights, needed | {"norm.weight", "norm.bias"}, label)


def _fill(model: Mghft, weights: dict[str, Tensor], needed: set[str], label: str) -> None:
    own = model.state_dict()
    missing = sorted(needed - set(weights))
    if missing:
        raise StickerworksError(
            f"{label} lacks {len(missing)} tensors, first {missing[0]}.",
            "Give a whole checkpoint, or change the depths to those it was trained with.",
        )
    for name, value in sorted(weights.items()):
        if name not in own or own[name].shape != value.shape:
            wanted = tuple(own[name].shape) if name in own else "none"
            raise StickerworksError(
                f"{name} has shape {tuple(value.shape)} in {label}; here it is {wanted}.",
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
