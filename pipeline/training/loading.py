"""Batches drawn ahead by processes, and the device that they go to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pipeline.engine.errors import StickerworksError

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


def default_device() -> str:
    """The device that ``use_device`` chose, else a GPU where there is one, else the CPU.

    "cuda" is this process's own GPU, if several train together.
    """
    return _CHOSEN.get() or ("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def use_device(name: str | None) -> Iterator[None]:
    """Compute on a device by its name, such as cpu, cuda or cuda:1 [a GPU where there is one].

    Raises StickerworksError when there is no such device.
    """
    if name is not None:
        try:
            torch.empty(0, device=name)
        # Torch says in each of these ways that a name or a device is none.
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            there = "cpu, cuda" if torch.cuda.is_available() else "cpu"
            raise StickerworksError(
                f"There is no device {name!r} here.", f"Name one with --device: {there}."
            ) from error
    before = _CHOSEN.set(name)
    try:
        yield
    finally:
        _CHOSEN.reset(before)


_CHOSEN: ContextVar[str | None] = ContextVar("device", default=None)


def default_workers(device: str) -> int:
    """Processes that draw batches: on a CPU none, which would only take it from the model."""
    return min(12, max(1, (os.cpu_count() or 1) - 1)) if device.startswith("cuda") else 0


class _Numbered(Dataset[Batch]):
    def __init__(self, draw: Callable[[int], Batch]) -> None:
        self._draw = draw

    def __getitem__(self, number: int) -> Batch:
        return self._draw(number)
