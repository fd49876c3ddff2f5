"""The STI trainer: it learns what captions show, repeats, resumes, judges and generates."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from training_task import make_task

from pipeline.baselines.sti.config import StiConfig
from pipeline.baselines.sti.data import captions_of, read_clips
from pipeline.baselines.sti.diffusion import Diffusion
from pipeline.baselines.sti.latents import open_codec
from pipeline.baselines.sti.model import VideoDenoiser
from pipeline.baselines.sti.presets import PRESETS
from pipeline.baselines.sti.rows import draw_batch, open_rows, row_losses
from pipeline.baselines.sti.sampling import ClipSampler, draw_clips, write_samples
from pipeline.baselines.sti.trainer import BASELINE
from pipeline.baselines.sti.unet import is_temporal
from pipeline.engine.compute import reproducible
from pipeline.engine.errors import StickerworksError
from pipeline.training import checkpointer
from pipeline.training.arrays import Floats
from pipeline.training.checkpoint import load_weights, save_weights
from pipeline.training.contract import NotJudgedError, Trained
from pipeline.training.examples import Dataset, Examples
from pipeline.training.gate_runs import judge
from pipeline.training.loop import Training, train_model
from pipeline.training.runs import TrainRequest, open_run, train_run
from pipeline.training.texts import text_features
from pipeline.training.trainer import evaluate, generate

Make = Callable[..., Any]
TINY = PRESETS["tiny"]
# Fewer weights, and every source of chance: order, noise, dropped captions, dropout.
QUICK = {"channels": "16,16", "caption_dropout": "0.5", "temporal": "videoldm"}


class StopError(Exception):
    """Ends a run between two steps."""


def train(
    release: Path, output: Path, stop: int = 0, changes: Mapping[str, str] = QUICK
) -> list[str]:
    """Train two epochs; returns the lines told."""
    lines: list[str] = []

    def each_step(done: int, steps: int, rows: int) -> None:
        if done == stop:
            raise StopError

    train_run(
        TrainRequest("sti", release, output, epochs=2, seed=3, changes=changes),
        lines.append,
        each_step,
    )
    return lines


def prepare(release: Path, config: StiConfig, seed: int = 0) -> Training:
    with reproducible(seed):
        return make_task(BASELINE, Dataset(release), config, seed)


def losses_of(model: VideoDenoiser, examples: Examples, config: StiConfig) -> Floats:
    rows = open_rows(examples, open_codec(config), config)
    return row_losses(model, Diffusion(config), rows, config)


@pytest.mark.slow
def test_it_overfits_32_stickers_and_draws_them_from_their_captions(
    write_release: Make, moving: Make
) -> None:
    # Red and blue alone, each sight twice: half as many epochs as the preset's do then.
    seen = [number for number in range(64) if number % 16 < 8]
    release = write_release(train=[moving(number) for number in seen])
    config = replace(TINY, epochs=20)
    train_rows = read_clips(Dataset(release), "train", config)
    prepared = prepare(release, config)
    model = cast("VideoDenoiser", prepared.model)
    start = losses_of(model, train_rows, config)
    with reproducible(0):
        curve = train_model(prepared)
    end = losses_of(model, train_rows, config)
    assert end.mean() < 0.3 * start.mean()
    assert curve[-1].loss < 0.4 * curve[0].loss
    rows = open_rows(train_rows, open_codec(config), config)
    captions = captions_of(train_rows)
    wrong = text_features([*captions[5:], *captions[:5], ""], config.text_spec)
    misled = row_losses(model, Diffusion(config), replace(rows, text=wrong), config)
    assert misled.mean() > 1.2 * end.mean(), "it reads the captions"
    studio = ClipSampler(config, Diffusion(config), open_codec(config))
    asked = ["Cartoon\ta red circle moves right", "Cartoon\ta blue square moves down"]
    red, blue = (clip.astype(int) for clip in draw_clips(model, studio, asked, 0))
    # What is red lacks blue, and the other way round.
    assert (255 - red[..., 2]).sum() > 1.35 * (255 - red[..., 0]).sum()
    assert (255 - blue[..., 0]).sum() > 1.35 * (255 - blue[..., 2]).sum()


def test_two_runs_with_one_seed_are_equal_and_another_seed_differs(
    animations: Make, tmp_path: Path
) -> None:
    release = animations(train=8, validation=4)
    lines = train(release, tmp_path / "one")
    train(release, tmp_path / "two")
    one, two = (tmp_path / name for name in ("one", "two"))
    for file in ("steps.jsonl", "curve.json", "model.safetensors"):
        assert (one / file).read_bytes() == (two / file).read_bytes()
    assert "8 train and 4 validation rows" in lines[0]
    steps = [json.loads(line) for line in (one / "steps.jsonl").read_text().splitlines()]
    assert len(steps) == 4
    points = json.loads((one / "curve.json").read_text())
    assert all(0 < point["metrics"]["denoising_loss"] < 3 for point in points)
    request = TrainRequest("sti", release, tmp_path / "other", epochs=2, seed=4, changes=QUICK)
    train_run(request, lambda line: None, lambda done, steps, rows: None)
    assert (tmp_path / "other" / "steps.jsonl").read_bytes() != (one / "steps.jsonl").read_bytes()


def test_a_run_that_is_stopped_and_continued_equals_one_that_is_not(
    animations: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpointer, "_SAVE_EVERY", 1)
    release = animations(train=12, validation=4)
    changes = {**QUICK, "batch_size": "2", "accumulate": "2"}
    train(release, tmp_path / "whole", changes=changes)
    for stop in (2, 4):
        with pytest.raises(StopError):
            train(release, tmp_path / "stopped", stop, changes)
    train(release, tmp_path / "stopped", changes=changes)
    whole, stopped = (tmp_path / name for name in ("whole", "stopped"))
    assert len((whole / "steps.jsonl").read_bytes().splitlines()) == 6
    for file in ("steps.jsonl", "curve.json", "model.safetensors", "checkpoint.safetensors"):
        assert (whole / file).read_bytes() == (stopped / file).read_bytes(), file


def test_every_row_comes_once_an_epoch_and_some_lose_their_caption(animations: Make) -> None:
    config = replace(PRESETS["tiny"], batch_size=5, caption_dropout=0.5)
    examples = read_clips(Dataset(animations(train=12)), "train", config)
    rows = open_rows(examples, open_codec(config), config)
    diffusion = Diffusion(config)
    torch.manual_seed(0)
    batches = [draw_batch(rows, diffusion, config, (1, 1, number)) for number in range(3)]
    assert [len(batch[0]) for batch in batches] == [5, 5, 2]
    latents = torch.cat([batch[0] for batch in batches])
    places = [
        next(row for row in range(12) if torch.equal(rows.latents(row), one)) for one in latents
    ]
    assert sorted(places) == list(range(12))
    assert places != list(range(12))
    assert np.array_equal(rows.empty, rows.text[12])
    texts = torch.cat([batch[1] for batch in batches])
    dropped = [torch.equal(text, rows.empty) for text in texts]
    assert 2 <= sum(dropped) <= 10
    for place, text, lost in zip(places, texts, dropped, strict=True):
        assert lost or np.array_equal(text, rows.text[place])


def test_validation_losses_are_those_of_the_averages_and_of_each_row_alone(
    animations: Make,
) -> None:
    config = replace(PRESETS["tiny"], channels=(16, 16), batch_size=3)
    examples = read_clips(Dataset(animations(train=5)), "train", config)
    torch.manual_seed(0)
    model = VideoDenoiser(config, pretrained=True)
    found = losses_of(model, examples, config)
    assert found.shape == (config.validation_draws, 5)
    alone = losses_of(model, examples, replace(PRESETS["tiny"], channels=(16, 16), batch_size=1))
    assert np.allclose(found, alone, rtol=1e-4)
    with torch.no_grad():
        model.unet.get_parameter("conv_out.weight").add_(1.0)
    assert np.array_equal(losses_of(model, examples, config), found)
    model.follow()
    assert (losses_of(model, examples, config) > found).all()


def test_on_a_base_only_the_temporal_part_changes(
    on_base: Make, animations: Make, tmp_path: Path
) -> None:
    config = on_base(caption_dropout=0.5)
    release = animations(train=4, validation=2)
    prepared = prepare(release, config)
    model = cast("VideoDenoiser", prepared.model)
    before = {name: value.clone() for name, value in model.unet.state_dict().items()}
    with reproducible(0):
        train_model(prepared)
    changed = {
        name
        for name, value in model.unet.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed
    assert all(is_temporal(name) for name in changed)
    assert any("semantic_weight" in name for name in changed)
    assert int(model.steps) == prepared.schedule.steps, "the averages follow each step"
    save_weights(tmp_path / "model.safetensors", model)
    # The base gives VAE and text encoder alone: its UNet's weights are in the run.
    run = Trained(config, {}, tmp_path / "model.safetensors")
    clips = generate(BASELINE, run, ["Cartoon\ta red circle"] * 3, 5)
    assert [clip.shape for clip in clips] == [(8, 32, 32, 3)] * 3
    assert clips[0].dtype == np.uint8
    assert not np.array_equal(clips[0], clips[1]), "each has noise of its own"


@pytest.fixture
def run(animations: Make, tmp_path: Path) -> tuple[Path, Path]:
    """A release and a run on it, of two epochs."""
    release = animations(train=8, validation=8, test=6)
    train(release, tmp_path / "run", changes={"channels": "16,16"})
    return release, tmp_path / "run"


def test_a_run_is_evaluated_with_what_there_is(run: tuple[Path, Path]) -> None:
    release, folder = run
    baseline, _, trained = open_run(folder)
    found = evaluate(baseline, trained, Dataset(release), "test")
    assert not found.rows
    assert found.figures["rows"] == 6
    assert 0 < found.figures["denoising loss"] < 3
    assert sum("is missing: set " in note for note in found.notes) == 3
    changed = Trained(
        replace(
            PRESETS["tiny"], channels=(16, 16), quality=f"{np.__name__}:ravel", evaluated_clips=4
        ),
        trained.facts,
        trained.weights,
    )
    notes = evaluate(baseline, changed, Dataset(release), "test").notes
    assert any("VQA is missing" in note for note in notes), "it gives no figure for each clip"
    assert any("the first 4 of 6 rows were drawn" in note for note in notes)


def test_clips_are_drawn_from_captions_the_same_way_each_time(run: tuple[Path, Path]) -> None:
    baseline, _, trained = open_run(run[1])
    captions = [f"Cartoon\tnumber {n}" for n in range(5)]
    clips = generate(baseline, trained, captions, 1)
    again = generate(baseline, trained, captions[:2], 1)
    other = generate(baseline, trained, captions, 2)
    assert len(clips) == 5
    assert all(clip.shape == (4, 16, 16, 3) and clip.dtype == np.uint8 for clip in clips)
    assert np.abs(clips[1].astype(int) - again[1]).max() <= 1
    assert not np.array_equal(clips[0], other[0])


def test_predict_writes_a_gif_for_each_caption(
    run: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    from stickerworks.cli.main import main

    words = ["predict", "--run", str(run[1]), "--caption", "a red circle", "--caption", "二"]
    monkeypatch.setattr("sys.argv", ["stickerworks", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0, capsys.readouterr().err
    assert "001.gif: 二" in capsys.readouterr().out
    for number in (0, 1):
        with Image.open(run[1] / "samples" / f"{number:03d}.gif") as image:
            assert image.n_frames == 4
    assert (run[1] / "predictions.png").stat().st_size > 1000


def test_a_run_leaves_sheets_of_samples_and_fresh_removes_them(
    animations: Make, tmp_path: Path
) -> None:
    release, folder = animations(train=8, validation=4), tmp_path / "run"
    changes = {"channels": "16,16", "sample_every": "2"}
    for fresh in (False, True):
        if fresh:
            (folder / "samples" / "old.gif").write_bytes(b"")
        request = TrainRequest("sti", release, folder, epochs=3, changes=changes, fresh=fresh)
        train_run(request, lambda line: None, lambda *done: None)
        sheets = sorted(path.name for path in (folder / "samples").iterdir())
        assert sheets == ["epoch-0002.gif", "epoch-0003.gif"]


def test_samples_stand_below_what_they_are_of(run: tuple[Path, Path], tmp_path: Path) -> None:
    from PIL import Image

    release, folder = run
    _, _, trained = open_run(folder)
    config = cast("StiConfig", trained.settings)
    model = VideoDenoiser(config, pretrained=False)
    load_weights(trained.weights, model)
    studio = ClipSampler(config, Diffusion(config), open_codec(config))
    examples = read_clips(Dataset(release), "validation", config)
    before = torch.get_rng_state()
    write_samples(model, studio, examples, tmp_path / "samples" / "0001.gif")
    assert torch.equal(torch.get_rng_state(), before), "looking must not change the run"
    with Image.open(tmp_path / "samples" / "0001.gif") as image:
        assert image.n_frames == config.frames
        assert image.size == (4 * 16 + 6, 2 * 16 + 2)
        above = np.asarray(image.convert("RGB"))[:16, :16].astype(int)
    assert np.abs(above - examples.frames[0][0]).mean() < 6


def test_the_gate_gets_minus_the_loss_of_each_validation_row(animations: Make) -> None:
    release = animations(train=8, validation=8)
    config = replace(PRESETS["tiny"], channels=(16, 16), epochs=1)
    with reproducible(1):
        found = judge(BASELINE, Dataset(release, seed=1), config, 1)
    assert found.rows == 8
    each = -found.judged.resample(np.eye(8))
    assert (each > 0).all()
    assert found.judged.resample(np.ones((1, 8)))[0] == pytest.approx(-each.mean())
    weights = np.array([[3.0, 1, 0, 0, 0, 0, 0, 0]])
    assert found.judged.resample(weights)[0] == pytest.approx(-(3 * each[0] + each[1]) / 4)
    assert len(found.judged.table) == config.validation_draws
    assert np.mean([row["denoising loss"] for row in found.judged.table.values()]) == pytest.approx(
        each.mean()
    )
    assert found.curve[-1].metrics["denoising_loss"] == pytest.approx(each.mean())
    with reproducible(1):
        again = judge(BASELINE, Dataset(release, seed=1), config, 1)
    assert np.array_equal(-again.judged.resample(np.eye(8)), each)


def test_a_release_without_animations_is_refused(write_release: Make, moving: Make) -> None:
    release = write_release(train=[moving(n, frames=1) for n in range(9)], validation=[moving(20)])
    with pytest.raises(
        StickerworksError, match="nothing to learn: train has 0 animations of 9 rows"
    ):
        prepare(release, TINY)
    with pytest.raises(NotJudgedError, match="train has 0 usable rows of 9"):
        judge(BASELINE, Dataset(release), TINY, 0)
