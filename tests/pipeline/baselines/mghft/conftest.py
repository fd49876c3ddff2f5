"""Weights filled by rule, small models, and the naive chain of attention maps."""

from __future__ import annotations

import importlib.util
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def golden() -> dict[str, Any]:
    """What the released architecture gives in float64 for weights that are filled by rule."""
    content: dict[str, Any] = json.loads((HERE / "golden/mghft_224.json").read_text())
    return content


@pytest.fixture(scope="session")
def released_weights(golden: dict[str, Any]) -> dict[str, Tensor]:
    """The golden run's weights under their released names."""
    return {name: fill(name, shape) for name, shape in golden["parameters"]}


@pytest.fixture(scope="session")
def naive() -> ModuleType:
    """The N x N reference, which the benchmark uses too."""
    spec = importlib.util.spec_from_file_location("naive", HERE / "naive.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def one_thread() -> Any:
    """Sums over threads differ in their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def inputs() -> Callable[..., tuple[Tensor, Tensor]]:
    """Images and text features of a batch: ``inputs(rows, side)``."""

    def make(rows: int, side: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
        images = np.random.default_rng(0).standard_normal((rows, 3, side, side))
        text = np.random.default_rng(1).standard_normal((rows, 4, 768))
        return torch.tensor(images, dtype=dtype), torch.tensor(text, dtype=dtype)

    return make


def fill(name: str, shape: list[int]) -> Tensor:
    """A tensor of the golden run: normal numbers from its name's checksum, scaled by its kind."""
    z = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
    if len(shape) > 1:
        return torch.tensor(0.05 * z)
    is_norm_weight = len(shape) == 1 and "norm" in name and name.endswith("weight")
    return torch.tensor(1 + 0.1 * z if is_norm_weight else 0.1 * z)
