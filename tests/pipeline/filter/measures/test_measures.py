"""Strangers' measures: run in the decoding pass, added later, and told when they are wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pipeline.engine import shard
from pipeline.engine.decoding import measured, one_pass
from pipeline.engine.errors import StickerworksError
from pipeline.engine.plugins import PluginError, load_plugin
from pipeline.engine.runner import run
from pipeline.filter import expensive, signals
from pipeline.filter.measures.measure import Measure
from pipeline.filter.stages import DECISIONS, EXPENSIVE_MEASURES, SCREENING, SIGNALS
from schemas.config import Config, EngineConfig

MODULE = """
import os
import numpy as np
from stickerworks.plugins import Measure, Options

def number(name, function, **more):
    return Measure(name=name, unit="share", doc="Made up.", measure=function, **more)

def darkness(frames):
    return float(np.mean([frame.pixels[..., :3].mean() for frame in frames])) / 255

def every_other(frames, seen=[]):
    seen.append(len(frames))
    if len(seen) % 2:
        raise KeyError("odd")
    return 1

def strange(frames):
    return float("nan")

def text(frames):
    return "dark"

def damaging(frames):
    for frame in frames:
        frame.pixels[:] = 0

def brightness(device):
    assert device in ("cpu", "cuda")
    def measure(batch):
        with open(os.environ.get("STRANGE_LOG", os.devnull), "a") as log:
            print(len(batch), file=log)
        return [darkness(frames) for frames in batch]
    return measure

class Shade(Options):
    scale: float = 1.0
    limit: int = 0

def shaded(device, options):
    def measure(batch):
        with open(os.environ.get("STRANGE_LOG", os.devnull), "a") as log:
            print(f"shaded {len(batch)}", file=log)
        if options.limit and len(batch) > options.limit:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return [options.scale * darkness(frames) for frames in batch]
    return measure

def weights(options):
    with open(os.environ["STRANGE_WEIGHTS"]) as file:
        return {"weights": file.read()}

def too_few(device):
    return lambda batch: [0.5] * (len(batch) - 1)

