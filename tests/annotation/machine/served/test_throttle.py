"""Requests at once: never too many, never none, in the order of asking."""

from __future__ import annotations

import asyncio
import itertools
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.machine.served.throttle import Throttle


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("annotation.machine.served.throttle.time.monotonic", clock)
    return clock


def test_it_halves_once_a_second_down_to_one(clock: Clock) -> None:
    throttle = Throttle(32)
    limits = []
    for _ in range(7):
        throttle.ease()
        throttle.ease()
        limits.append(throttle.limit)
        clock.now += 1.5
    assert limits == [16, 8, 4, 2, 1, 1, 1]


def test_it_grows_by_one_a_round_of_answers_up_to_the_most(clock: Clock) -> None:
    throttle = Throttle(8)
    for _ in range(3):
        throttle.ease()
        clock.now += 1.5
    limits = []
    for _ in range(9):
        limits.append(throttle.limit)
        for _ in range(throttle.limit):
            throttle.grow()
    assert limits[0] == 1
    assert limits == sorted(limits)
    assert all(after - before <= 1 for before, after in itertools.pairwise(limits))
    for _ in range(100):
        throttle.grow()
    assert throttle.limit == 8


def test_places_are_given_in_the_order_of_asking() -> None:
    async def scene() -> list[int]:
        throttle, order = Throttle(2), []

        async def request(number: int) -> None:
            async with throttle.slot():
                order.append(number)
                await asyncio.sleep(0)

        async def newcomers() -> None:
            # Comes just when a place is free and those who wait haven't gone on yet.
            for number in range(20, 40):
                await asyncio.sleep(0)
                group.create_task(request(number))

        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(request(number))
            group.create_task(newcomers())
        return order

    assert asyncio.run(scene()) == list(range(40))


def test_a_pause_holds_back_all_that_haven_t_started() -> None:
    async def scene() -> list[float]:
        throttle, waited = Throttle(4), []
        began = time.monotonic()

        async def request() -> None:
            async with throttle.slot():
                waited.append(time.monotonic() - began)

        throttle.pause(0.1)
        throttle.pause(0.02)  # a shorter one takes nothing away
        await asyncio.gather(*(request() for _ in range(8)))
        return waited

    waited = asyncio.run(scene())
    assert len(waited) == 8
    assert min(waited) > 0.09
    assert max(waited) < 5


def test_a_pause_that_grows_meanwhile_is_kept() -> None:
    async def scene() -> float:
        throttle, began = Throttle(1), time.monotonic()
        throttle.pause(0.05)

        async def request() -> float:
            async with throttle.slot():
                return time.monotonic() - began

        waiting = asyncio.create_task(request())
        await asyncio.sleep(0.01)
        throttle.pause(0.15)
        return await waiting

    assert asyncio.run(scene()) > 0.14


def test_answers_wake_those_who_wait() -> None:
    async def scene() -> int:
        throttle = Throttle(4)
        for _ in range(2):
            throttle.ease()
            throttle._eased_at -= 2
        started, go_on = 0, asyncio.Event()

        async def request() -> None:
            nonlocal started
            async with throttle.slot():
                started += 1
                await go_on.wait()

        tasks = [asyncio.create_task(request()) for _ in range(4)]
        await asyncio.sleep(0.01)
        assert started == 1
        throttle.grow()
        await asyncio.sleep(0.01)
        woken = started
        go_on.set()
        await asyncio.gather(*tasks)
        return woken

    assert asyncio.run(scene()) == 2


@given(st.integers(0, 2**32), st.integers(1, 8))
@settings(max_examples=60)
def test_whatever_happens_the_limit_holds_and_all_are_served(seed: int, most: int) -> None:
    """Requests that end, raise, or are cancelled at any moment, while the limit moves."""
    chance = random.Random(seed)
    throttle = Throttle(most)
    inside = served = cancelled = 0

    async def request() -> None:
        nonlocal inside, served
        async with throttle.slot():
            inside += 1
            # Easing takes no place away from one who has it.
            assert inside <= highest
            try:
                for _ in range(chance.randrange(3)):
                    await asyncio.sleep(0)
                if chance.random() < 0.2:
                    throttle._eased_at -= 2
                    throttle.ease()
                elif chance.random() < 0.5:
                    throttle.grow()
                if chance.random() < 0.1:
                    raise ValueError("the request failed")
            finally:
                inside -= 1
        served += 1

    highest = most

    async def scene() -> list[object]:
        nonlocal cancelled
        tasks = []
        for _ in range(60):
            tasks.append(asyncio.create_task(request()))
            for _ in range(chance.randrange(3)):
                await asyncio.sleep(0)
            if chance.random() < 0.3:
                cancelled += chance.choice(tasks).cancel()
        done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)
        # Nothing leaked: all places can be had again.
        for _ in range(200):
            throttle.grow()
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            together = asyncio.Barrier(most)

            async def meet() -> None:
                async with throttle.slot():
                    await together.wait()

            for _ in range(most):
                group.create_task(meet())
        return list(done)

    done = asyncio.run(scene())
    wrong = [one for one in done if isinstance(one, BaseException)]
    assert all(isinstance(one, ValueError | asyncio.CancelledError) for one in wrong)
    assert served == len(done) - len(wrong)


def test_a_lower_limit_holds_for_all_that_start_later() -> None:
    async def scene() -> int:
        throttle, inside, highest = Throttle(8), 0, 0
        throttle.ease()  # 4 from now on

        async def request() -> None:
            nonlocal inside, highest
            async with throttle.slot():
                inside += 1
                highest = max(highest, inside)
                await asyncio.sleep(0.001)
                inside -= 1

        await asyncio.gather(*(request() for _ in range(40)))
        return highest

    assert asyncio.run(scene()) == 4
