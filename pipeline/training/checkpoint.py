"""Checkpoints: weights, optimizer, random states and progress in one safetensors file."""

from __future__ import annotations

import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError
from pipeline.training.loop import LoopState, Point

# One key: safetensors doesn't write several in a fixed order.
_KEY = "stickerworks"


def save_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, progress: LoopState
) -> None:
    """Write all that continuing needs, visible only when complete; no pickle."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    tensors["random.torch"] = torch.get_rng_state()
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        for number, state in enumerate(torch.cuda.get_rng_state_all()):
            tensors[f"random.cuda.{number}"] = state
    name, keys, *rest = np.random.get_state()
    facts = {
        "progress": asdict(progress),
        "python": random.getstate(),
        "numpy": [name, np.asarray(keys).tolist(), *rest],
    }
    _write(path, tensors, facts)


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> LoopState | None:
    """Put model, optimizer and random states back; None when there is no checkpoint.

    Raises StickerworksError when the file is damaged or another model's.
    """
    if not path.exists():
        return None
    tensors, facts = _read(path)
    try:
        model.load_state_dict(_below(tensors, "model."))
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in _below(tensors, "optimizer.").items():
            index, _, name = key.partition(".")
            state.setdefault(int(index), {})[name] = value
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})
        version, numbers, gauss = facts["python"]
        random.setstate((version, tuple(numbers), gauss))
        np.random.set_state(tuple(facts["numpy"]))
        torch.set_rng_state(tensors["random.torch"])
        cuda = _below(tensors, "random.cuda.")
        if torch.cuda.is_available():
            for number in range(min(len(cuda), torch.cuda.device_count())):
                torch.cuda.set_rng_state(cuda[str(number)], number)
        progress = LoopState(**facts["progress"])
        progress.curve = [Point(**point) for point in facts["progress"]["curve"]]
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise _unfit(path, error) from error
    return progress


def save_weights(path: Path, model: nn.Module) -> None:
    """Write a model's weights alone, visible only when complete."""
    _write(path, dict(model.state_dict()), {})


def load_weights(path: Path, model: nn.Module) -> None:
    """Read weights into ``model``; raises StickerworksError when they aren't for it."""
    try:
        model.load_state_dict(_read(path)[0])
    except RuntimeError as error:
        raise _unfit(path, error) from error


def _write(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    # Clones, since safetensors refuses weights that share memory (tied ones).
    apart = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    with atomic_file(path) as temporary:
        save_file(apart, temporary, metadata={_KEY: json.dumps(facts)})
        temporary.chmod(0o644)  # safetensors makes files that only their owner reads


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            facts: dict[str, Any] = json.loads((file.metadata() or {})[_KEY])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise _unfit(path, error) from error
    return tensors, facts


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _unfit(path: Path, error: Exception) -> StickerworksError:
    reason = " ".join(str(error).split())[:200]
    return StickerworksError(
        f"{path} is damaged or of another model: {reason}.",
        "Train again with --fresh, or name another run.",
    )
