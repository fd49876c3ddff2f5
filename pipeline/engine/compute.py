"""What torch computes on, and how it gives the same bits twice."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipeline.engine.errors import StickerworksError
from schemas.config import Config


def default_device() -> str:
    """The device that ``use_device`` chose, else a GPU where there is one, else the CPU.

    "cuda" is this process's own GPU, if several train together.
    """
    import torch

    return _CHOSEN.get() or ("cuda" if torch.cuda.is_available() else "cpu")


def one_fills_gpu(config: Config) -> bool:
    """Whether a model runs on this machine's GPU: one process fills it, more would only wait."""
    return config.engine.executor == "local" and default_device() == "cuda"


@contextmanager
def use_device(name: str | None) -> Iterator[None]:
    """Compute on a device by its name, such as cpu, cuda or cuda:1 [a GPU where there is one].

    Raises StickerworksError when there is no such device.
    """
    if name is not None:
        import torch

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


_FULL = (
    "out of memory",
    "failed to allocate",
    "bad allocation",
    "alloc_failed",
    "bfcarena",
    "bfc_arena",
    "cudaerrormemoryallocation",
)
"""How torch, onnxruntime, CUDA and cuDNN say it."""


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an engine's exception says that its device's memory doesn't suffice."""
    if error is None or isinstance(error, OSError):
        return False
    said = str(error).lower()
    return type(error).__name__ == "OutOfMemoryError" or any(words in said for words in _FULL)


def compute_in_float32() -> None:
    """Let a GPU multiply in float32, and not in TF32's ten bits: a value stays what a CPU gives."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Seed python, numpy and torch, and compute on one thread, then restore what was before.

    Sums over threads depend on how many there are; on one, a machine always gives the same bits.
    On CUDA, operations without a deterministic form only warn.
    """
    import torch

    threads, strict = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    # cuBLAS asks for it before it promises the same bits twice.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with torch.random.fork_rng(), threadpool_limits(limits=1, user_api="blas"), seeded((seed,)):
        try:
            torch.set_num_threads(1)
            # `use_deterministic_algorithms` would import the compiler, which takes a second.
            torch.set_deterministic_debug_mode("warn" if torch.cuda.is_available() else "error")
            torch.manual_seed(seed)
            yield
        finally:
            torch.set_num_threads(threads)
            torch.set_deterministic_debug_mode(strict)


@contextmanager
def seeded(key: tuple[int, ...]) -> Iterator[None]:
    """Seed python, numpy and torch's CPU by ``key``, then restore what was before."""
    import torch

    seed = int(np.random.SeedSequence(key).generate_state(1)[0])
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        random.seed(seed)
        np.random.seed(seed)
        torch.default_generator.manual_seed(seed)
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
