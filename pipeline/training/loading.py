"""Batches drawn ahead by processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

Batch = tuple[Tensor, ...]


def load_batches(
    draw: Callable[[int], Batch], numbers: Sequence[int], device: str, workers: int
) -> Iterator[Batch]:
    """Batches by number, drawn ahead by that many processes; the same whatever their number."""
    if not workers:
        yield from map(draw, numbers)
        return
    yield from DataLoader(
        _Numbered(draw),
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        multiprocessing_context="fork",
        pin_memory=device.startswith("cuda"),
        # Its own: a loader draws a seed when it starts, and a resumed run starts one more.
        generator=torch.Generator(),
    )


def default_workers(device: str) -> int:
    """Processes that draw batches: on a CPU none, which would only take it from the model."""
    return min(12, max(1, (os.cpu_count() or 1) - 1)) if device.startswith("cuda") else 0


class _Numbered(Dataset[Batch]):
    def __init__(self, draw: Callable[[int], Batch]) -> None:
        self._draw = draw

    def __getitem__(self, number: int) -> Batch:
        return self._draw(number)
