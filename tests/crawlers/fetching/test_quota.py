from __future__ import annotations

import asyncio
import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.fetching.quota import Quota


async def _crawl(outcomes: list[str | None], limit: int | None, seed: int) -> list[int]:
    """Positions admitted, with downloads that complete in an order of their own."""
    quota, admitted = Quota(limit), []
    order = random.Random(seed)

    async def fetch(position: int) -> None:
        for _ in range(order.randrange(6)):
            await asyncio.sleep(0)
        quota.settle(outcomes[position])

    async def list_all() -> None:
        tasks = []
        for position in range(len(outcomes)):
            if not await quota.admit():
                break
            admitted.append(position)
            tasks.append(asyncio.create_task(fetch(position)))
        await asyncio.gather(*tasks)

    await asyncio.wait_for(list_all(), 20)
    return admitted


def _wanted(outcomes: list[str | None], limit: int | None) -> list[int]:
    """The shortest beginning that holds so many stickers, one after the other."""
    found: set[str] = set()
    for position, outcome in enumerate(outcomes):
        if limit is not None and len(found) >= limit:
            return list(range(position))
        found |= {outcome} if outcome else set()
    return list(range(len(outcomes)))


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.sampled_from([None, "a", "b", "c", "d", "e", "f"]), max_size=25),
    st.one_of(st.none(), st.integers(1, 6)),
    st.integers(0, 10**6),
)
def test_the_same_observations_are_admitted_in_whatever_order_they_complete(
    outcomes: list[str | None], limit: int | None, seed: int
) -> None:
    assert asyncio.run(_crawl(outcomes, limit, seed)) == _wanted(outcomes, limit)


def test_a_stopped_quota_admits_nothing_and_keeps_nobody_waiting() -> None:
    async def run() -> bool:
        quota = Quota(2)
        assert await quota.admit()
        assert await quota.admit()
        waiting = asyncio.create_task(quota.admit())
        await asyncio.sleep(0)
        quota.stop()
        return await asyncio.wait_for(waiting, 5)

    assert not asyncio.run(run())


def test_stickers_of_earlier_runs_count() -> None:
    async def run() -> list[bool]:
        quota = Quota(2, ["a"])
        first = await quota.admit()
        quota.settle("a")
        second = await quota.admit()
        quota.settle("b")
        return [first, second, await quota.admit()]

    assert asyncio.run(run()) == [True, True, False]


@pytest.mark.parametrize(("limit", "told"), [(None, 40_000), (100_000, 20_000)])
def test_without_a_limit_no_sticker_is_remembered(limit: int | None, told: int) -> None:
    quota = Quota(limit)
    quota.count(f"{number:064x}" for number in range(20_000))
    tracemalloc.start()
    for number in range(20_000):
        quota.settle(f"{number:064x}" if limit else f"{number + 20_000:064x}")
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert quota.stickers == told
    assert not quota.full
    assert held < 100_000
