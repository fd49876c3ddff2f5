from __future__ import annotations

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.fetching.quota import Quota


async def _crawl(outcomes: list[str | None], limit: int | None, seed: int) -> list[int]:
    """Positions admitted, with downloads that complete in an order of their own."""
    quota, admitted = Quota(limit), []
    order = random.Random(seed)

    async def handle(position: int) -> None:
        for _ in range(order.randrange(3)):
            await asyncio.sleep(0)
        if await quota.admit(position):
            admitted.append(position)
            for _ in range(order.randrange(6)):
                await asyncio.sleep(0)
            await quota.settle(outcomes[position])

    await asyncio.wait_for(asyncio.gather(*map(handle, range(len(outcomes)))), 20)
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
    async def run() -> list[bool]:
        quota = Quota(2)
        assert await quota.admit(0)
        assert await quota.admit(1)
        waiting = asyncio.gather(quota.admit(2), quota.admit(3))
        await asyncio.sleep(0)
        await quota.stop()
        return list(await asyncio.wait_for(waiting, 5))

    assert asyncio.run(run()) == [False, False]
