"""Runs: killed anywhere and continued they equal the uninterrupted one; folders are guarded."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from pipeline.engine.compute import reproducible
from pipeline.engine.errors import StickerworksError
from pipeline.training import checkpointer as keeper_module
from pipeline.training.checkpoint import load_weights
from pipeline.training.checkpointer import RunCheckpointer
from pipeline.training.loop import Point, Schedule, Training, train_model
from pipeline.training.runs import (
    TrainRequest,
    _tell_kept,
    find_baseline,
    find_preset,
    open_run,
    train_run,
)

Make = Callable[..., Any]
FILES = (
    "checkpoint.safetensors",
    "curve.json",
    "curves.png",
    "model.safetensors",
    "run.json",
    "steps.jsonl",
)
KILLED = """
import os, signal, sys
from pathlib import Path
from pipeline.training import checkpointer
from pipeline.training.runs import TrainRequest, train_run

release, output, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
checkpointer._SAVE_EVERY = 3

def each_step(done, steps, rows):
    if done == last:
        os.kill(os.getpid(), signal.SIGKILL)

train_run(TrainRequest("tiny", release, output, epochs=4, seed=2), print, each_step)
"""


class StopError(Exception):
    """Ends a run between two steps."""


def quiet(line: str) -> None: ...


def no_steps(done: int, steps: int, rows: int) -> None: ...


def train(release: Path, output: Path, **changes: Any) -> tuple[Point, ...]:
    request = TrainRequest("tiny", release, output, **{"epochs": 2, **changes})
    return train_run(request, quiet, no_steps)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def release(write_release: Make, shapes: Make) -> Path:
    return write_release(train=shapes(40), validation=shapes(12, 500), test=shapes(12, 900))


@pytest.mark.slow
def test_a_run_killed_again_and_again_equals_the_uninterrupted_one(
    release: Path, tmp_path: Path
) -> None:
    def run(output: str, last: int) -> int:
        script = [sys.executable, "-c", KILLED, str(release), str(tmp_path / output), str(last)]
        return subprocess.run(script, capture_output=True, check=False, timeout=120).returncode

    assert run("whole", 0) == 0
    whole = contents(tmp_path / "whole")
    assert sorted(whole) == sorted(FILES)
    assert len(whole["steps.jsonl"].splitlines()) == 12
    # Before any checkpoint, past one within an epoch, and on an epoch's last step.
    for last in (2, 8, 12):
        assert run("killed", last) == -9
    assert run("killed", 0) == 0
    assert contents(tmp_path / "killed") == whole


def dropout_task(steps: int, epochs: int) -> Training:
    """A model whose every step draws from torch's state, and a batch that draws from numpy's."""

    def batch(epoch: int, number: int) -> tuple[torch.Tensor, ...]:
        return (torch.from_numpy(np.random.rand(4, 3)).float(),)

    model = nn.Sequential(nn.Linear(3, 6), nn.Dropout(0.5), nn.Linear(6, 1))
    return Training(
        model=model,
        loss=lambda net, drawn: (net(drawn[0]) ** 2).mean() + np.random.rand() * net[2].bias.sum(),
        batch=batch,
        # In no order of the alphabet: a resumed curve must keep it.
        evaluate=lambda net: {"draw": float(torch.rand(1)), "again": float(torch.rand(1))},
        schedule=Schedule(epochs, steps, 0.1, warmup_steps=2, accumulate=2),
        seed=1,
    )


def keep(folder: Path, stop_after: int | None) -> None:
    """Run ``dropout_task`` in a folder, stopping when that many steps have been done."""

    def each_step(done: int) -> None:
        if done == stop_after:
            raise StopError

    with reproducible(6):
        checkpointer = RunCheckpointer(folder, None, each_step)
        checkpointer.finish(train_model(dropout_task(7, 3), checkpointer))


@settings(max_examples=12, deadline=None)
@given(stops=st.lists(st.integers(1, 12), max_size=3), every=st.integers(1, 5))
def test_wherever_a_run_stops_and_saves_it_ends_in_the_same_bytes(
    stops: list[int], every: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("runs")
    for name in ("whole", "stopped"):
        (root / name).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        # Pictures take longer than these runs.
        patch.setattr(keeper_module, "draw_curves", lambda path, *rest: path.write_bytes(b""))
        keep(root / "whole", None)
        patch.setattr(keeper_module, "_SAVE_EVERY", every)
        for stop in stops:
            try:
                keep(root / "stopped", stop)
            except StopError:
                continue
        keep(root / "stopped", None)
    assert contents(root / "stopped") == contents(root / "whole")


def test_a_finished_run_is_left_as_it_is_and_fresh_starts_over(
    release: Path, tmp_path: Path
) -> None:
    first = train(release, tmp_path / "run")
    made = contents(tmp_path / "run")
    with Image.open(tmp_path / "run" / "curves.png") as picture:
        assert len(set(picture.convert("L").get_flattened_data())) > 10
    for left in (".tmpAb12Cd", ".model.safetensors.99.tmp"):
        (tmp_path / "run" / left).write_bytes(b"of a killed run")
    assert train(release, tmp_path / "run") == first
    assert contents(tmp_path / "run") == made
    (tmp_path / "run" / "model.safetensors").write_bytes(b"")
    train(release, tmp_path / "run", fresh=True)
    assert contents(tmp_path / "run") == made
    train(release, tmp_path / "other", seed=1)
    assert contents(tmp_path / "other")["model.safetensors"] != made["model.safetensors"]


def test_another_run_in_the_folder_is_refused(
    release: Path, tmp_path: Path, write_release: Make, shapes: Make
) -> None:
    output = tmp_path / "run"
    train(release, output)
    before = contents(output)
    with pytest.raises(StickerworksError, match=r"a run with seed 0, not 4; epochs 2, not 3\."):
        train(release, output, seed=4, epochs=3)
    release.rename(tmp_path / "moved")
    train(tmp_path / "moved", output)  # the same data elsewhere is the same run
    other = write_release(train=shapes(40, 1), validation=shapes(12, 500))
    with pytest.raises(StickerworksError, match="holds a run on other data"):
        train(other, output)
    recipe = json.loads(before["run.json"])
    (output / "run.json").write_text(json.dumps({**recipe, "baseline": "mghft"}))
    with pytest.raises(StickerworksError, match="a run of the baseline mghft, not tiny"):
        train(tmp_path / "moved", output)
    (output / "run.json").write_text(json.dumps({**recipe, "baseline": "stranger"}))
    with pytest.raises(StickerworksError, match="no baseline called 'stranger'"):
        open_run(output)
    (output / "run.json").write_text("{")
    with pytest.raises(StickerworksError, match=r"run\.json is damaged"):
        open_run(output)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("dear")
    with pytest.raises(StickerworksError, match=r"no run: it holds thesis\.txt"):
        train(tmp_path / "moved", tmp_path / "mine", fresh=True)
    assert contents(tmp_path / "mine") == {"thesis.txt": b"dear"}


def test_damage_is_named(release: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    train(release, output)
    made = contents(output)
    (output / "steps.jsonl").write_bytes(made["steps.jsonl"][:100])
    with pytest.raises(StickerworksError, match=r"has 1 lines; the checkpoint .* 6 steps.*--fresh"):
        train(release, output)
    (output / "steps.jsonl").write_bytes(made["steps.jsonl"])
    for name in ("checkpoint.safetensors", "model.safetensors"):
        (output / name).write_bytes(made[name][:-500])
    with pytest.raises(StickerworksError, match=r"checkpoint\.safetensors is damaged"):
        train(release, output)
    with pytest.raises(StickerworksError, match=r"model\.safetensors is damaged"):
        load_weights(output / "model.safetensors", nn.Linear(1, 1))
    (output / "model.safetensors").write_bytes(made["model.safetensors"])
    with pytest.raises(StickerworksError, match="of another model"):
        load_weights(output / "model.safetensors", nn.Linear(1, 1))


def test_two_trainings_never_share_a_folder(release: Path, tmp_path: Path) -> None:
    def each_step(done: int, steps: int, rows: int) -> None:
        if done == 1:
            with pytest.raises(StickerworksError, match="Another `stickerworks train`"):
                train(release, tmp_path / "run")

    train_run(TrainRequest("tiny", release, tmp_path / "run", epochs=1), quiet, each_step)
    assert len(contents(tmp_path / "run")["steps.jsonl"].splitlines()) == 3


def test_a_missing_release_leaves_no_folder_behind(tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match="There is no release at"):
        train(tmp_path / "nowhere", tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_release_that_teaches_nothing_is_refused(
    write_release: Make, shapes: Make, tmp_path: Path
) -> None:
    release = write_release(train=shapes(3), validation=shapes(3, 50))
    with pytest.raises(StickerworksError, match="nothing to learn: no tag stands on two"):
        train(release, tmp_path / "run")


@pytest.mark.parametrize(
    ("figures", "best"),
    [([0.1, 0.5, 0.3], 1), ([math.nan, 0.2, 0.2], 1), ([0.4, math.nan, 0.1], 0)],
)
def test_the_weights_of_the_best_epoch_are_kept(
    figures: list[float], best: int, tmp_path: Path
) -> None:
    seen: list[dict[str, torch.Tensor]] = []

    def evaluate(model: nn.Module) -> dict[str, float]:
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return {"f1": figures[len(seen) - 1]}

    task = Training(
        model=nn.Linear(1, 1),
        loss=lambda net, batch: net(batch[0]).square().mean(),
        batch=lambda epoch, number: (torch.ones(1, 1),),
        evaluate=evaluate,
        schedule=Schedule(3, 1, 0.1),
        seed=0,
        select_on="f1",
    )
    curve = train_model(task, RunCheckpointer(tmp_path, task.select_on, lambda done: None))
    kept = nn.Linear(1, 1)
    load_weights(tmp_path / "model.safetensors", kept)
    assert all(torch.equal(kept.state_dict()[name], value) for name, value in seen[best].items())
    assert not torch.equal(seen[0]["weight"], seen[1]["weight"])
    told = _tell_kept(curve, "f1")
    value = max(figure for figure in figures if not math.isnan(figure))
    assert told == (
        f"model.safetensors has the weights of epoch {best + 1}, the best one: f1 {value:.2%}"
    )
    assert _tell_kept(curve, None) == "model.safetensors has the weights of the last epoch, 3"


def test_a_run_of_one_domain_learns_its_rows_alone(
    write_release: Make, shapes: Make, tmp_path: Path
) -> None:
    kinds = {split: shapes(16, first) for split, first in (("train", 0), ("validation", 99))}
    for rows in kinds.values():
        for number, row in enumerate(rows):
            row["domain"] = "real" if number % 4 < 2 else "cartoon"
    request = TrainRequest(
        "tiny", write_release(**kinds), tmp_path / "run", epochs=1, domain="cartoon"
    )
    said: list[str] = []
    train_run(request, said.append, lambda *done: None)
    _, recipe, run = open_run(tmp_path / "run")
    assert (recipe.domain, run.facts["tags"]) == ("cartoon", ["cross", "stripes"])
    assert "8 of 16 train rows are of the domain cartoon" in said
    with pytest.raises(StickerworksError, match="holds a run on cartoon, not every domain"):
        train_run(replace(request, domain=None), quiet, lambda *done: None)


@pytest.mark.parametrize("name", ["att2pl", "mghft", "sti", "stickerclip", "tiny"])
def test_an_unknown_preset_is_answered_with_the_known_ones(name: str) -> None:
    baseline = find_baseline(name)
    with pytest.raises(
        StickerworksError, match=f"The baseline {name} has no preset 'huge'"
    ) as told:
        find_preset(baseline, "huge")
    assert told.value.remedy == f"Name one with --preset: {', '.join(baseline.presets)}."