DARKNESS = number("darkness", darkness)
NEWER = number("newer", darkness, version=2)
BROKEN = number("broken", lambda frames: frames.nothing)
ODD = number("odd", every_other)
STRANGE = number("strange", strange)
TEXT = number("text", text)
DAMAGING = number("damaging", damaging)
BRIGHT = Measure(name="bright", unit="share", doc="By a model.", open=brightness, batch=2)
SHADED = Measure(
    "shaded", "share", "With options.", open=shaded, batch=4, options=Shade, models=weights
)
FEW = Measure(name="few", unit="share", doc="One too few.", open=too_few)
"""
NAMES = (
    "darkness", "newer", "broken", "odd", "strange", "text", "damaging", "bright", "few", "shaded",
)  # fmt: skip


@pytest.fixture(autouse=True)
def strangers(stranger):
    entries = {name: f"{name.upper()}" for name in NAMES}
    stranger("measures", MODULE, entries)


@pytest.fixture
def stickers(filled, encode, disc):
    """A workspace of five stickers in two shards, of which one is broken."""
    files = [encode(disc(at=place / 4), "png") for place in range(4)]
    moving = encode([disc(at=0.1), disc(at=0.9)], "gif", duration=100)
    return filled([files[:3], [files[3], moving, b"\x89PNG\r\n\x1a\nbroken"]])


def configured(*measures, **rules):
    return Config.model_validate(
        {"filter": {"measures": measures, "rules": rules}, "engine": {"workers": 1}}
    )


def values(workspace, table="measures"):
    found: dict[str, list] = {}
    for row in workspace.read(table).to_pylist():
        found.setdefault(row["name"], []).append(row["error"] or row["value"])
    return found


def test_a_measure_is_found_and_bounded_by_its_name(stickers, display):
    config = configured("darkness", transparency={"max": 0.5})
    run(SIGNALS, stickers, config, display)
    found = values(stickers)
    assert sorted(found) == ["darkness", "transparency"]
    assert len(found["darkness"]) == 5
    assert all(0 < value < 1 for value in found["darkness"])


def test_adding_a_measure_measures_that_one_alone(stickers, display, monkeypatch):
    run(SIGNALS, stickers, configured(), display)
    before = {name: stickers.read(name) for name in ("signals", "frames")}
    monkeypatch.setattr(signals, "measure", lambda *a, **k: pytest.fail("it is measured anew"))
    in_process = replace(SIGNALS, in_main_process=lambda config: True)
    run(in_process, stickers, configured("darkness"), display)
    assert {name: stickers.read(name) for name in before} == before
    added = values(stickers)
    assert len(added["darkness"]) == 5

    kept = stickers.read("measures")
    run(in_process, stickers, configured("darkness", "newer"), display)
    again = stickers.read("measures").to_pylist()
    assert [row for row in again if row["name"] == "darkness"] == kept.to_pylist()
    assert len(values(stickers)["newer"]) == 5

    # One that nobody asks for any more goes, and nothing is decoded for that.
    monkeypatch.setattr(measured, "open_source", lambda *a: pytest.fail("it is opened"))
    run(in_process, stickers, configured("darkness"), display)
    assert stickers.read("measures") == kept


def test_completed_tables_are_those_of_a_run_from_nothing(stickers, display, tmp_path):
    for measures in ((), ("darkness",), ("darkness", "transparency")):
        run(SIGNALS, stickers, configured(*measures), display)
    names = ("signals", "frames", "measures")
    grown = {name: stickers.read(name) for name in names}
    for name in names:
        for part in stickers.parts:
            stickers.path(name, part).unlink()
    run(SIGNALS, stickers, configured("darkness", "transparency"), display)
    assert {name: stickers.read(name) for name in names} == grown


def test_one_that_fails_costs_its_own_numbers_alone(stickers, display):
    config = configured("odd", "darkness", odd={"max": 2})
    for work in (SIGNALS, SCREENING):
        run(work, stickers, config, display)
    found = values(stickers)
    told = "quarantined: The measure 'odd' of strange 1.0 raised KeyError: 'odd'"
    assert [value == told for value in found["odd"]].count(True) == 3
    assert len(found["darkness"]) == 5
    screening = stickers.read("screening").to_pylist()
    assert [row["kept"] for row in screening].count(False) == 4, "three, and the broken file"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("strange", "gave nan, which is no number"),
        ("text", "gave a str, which is no number"),
        ("damaging", "raised ValueError: assignment destination is read-only"),
    ],
)
def test_what_is_no_number_is_an_error_of_that_sticker(stickers, display, name, told):
    report = run(SIGNALS, stickers, configured(name), display)
    told = f"The measure {name!r} of strange 1.0 {told}"
    assert values(stickers)[name] == [f"quarantined: {told}"] * 5
    assert (report.counts["quarantined"], report.reason) == (5, told)


def test_one_that_was_mended_is_measured_again_on_request(stickers, display, monkeypatch):
    def mend(**how):
        run(SIGNALS, stickers, configured("text", "darkness"), display, **how)
        return [value for value in values(stickers)["text"] if isinstance(value, float)]

    assert mend() == []
    before = stickers.read("signals")
    strange = load_plugin("measures", "text", Measure)
    mended = replace(strange, measure=lambda frames: float(len(frames)))
    monkeypatch.setattr("pipeline.filter.measures.values.load_plugin", lambda *a: mended)
    assert mend() == [], "nothing that decides it has changed"
    in_process = replace(SIGNALS, in_main_process=lambda config: True)
    run(in_process, stickers, configured("text"), display, retry_quarantined=True)
    assert values(stickers)["text"] == [1, 1, 1, 1, 2]
    assert stickers.read("signals") == before


def test_one_that_fails_on_nearly_all_ends_the_run(filled, encode, disc, display):
    workspace = filled([[encode(disc(at=n / 60, colour=f"#{n:02}0000"), "png") for n in range(60)]])
    with pytest.raises(PluginError, match="'broken' of strange 1.0.*it failed on 51 of 51 sticker"):
        run(SIGNALS, workspace, configured("broken"), display)


def test_a_file_that_is_gone_by_then_costs_the_added_measure_alone(stickers, display):
    run(SIGNALS, stickers, configured(), display)
    before = {name: stickers.read(name) for name in ("signals", "frames")}
    (gone, *_) = stickers.read("media")["path"].to_pylist()
    (stickers.root / gone).unlink()
    report = run(SIGNALS, stickers, configured("darkness"), display)
    assert {name: stickers.read(name) for name in before} == before
    found = values(stickers)["darkness"]
    assert ["its file can't be read" in str(value) for value in found].count(True) == 1
    assert (report.counts["quarantined"], report.counts["given_up"]) == (1, 0)


def test_a_kill_between_its_tables_costs_another_pass(stickers, display, monkeypatch):
    run(SIGNALS, stickers, configured(), display)
    in_process = replace(SIGNALS, in_main_process=lambda config: True)
    written = shard.write_table

    def killed(path, *arguments):
        if path.parent.name == "frames":
            raise KeyboardInterrupt
        return written(path, *arguments)

    monkeypatch.setattr(shard, "write_table", killed)
    with pytest.raises(KeyboardInterrupt):
        run(in_process, stickers, configured("darkness"), display)
    monkeypatch.setattr(shard, "write_table", written)
    run(in_process, stickers, configured("darkness"), display)
    whole = {name: stickers.read(name) for name in SIGNALS.writes}
    for name in SIGNALS.writes:
        for part in stickers.parts:
            stickers.path(name, part).unlink()
    run(in_process, stickers, configured("darkness"), display)
    assert {name: stickers.read(name) for name in SIGNALS.writes} == whole


def test_failures_of_a_measure_alone_do_not_stop_the_stage(stickers, display):
    config = configured("odd", "darkness")
    strict = {"quarantine_floor": 0, "max_quarantined": 0, "workers": 1}
    config = config.model_copy(update={"engine": config.engine.model_copy(update=strict)})
    assert run(SIGNALS, stickers, config, display).counts["quarantined"] == 3
    # Nor do those of shards that are current.
    for name in SIGNALS.writes:
        stickers.path(name, 1).unlink()
    assert run(SIGNALS, stickers, config, display).made == 1


def test_an_expensive_one_runs_on_what_the_cheap_rules_keep(
    stickers, display, tmp_path, monkeypatch
):
    log = tmp_path / "batches.txt"
    monkeypatch.setenv("STRANGE_LOG", str(log))
    config = configured("bright", "darkness", min_side={"min": 60})
    for work in (SIGNALS, SCREENING, EXPENSIVE_MEASURES):
        run(work, stickers, config, display)
    kept = stickers.read("screening")["kept"].to_pylist().count(True)
    assert len(values(stickers, "expensive_measures").get("bright", [])) == kept
    loose = configured("bright", "darkness", min_side={"min": 1})
    for work in (SIGNALS, SCREENING, EXPENSIVE_MEASURES):
        run(work, stickers, loose, display)
    assert len(values(stickers, "expensive_measures")["bright"]) == 5
    counted = [int(line) for line in log.read_text().split()]
    assert sum(counted) == 5, "each sticker once: loosening measures the newly kept alone"
    assert max(counted) <= 2


def test_an_expensive_one_that_gives_too_few_is_told(stickers, display):
    config = configured("few")
    for work in (SIGNALS, SCREENING):
        run(work, stickers, config, display)
    with pytest.raises(PluginError, match="'few' of strange 1.0 failed on 3 stickers.*2 values"):
        run(EXPENSIVE_MEASURES, stickers, config, display)


@pytest.fixture
def shaded(stickers, display, tmp_path, monkeypatch):
    """Run the measure with options; the values, and how large the batches were that it got."""
    log = tmp_path / "batches.txt"
    weights = tmp_path / "weights"
    monkeypatch.setenv("STRANGE_LOG", str(log))
    monkeypatch.setenv("STRANGE_WEIGHTS", str(weights))
    weights.write_text("first")
    here = replace(EXPENSIVE_MEASURES, in_main_process=lambda config: True)
    for work in (replace(SIGNALS, in_main_process=lambda config: True), SCREENING):
        run(work, stickers, configured(), display)

    def run_shaded(*others, options=None, trained="first"):
        log.write_text("")
        weights.write_text(trained)
        config = configured("shaded", *others)
        chosen = {"measure_options": {"shaded": options or {}}}
        config = config.model_copy(update={"filter": config.filter.model_copy(update=chosen)})
        run(here, stickers, config, display)
        batches = [line.split() for line in log.read_text().splitlines()]
        return values(stickers, "expensive_measures"), [int(b[-1]) for b in batches]

    return run_shaded


def test_other_options_or_weights_measure_that_one_alone(shaded):
    first, batches = shaded("bright")
    assert sum(batches) == 10, "five stickers by two measures"
    assert shaded("bright") == (first, [])
    doubled, batches = shaded("bright", options={"scale": 2.0})
    assert sum(batches) == 5
    assert doubled["bright"] == first["bright"]
    assert doubled["shaded"] == pytest.approx([2 * value for value in first["shaded"]])
    same, batches = shaded("bright", options={"scale": 2.0}, trained="again")
    assert (same, sum(batches)) == (doubled, 5)


def test_a_batch_that_memory_does_not_suffice_for_is_halved(shaded):
    halved, batches = shaded(options={"limit": 1})
    assert batches[:3] == [3, 1, 1], "three stickers in the first shard"
    assert halved == shaded()[0]


def test_memory_that_one_sticker_is_too_much_for_ends_the_run(shaded):
    with pytest.raises(PluginError, match="out of memory.*too little memory for one sticker"):
        shaded(options={"limit": -1})


def test_options_are_checked_whether_or_not_the_measure_is_used(stickers, display):
    def told(options):
        config = Config.model_validate({"filter": {"measure_options": options}})
        with pytest.raises(StickerworksError) as error:
            EXPENSIVE_MEASURES.settings(config)
        return str(error.value)

    assert "filter.measure_options.shaded.scal (did you mean scale?)" in told(
        {"shaded": {"scal": 1}}
    )
    assert "unknown key filter.measure_options.bright.scale" in told({"bright": {"scale": 1}})
    assert "no measure called 'shade' (did you mean shaded?)" in told({"shade": {}})


def test_nothing_is_read_where_no_expensive_one_is_asked_for(stickers, display):
    for work in (SIGNALS, SCREENING, EXPENSIVE_MEASURES):
        report = run(work, stickers, configured(), display)
    assert report.counts["measured"] == 0
    assert stickers.read("expensive_measures").num_rows == 0
    assert "expensive_measures" in DECISIONS.reads


def test_frames_are_given_as_they_are_seen(encode):
    picture = np.zeros((4, 6, 4), np.uint8)
    picture[:, :3] = (10, 20, 30, 255)
    seen = []
    data = encode(Image.fromarray(picture), "png")
    measured.measure(data, "png", Config().filter.decode, lambda frames: seen.extend(frames) or [])
    (frame,) = seen
    assert frame.duration_ms == 0
    assert (frame.pixels == picture).all()


def test_a_large_animation_is_decoded_again_instead_of_kept(encode, disc, monkeypatch):
    monkeypatch.setattr(one_pass, "_KEEP_BYTES", 100)
    data = encode([disc(at=0.1), disc(at=0.9)], "gif", duration=50)
    lengths = []
    also = lambda frames: lengths.append((len(frames), len(list(frames)), len(list(frames)))) or []  # noqa: E731
    measured.measure(data, "gif", Config().filter.decode, also)
    assert lengths == [(2, 2, 2)]


def test_a_measure_is_either_cheap_or_expensive():
    with pytest.raises(ValueError, match="either"):
        Measure(name="x", unit="", doc="")
    assert load_plugin("measures", "bright", Measure).expensive


@pytest.mark.parametrize(("executor", "here"), [("local", True), ("ray", False)])
def test_a_model_fills_the_gpu_of_this_machine_or_those_of_a_cluster(monkeypatch, executor, here):
    monkeypatch.setattr("pipeline.engine.compute.default_device", lambda: "cuda")
    monkeypatch.setattr(expensive, "measure_versions", lambda *a, **k: {"model": 1})
    config = Config(engine=EngineConfig(executor=executor))
    assert expensive.runs_in_main_process(config) is here
