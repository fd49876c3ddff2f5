"""A batch for the tiny preset."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from pipeline.training.tagger import Inputs


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Models as small as these lose more by waiting for a second thread than it takes over."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def inputs() -> Inputs:
    """Three images of 64 pixels, with four text features of 32 figures each."""
    random = torch.Generator().manual_seed(0)
    return Inputs(
        torch.rand(3, 3, 64, 64, generator=random), torch.randn(3, 4, 32, generator=random)
    )


@pytest.fixture
def truth() -> torch.Tensor:
    """One, two and three of five tags."""
    return torch.tensor([[1.0, 0, 0, 0, 0], [0, 1, 1, 0, 0], [1, 0, 1, 0, 1]])
