"""The runner on stages that crash, hang, eat memory and raise."""

from __future__ import annotations

import misbehaving
import pyarrow as pa
import pytest

from pipeline.engine.errors import StickerworksError
from pipeline.engine.runner import pending, run
from pipeline.engine.stage import Step
from schemas.config import Config, DecodeConfig, EngineConfig, FilterConfig
from schemas.tables import DUPLICATES, TAGSET

CONFIG = Config(engine=EngineConfig(workers=2))


def errors(workspace, table="signals"):
    rows = workspace.read(table)
    return {
        r["extension"]: e["error"]
        for r, e in zip(workspace.read("stickers").to_pylist(), rows.to_pylist(), strict=True)
    }


@pytest.mark.parametrize("batch_rows", [1, 3])
def test_a_row_that_crashes_costs_only_itself(workspace_of, display, batch_rows):
    workspace = workspace_of([["fine", "crash", "ok"], ["broken", "exit", "good"], ["raise"]])
    report = run(misbehaving.signals(batch_rows), workspace, CONFIG, display)
    assert report.counts["read"] == 7
    assert report.counts["failed"] == 4
    assert report.counts["quarantined"] == 3
    found = errors(workspace)
    assert found == errors(workspace, "frames")
    assert found["crash"] == "quarantined: crashed: signal 11 (SIGSEGV)"
    assert found["exit"] == "quarantined: crashed: exit code 7"
    assert found["raise"] == "quarantined: raised ValueError: a broken row"
    assert found["broken"] == "decode: broken"
    assert [found[k] for k in ("fine", "ok", "good")] == [None] * 3
    widths = workspace.read("signals")["width"].to_pylist()
    assert widths == [1, None, 3, 4, None, 6, None]
    assert max(display.seen) <= 7


def test_a_row_that_hangs_is_killed_and_quarantined(workspace_of, display):
    workspace = workspace_of([["fine", "hang", "ok"]])
    config = Config(engine=EngineConfig(workers=1, row_timeout_s=1))
    report = run(misbehaving.signals(), workspace, config, display)
    assert report.counts["quarantined"] == 1
    assert errors(workspace)["hang"] == "quarantined: timeout: took more than 1 s"


def test_a_row_that_eats_memory_is_killed_and_quarantined(workspace_of, display):
    workspace = workspace_of([["fine", "eat", "ok"]])
    config = Config(engine=EngineConfig(workers=1, memory_mb=600))
    run(misbehaving.signals(), workspace, config, display)
    assert errors(workspace)["eat"] == "quarantined: memory: held more than 600 MB"
    assert errors(workspace)["ok"] is None


def test_a_stage_that_fails_everywhere_stops_with_a_reason(workspace_of, display):
    workspace = workspace_of([["raise"] * 9])
    config = Config(engine=EngineConfig(workers=1, quarantine_floor=5))
    with pytest.raises(StickerworksError, match="more than 5 rows.*a broken row"):
        run(misbehaving.signals(), workspace, config, display)
    assert workspace.proof("signals", 0) is None


def test_only_stale_shards_run(workspace_of, display):
    workspace = workspace_of([["fine", "ok"], ["good"]])
    stage = misbehaving.signals()
    assert pending(stage, workspace, CONFIG).rows == 3
    assert run(stage, workspace, CONFIG, display).made == 2
    again = run(stage, workspace, CONFIG, display)
    assert (again.made, again.current, again.counts["read"]) == (0, 2, 3)
    assert pending(stage, workspace, CONFIG).rows == 0
    workspace.path("frames", 1).unlink()
    assert run(stage, workspace, CONFIG, display).made == 1
    other = Config(filter=FilterConfig(decode=DecodeConfig(key_frames=5)), engine=CONFIG.engine)
    assert run(stage, workspace, other, display).made == 2
    assert run(misbehaving.signals(version=2), workspace, other, display).made == 2


def test_rows_are_taken_over_when_a_shard_grows(workspace_of, display):
    workspace = workspace_of([["fine", "ok"]])
    run(misbehaving.signals(), workspace, CONFIG, display)
    before = workspace.read("signals").to_pylist()
    log = workspace.root / "measured.log"
    assert len(log.read_text().split()) == 2
    workspace_of([["fine", "ok", "good"]])
    report = run(misbehaving.signals(), workspace, CONFIG, display)
    assert (report.counts["measured"], report.counts["taken_over"]) == (1, 2)
    assert len(log.read_text().split()) == 3
    assert workspace.read("signals").to_pylist()[:2] == before


def test_quarantined_rows_are_tried_again_on_request(workspace_of, display):
    workspace = workspace_of([["fine", "raise"]])
    run(misbehaving.signals(), workspace, CONFIG, display)
    assert run(misbehaving.signals(), workspace, CONFIG, display).made == 0
    again = run(misbehaving.signals(), workspace, CONFIG, display, retry_quarantined=True)
    assert (again.made, again.counts["measured"], again.counts["taken_over"]) == (1, 1, 1)


