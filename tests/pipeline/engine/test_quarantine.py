"""How many bad rows are the rows' own fault, and when a stage is stopped."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import misbehaving
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.engine.errors import StickerworksError
from pipeline.engine.quarantine import Allowance, allow
from pipeline.engine.runner import run
from schemas.config import Config, EngineConfig


def stops(allowance: Allowance, quarantined: int, seen: int) -> bool:
    try:
        allowance.check("signals", 3, quarantined, seen, "raised ValueError: x")
    except StickerworksError:
        return True
    return False


def test_a_share_of_all_rows_may_fail_wherever_they_lie() -> None:
    allowance = allow(EngineConfig(), rows=1_000_000, quarantined=0)
    assert not stops(allowance, 10_000, 100_000)
    assert stops(allowance, 10_001, 100_000)


def test_a_few_rows_may_always_fail() -> None:
    allowance = allow(EngineConfig(), rows=60, quarantined=0)
    assert not stops(allowance, 50, 50)
    assert stops(allowance, 51, 60)


def test_a_stage_that_fails_on_most_rows_is_stopped_early_in_any_crawl() -> None:
    allowance = allow(EngineConfig(), rows=10_000_000, quarantined=0)
    assert not stops(allowance, 50, 50)
    assert stops(allowance, 51, 51)
    assert not stops(allowance, 300, 1000)


def test_rows_of_earlier_runs_count_too() -> None:
    allowance = allow(EngineConfig(), rows=1000, quarantined=45)
    assert not stops(allowance, 5, 10)
    assert stops(allowance, 6, 10)


@given(floor=st.integers(0, 99), share=st.floats(0, 1), rows=st.integers(0, 10**7))
def test_more_failures_never_look_better(floor: int, share: float, rows: int) -> None:
    allowance = allow(EngineConfig(quarantine_floor=floor, max_quarantined=share), rows, 0)
    answers = [stops(allowance, count, 500) for count in range(0, 501, 20)]
    assert all(later or not earlier for earlier, later in pairwise(answers))


@pytest.mark.parametrize("value", [50, 1])
def test_a_number_of_rows_from_an_old_configuration_is_told_where_it_goes(value) -> None:
    with pytest.raises(ValidationError, match="is a share.*engine.quarantine_floor"):
        EngineConfig(max_quarantined=value)
    assert EngineConfig(max_quarantined=1.0).max_quarantined == 1


def test_failures_of_all_shards_count_together(workspace_of, display) -> None:
    workspace = workspace_of([["raise", "fine", "fine"]] * 5)
    config = Config(engine=EngineConfig(workers=1, quarantine_floor=3))
    with pytest.raises(StickerworksError, match="shard 3: more than 3 rows.*a broken row"):
        run(misbehaving.signals(), workspace, config, display)
    assert [workspace.proof("signals", part) is not None for part in (0, 1, 2)] == [True] * 3
    lenient = Config(engine=EngineConfig(workers=1, quarantine_floor=3, max_quarantined=0.4))
    assert run(misbehaving.signals(), workspace, lenient, display).counts["quarantined"] == 5


def test_failures_of_all_shards_count_together_in_the_main_process(workspace_of, display) -> None:
    workspace = workspace_of([["raise", "fine", "fine"]] * 5)
    config = Config(engine=EngineConfig(quarantine_floor=3))
    with pytest.raises(StickerworksError, match="shard 3: more than 3 rows.*a broken row"):
        run(
            replace(misbehaving.signals(), in_main_process=lambda config: True),
            workspace,
            config,
            display,
        )


def test_rows_that_crash_are_stopped_like_those_that_raise(workspace_of, display) -> None:
    workspace = workspace_of([["crash"] * 4])
    config = Config(engine=EngineConfig(workers=1, quarantine_floor=1))
    with pytest.raises(StickerworksError, match=r"more than 1 rows.*crashed: signal 11"):
        run(misbehaving.signals(), workspace, config, display)
