"""Chance and threads of what has to give the same bits twice."""

from __future__ import annotations

import random

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from pipeline.engine.compute import reproducible

torch = pytest.importorskip("torch")


def _draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(1))


def _seed() -> None:
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)


def _threads() -> list[int]:
    pools = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return [torch.get_num_threads(), *pools]


def test_chance_is_the_seeds_and_what_was_before_comes_back() -> None:
    _seed()
    expected = _draw()
    _seed()
    drawn = []
    for seed in (1, 1, 2):
        with reproducible(seed):
            drawn.append(_draw())
    assert drawn[0] == drawn[1] != drawn[2]
    assert _draw() == expected


def test_it_computes_on_one_thread_until_it_fails() -> None:
    before, strict = _threads(), torch.are_deterministic_algorithms_enabled()

    def fail() -> None:
        with reproducible(0):
            assert set(_threads()) == {1}
            assert torch.are_deterministic_algorithms_enabled()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert _threads() == before
    assert torch.are_deterministic_algorithms_enabled() == strict