def test_loosening_a_rule_measures_just_the_newly_kept(workspace_of, screened, display):
    workspace = workspace_of([["a", "b", "c", "d"]])
    screened(workspace, 0, [True, False, True, False])
    run(misbehaving.SELECTED, workspace, CONFIG, display)
    assert workspace.read("domain")["measured"].to_pylist() == [True, False, True, False]
    assert workspace.read("domain")["domain"].to_pylist() == ["real", None, "real", None]
    assert len(workspace.read("captions")) == 4
    screened(workspace, 0, [True, True, False, False])
    report = run(misbehaving.SELECTED, workspace, CONFIG, display)
    assert report.counts["taken_over"] == 1
    ids = workspace.read("stickers")["id"].to_pylist()
    log = (workspace.root / "selected.log").read_text().split()
    assert log == [ids[0], ids[2], ids[1]]
    assert workspace.read("domain")["domain"].to_pylist() == ["real", "real", None, None]
    captions = workspace.read("captions").to_pylist()
    assert [(c["id"], c["field"]) for c in captions] == [(i, f) for i in ids[:2] for f in "ab"]


def test_missing_inputs_name_the_command_that_makes_them(workspace_of, display):
    with pytest.raises(StickerworksError, match="There are no stickers.*stickerworks crawl"):
        run(misbehaving.signals(), workspace_of([]), CONFIG, display)
    with pytest.raises(StickerworksError, match="reads the table screening.*stickerworks filter"):
        run(misbehaving.SELECTED, workspace_of([["fine"]]), CONFIG, display)


def test_a_step_runs_again_only_when_an_input_changed(workspace_of, display):
    calls = []

    def tags(reader, settings):
        calls.append(len(reader.read("stickers")))
        row = {"tag": "cat", "stickers": calls[-1]}
        yield "tagset", None, pa.Table.from_pylist([row], schema=TAGSET.schema)

    step = Step("tags", 1, ("stickers",), ("tagset",), lambda config: {}, tags)
    workspace = workspace_of([["fine"]])
    assert pending(step, workspace, CONFIG).shards == 1
    for _ in range(2):
        run(step, workspace, CONFIG, display)
    assert calls == [1]
    workspace_of([["fine", "ok"]])
    run(step, workspace, CONFIG, display)
    assert calls == [1, 2]
    assert workspace.read("tagset")["stickers"].to_pylist() == [2]


def test_a_step_sees_only_what_it_declares(workspace_of, display):
    def peek(reader, settings):
        yield "tagset", None, reader.read("media")

    step = Step("tags", 1, ("stickers",), ("tagset",), lambda config: {}, peek)
    with pytest.raises(ValueError, match="doesn't declare"):
        run(step, workspace_of([["fine"]]), CONFIG, display)


def test_a_row_that_ends_its_process_with_success_is_no_success(workspace_of, display):
    workspace = workspace_of([["fine", "quit"]])
    run(misbehaving.signals(), workspace, CONFIG, display)
    assert errors(workspace)["quit"] == "quarantined: raised SystemExit: 0"


def test_a_stage_that_never_starts_is_stopped(workspace_of, display):
    config = Config(engine=EngineConfig(workers=1, row_timeout_s=0.05))
    with pytest.raises(StickerworksError, match="timeout.*three times, while starting"):
        run(misbehaving.signals(opens=False), workspace_of([["fine"]]), config, display)


def test_a_step_keeps_one_digest_of_all_that_it_read(workspace_of, display):
    def groups(reader, settings):
        for part in reader.parts:
            rows = [
                {"id": i, "group": i, "representative": True}
                for i in reader.read("stickers", part)["id"].to_pylist()
            ]
            yield "duplicates", part, pa.Table.from_pylist(rows, schema=DUPLICATES.schema)

    step = Step("duplicates", 1, ("stickers",), ("duplicates",), lambda config: {}, groups)
    workspace = workspace_of([["fine"]] * 30)
    run(step, workspace, CONFIG, display)
    assert display.shards == 30
    assert display.told == [*((rows, 0) for rows in range(1, 30)), (30, 30)]  # one file for all
    assert len(workspace.proof("duplicates", 0).inputs) == 1
    assert run(step, workspace, CONFIG, display).made == 0


def test_a_table_that_does_not_fit_names_the_command_that_writes_it(workspace_of, display):
    media = workspace_of([["fine"]]).path("media", 0).read_bytes()
    workspace = workspace_of([["fine", "ok"]])
    workspace.path("media", 0).write_bytes(media)
    with pytest.raises(StickerworksError, match="table media does not fit.*`stickerworks crawl`"):
        run(misbehaving.signals(), workspace, CONFIG, display)


def test_a_dry_run_counts_quarantined_rows_to_try_again(workspace_of, display):
    workspace = workspace_of([["fine", "raise"], ["ok"]])
    stage = misbehaving.signals()
    run(stage, workspace, CONFIG, display)
    assert pending(stage, workspace, CONFIG).rows == 0
    assert pending(stage, workspace, CONFIG, retry_quarantined=True).rows == 2


def test_a_lost_shard_of_stickers_is_no_smaller_dataset(workspace_of, display):
    workspace = workspace_of([["fine"], ["ok"]])
    workspace.path("stickers", 1).unlink()
    with pytest.raises(StickerworksError, match="stickers lacks shard 1.*stickerworks crawl"):
        run(misbehaving.signals(), workspace, CONFIG, display)
