"""Where trainers compute: on a GPU wherever there is one, in every command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import stickerworks
from training_task import make_task

from pipeline.engine.compute import default_device, reproducible, use_device
from pipeline.engine.errors import StickerworksError
from pipeline.training import checkpointer as keeper_module
from pipeline.training.contract import Baseline, Generates, NewSticker
from pipeline.training.examples import Dataset
from pipeline.training.gate_runs import judge
from pipeline.training.runs import TrainRequest, find_baseline, open_run, train_run
from pipeline.training.trainer import evaluate, generate, predict

Make = Callable[..., Any]
TRAINERS = ("att2pl", "mghft", "sti", "stickerclip", "tiny")
on_every_trainer = pytest.mark.parametrize("name", TRAINERS)
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
needs_cpu_build = pytest.mark.skipif(torch.version.cuda is not None, reason="CUDA would answer")


@pytest.fixture
def release(write_release: Make, shapes: Make, gif: Make) -> Path:
    """Animations with texts and tags, from which every trainer can learn."""

    def move(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        drawn = [row["image"]["bytes"] for row in rows]
        for number, row in enumerate(rows):
            row["image"] = {"bytes": gif(drawn[number], drawn[number - 1]), "path": "a.gif"}
            row |= {"caption_en": f"{number} {row['tags'][0]}", "captioner": "model"}
        return rows

    splits = {"train": shapes(16), "validation": shapes(8, 500), "test": shapes(8, 900)}
    return write_release(**{split: move(rows) for split, rows in splits.items()})


@on_every_trainer
def test_training_takes_the_gpu_that_is_there(
    release: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    baseline = find_baseline(name)
    task = make_task(baseline, Dataset(release), baseline.presets["tiny"], 0)
    assert task.device == "cuda"
    assert task.workers > 0


@needs_cpu_build
@on_every_trainer
def test_the_gate_takes_it_too(release: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    baseline = find_baseline(name)
    settings = replace(baseline.presets["tiny"], epochs=1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    # There is none, so that going there is an error of torch's.
    with pytest.raises((AssertionError, RuntimeError), match="CUDA"):
        judge(baseline, Dataset(release), settings, 0)


@needs_gpu
@on_every_trainer
def test_a_run_on_a_gpu_goes_on_and_is_judged(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: Make, name: str
) -> None:
    monkeypatch.setattr(keeper_module, "_SAVE_EVERY", 1)
    baseline = find_baseline(name)

    def stop_at(step: int | None) -> Callable[[int, int, int], None]:
        def each_step(done: int, steps: int, rows: int) -> None:
            if done == step:
                raise KeyboardInterrupt

        return each_step

    said: list[str] = []

    def train(folder: str, stop: int | None) -> Any:
        request = TrainRequest(name, release, tmp_path / folder, epochs=2, seed=1)
        return train_run(request, said.append, stop_at(stop))

    whole = train("whole", None)
    with pytest.raises(KeyboardInterrupt):
        train("cut", 2)
    resumed = train("cut", None)
    assert any(line.endswith("steps on cuda") for line in said)
    assert [point.loss for point in resumed] == pytest.approx([p.loss for p in whole], rel=1e-3)
    _, _, run = open_run(tmp_path / "cut")
    with reproducible(1):
        found = evaluate(baseline, run, Dataset(release), "test")
        assert all(np.isfinite(value) for value in found.figures.values())
        judged = judge(baseline, Dataset(release), replace(run.settings, epochs=1), 1)
        assert np.isfinite(judged.judged.resample(np.ones((1, judged.rows)))).all()
        if isinstance(baseline, Baseline):
            (tags,) = predict(baseline, run, [NewSticker(row("circle", 1)["image"]["bytes"])])
            assert len(tags) == 4
        if isinstance(baseline, Generates):
            (clip,) = generate(baseline, run, ["a cat"], 0)
            assert clip.shape == (4, 16, 16, 3)


@on_every_trainer
def test_a_named_device_wins_over_the_gpu_that_is_there(
    release: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    baseline = find_baseline(name)
    with use_device("cpu"):
        task = make_task(baseline, Dataset(release), baseline.presets["tiny"], 0)
    assert (task.device, task.workers) == ("cpu", 0)
    assert default_device() == "cuda", "what was before is so again"


@needs_cpu_build
@pytest.mark.parametrize("name", ["cuda", "cuda:7", "no such thing", "meta:x"])
def test_a_device_that_is_not_there_is_one_clear_error(name: str) -> None:
    refused = pytest.raises(StickerworksError, match=f"There is no device {name!r} here")
    with refused as told, use_device(name):
        pass
    assert told.value.remedy == "Name one with --device: cpu."


@needs_cpu_build
def test_every_command_computes_where_it_is_told(
    release: Path, tmp_path: Path, row: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(row("circle", 1)["image"]["bytes"])
    train = ("train", "tiny", "--release", release, "--output", "run", "--epochs", 1)
    commands = (
        train,
        ("evaluate", "--run", "run"),
        ("predict", "--run", "run", picture),
        ("validate", "--release", release, "--set", "validation.epochs=1"),
    )
    # There is none, so that going there is an error of torch's.
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for command in commands:
        told = stickerworks(*command, "--device", "cpu", cwd=tmp_path)
        assert "CUDA" not in told.stderr, told.stderr
        assert told.returncode == (command[0] == "validate"), "README.md isn't there"
        refused = stickerworks(*command, "--device", "cuda", cwd=tmp_path)
        assert refused.returncode == 1
        assert "There is no device 'cuda' here" in refused.stderr, refused.stderr
