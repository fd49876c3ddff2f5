"""Att2PL as a baseline: it learns, repeats, resumes, judges, predicts and shows where it looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_task import check_a_kill, train_kept, train_noted

from pipeline.baselines.att2pl.config import PRESETS
from pipeline.baselines.att2pl.trainer import BASELINE
from pipeline.training.contract import NewSticker, Trained
from pipeline.training.examples import Dataset
from pipeline.training.trainer import evaluate, predict, show_attention

Make = Callable[..., Any]
SHORT = replace(PRESETS["tiny"], epochs=2)


@pytest.fixture
def release(write_release: Make, shapes: Make) -> Path:
    texts = {"caption_en": "a shape", "captioner": "model", "ocr_text": "hello"}
    return write_release(
        train=shapes(32, **texts), validation=shapes(8, 500, **texts), test=shapes(8, 900)
    )


@pytest.mark.slow
def test_it_overfits_32_stickers(release: Path) -> None:
    # Processors differ in the last bits of a sum, and on each some starts stay for these forty
    # epochs where all pictures look alike.
    for seed in (1, 2, 3, 0):
        steps, curve = train_noted(BASELINE, release, PRESETS["tiny"], seed)
        assert len(steps) == 160
        if curve[-1].loss < min(steps[0].loss, curve[0].loss) / 10:
            return
    pytest.fail(f"the last of four seeds ended at {curve[-1].loss:.3f}")


def test_two_runs_with_one_seed_give_equal_logs_and_another_seed_others(release: Path) -> None:
    once, again, other = (train_noted(BASELINE, release, SHORT, seed) for seed in (5, 5, 6))
    assert once == again
    assert once[0] != other[0]


@pytest.mark.slow
def test_a_run_resumed_from_a_kill_equals_the_uninterrupted_one(
    release: Path, tmp_path: Path
) -> None:
    check_a_kill(BASELINE, release, SHORT, tmp_path)


def test_a_trained_run_judges_predicts_and_shows_where_it_looks(
    release: Path, tmp_path: Path, row: Make
) -> None:
    train_kept(BASELINE, release, SHORT, tmp_path / "run")
    tags = ["circle", "cross", "square", "stripes"]
    run = Trained(SHORT, {"tags": tags}, tmp_path / "run" / "model.safetensors")
    evaluation = evaluate(BASELINE, run, Dataset(release), "test")
    assert evaluation.figures["rows"] == 8
    assert "top 1" in evaluation.rows
    stickers = [
        NewSticker(row(shape, 7)["image"]["bytes"], {"ocr_text": text})
        for shape, text in (("circle", ""), ("cross", "no"))
    ]
    predictions = predict(BASELINE, run, stickers)
    assert [sorted(name for name, _ in tags_) for tags_ in predictions] == [tags, tags]
    assert all(sum(score for _, score in tags_) == pytest.approx(1) for tags_ in predictions)
    maps = show_attention(BASELINE, run, stickers)
    assert [list(found) for found in maps] == [["renewed attention"]] * 2
    for found in maps:
        heat = found["renewed attention"]
        assert heat.shape == (2, 2)
        assert 0 <= heat.min() <= heat.max() <= 1
    plain = replace(SHORT, attention="none")
    assert show_attention(BASELINE, replace(run, settings=plain), stickers) == [{}, {}]


def test_the_paper_s_rate_is_constant_and_the_small_ones_warm_up_and_fall() -> None:
    paper = BASELINE.schedule(PRESETS["paper"], 100)
    assert {paper.rate(step) for step in (0, 1, 1000, 1999)} == {1e-5}
    assert (paper.steps, paper.weight_decay) == (2000, 1e-2)
    small = BASELINE.schedule(PRESETS["small"], 10)
    assert small.rate(0) < small.rate(19) == 5e-4
    assert small.rate(299) < 1e-5
    assert small.bf16
    short = BASELINE.schedule(SHORT, 10)
    assert (short.warmup_steps, short.rate(9)) == (10, 2e-3)


def test_train_images_move_over_white_by_the_shift_at_most() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    random = np.random.default_rng(0)
    assert np.array_equal(BASELINE.augment(image, random, PRESETS["paper"]), image)
    moved = [BASELINE.augment(image, random, replace(PRESETS["tiny"], shift=3)) for _ in range(50)]
    assert all(part.shape == image.shape and not part[3:-3, 3:-3].any() for part in moved)
    assert any((part[0] == 255).all() for part in moved)
    assert len({part.tobytes() for part in moved}) > 20
