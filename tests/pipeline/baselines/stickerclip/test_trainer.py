"""StickerCLIP as a baseline: it learns, repeats, resumes, retrieves, tags and judges."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_task import check_a_kill, make_task, train_noted

from pipeline.baselines.stickerclip.config import PRESETS
from pipeline.baselines.stickerclip.model import StickerClip
from pipeline.baselines.stickerclip.trainer import BASELINE
from pipeline.engine.compute import reproducible
from pipeline.engine.errors import StickerworksError
from pipeline.training.checkpoint import save_weights
from pipeline.training.contract import Baseline, NewSticker, NotJudgedError, Trained
from pipeline.training.examples import Dataset
from pipeline.training.gate_runs import judge
from pipeline.training.loop import train_model
from pipeline.training.runs import TrainRequest, open_run, train_run
from pipeline.training.trainer import evaluate, predict, prepare

Make = Callable[..., Any]
TINY = PRESETS["tiny"]
SHORT = replace(TINY, epochs=2, image_side=16, batch_size=8, dropout=0.1, crop=0.8)


@pytest.fixture
def release(write_release: Make, captioned: Make, row: Make) -> Path:
    return write_release(
        train=captioned(32),
        validation=captioned(8, 500),
        test=[*captioned(12, 900), row("circle", 990, tags=[])],
    )


def test_it_overfits_32_stickers(write_release: Make, captioned: Make) -> None:
    rows = captioned(32)
    release = write_release(train=rows, validation=rows)
    _, curve = train_noted(BASELINE, release, replace(TINY, epochs=60), 0)
    assert curve[-1].loss < curve[0].loss / 5
    assert curve[-1].metrics["R@1"] > 0.9
    assert curve[0].metrics["R@1"] < 0.3


def test_one_seed_gives_one_log_and_another_seed_another(release: Path) -> None:
    first, again, other = (train_noted(BASELINE, release, SHORT, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(first[0]) == 8
    assert list(first[1][0].metrics) == ["R@1", "R@5", "R@10", "validation_loss"]


def test_a_run_resumed_from_a_kill_equals_the_uninterrupted_one(
    release: Path, tmp_path: Path
) -> None:
    short = replace(TINY, epochs=2, image_side=16, batch_size=8, dropout=0.1)
    check_a_kill(BASELINE, release, short, tmp_path)


def test_steps_limit_the_scale_spare_gains_and_treat_equal_texts_as_set(
    write_release: Make, shapes: Make
) -> None:
    release = write_release(train=shapes(16))
    losses = []
    for same_text in ("negative", "ignored"):
        settings = replace(SHORT, dropout=0.0, same_text=same_text, weight_decay=0.2)
        with reproducible(0):
            task = make_task(BASELINE, Dataset(release), settings, 0)
            losses.append(task.loss(task.model, task.batch(1, 0)).item())
            assert task.groups is not None
            assert [group["weight_decay"] for group in task.groups(task.model)] == [0.0, 0.2]
            with torch.no_grad():
                task.model.clip.logit_scale.fill_(7.0)
            train_model(task)
        assert task.model.scale.item() == pytest.approx(100, rel=0.01)
    assert losses[1] < losses[0], "with four texts most negatives are the row's own text"


def test_a_run_from_pretrained_weights_later_needs_its_own_alone(
    release: Path, tmp_path: Path
) -> None:
    from transformers import BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "drawing", "of", "a", "circle"]
    given = tmp_path / "given"
    given.mkdir()
    (given / "vocab.txt").write_text("\n".join(words))
    BertTokenizer(str(given / "vocab.txt")).save_pretrained(given)
    with reproducible(3):
        first = StickerClip(SHORT, pretrained=False)
    first.clip.save_pretrained(given)
    settings = replace(SHORT, epochs=1, weights=str(given))
    with reproducible(0):
        task = make_task(BASELINE, Dataset(release), settings, 0)
        start = {name: weight.clone() for name, weight in task.model.state_dict().items()}
        assert all(torch.equal(start[name], old) for name, old in first.state_dict().items())
        ids = task.batch(1, 0)[2]
        assert 8 >= ids.max() >= 5, "the tokenizer is that of the weights"
        train_model(task)
    save_weights(tmp_path / "model.safetensors", task.model)
    (given / "model.safetensors").unlink()
    run = Trained(settings, {"tags": ["circle", "square"]}, tmp_path / "model.safetensors")
    assert evaluate(BASELINE, run, Dataset(release), "validation").figures["rows"] == 8
    with pytest.raises(StickerworksError, match="can't be had"):
        make_task(BASELINE, Dataset(release), settings, 0)


@pytest.fixture
def trained(release: Path, tmp_path: Path) -> tuple[Baseline, Trained]:
    """A run of twelve epochs, as the commands make and open it."""
    changes = {"image_side": "32", "batch_size": "16"}
    request = TrainRequest("stickerclip", release, tmp_path / "run", epochs=12, changes=changes)
    train_run(request, lambda line: None, lambda *done: None)
    baseline, recipe, run = open_run(tmp_path / "run")
    assert recipe.facts["tags"] == ["circle", "cross", "square", "stripes"]
    return baseline, run


def test_a_run_retrieves_tags_and_says_what_it_left_out(
    trained: tuple[Baseline, Trained], release: Path, row: Make
) -> None:
    baseline, run = trained
    assert baseline == BASELINE
    found = evaluate(BASELINE, run, Dataset(release), "test")
    assert list(found.rows) == ["text to image", "image to text"]
    assert list(found.rows["image to text"]) == ["R@1", "R@5", "R@10", "mean"]
    assert found.rows["text to image"]["R@10"] > 10 / 12 - 0.35
    assert found.figures["rows"] == found.figures["texts"] == 12
    assert found.figures["mean recall"] == pytest.approx(
        np.mean([values["mean"] for values in found.rows.values()])
    )
    assert any(note.startswith("the logit scale is ") for note in found.notes)
    assert "1 test rows have no text and were not used" in found.notes
    last = json.loads((run.weights.parent / "curve.json").read_text())[-1]["metrics"]
    rows = evaluate(BASELINE, run, Dataset(release), "validation").rows.values()
    assert 0 < last.pop("validation_loss") < 3, "of 8 pairs chance has ln 8"
    assert {name: np.mean([values[name] for values in rows]) for name in last} == (
        pytest.approx(last)
    ), "the curve's last point is of the weights that were kept"

    stickers = [NewSticker(row(tag, 700 + n)["image"]["bytes"]) for n, tag in enumerate("ab")]
    predictions = predict(BASELINE, run, stickers)
    assert len(predictions) == 2
    for ranked in predictions:
        assert sorted(tag for tag, _ in ranked) == ["circle", "cross", "square", "stripes"]
        assert sum(score for _, score in ranked) == pytest.approx(1, rel=1e-5)
        assert [score for _, score in ranked] == sorted(dict(ranked).values(), reverse=True)
    with pytest.raises(StickerworksError, match="no split and no named test set 'dev'"):
        evaluate(BASELINE, run, Dataset(release), "dev")
    with pytest.raises(StickerworksError, match="no tag stood on two"):
        predict(BASELINE, replace(run, facts={"tags": []}), stickers)


def test_the_gate_sees_what_right_texts_teach_and_shuffled_ones_do_not(
    write_release: Make, shapes: Make
) -> None:
    release = write_release(train=shapes(80), validation=shapes(24, 500))
    settings = replace(TINY, epochs=16, image_side=32)
    figures = []
    for shuffled in (False, True):
        with reproducible(0):
            judged = judge(BASELINE, Dataset(release, shuffled), settings, 0)
        figures.append(float(judged.judged.resample(np.ones((1, judged.rows)))[0]))
        assert judged.rows == 24
        assert set(judged.uses) == {"train", "validation"}
        assert judged.judged.permute is not None
        own = judged.judged.permute(np.arange(24)[None])[0]
        assert own == pytest.approx(figures[-1])
    assert figures[0] > 0.75
    assert figures[0] > figures[1] + 0.2


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ({"caption_en": "the same", "tags": []}, "24 rows with a text, 1 of them different"),
        ({"tags": []}, "0 rows with a text"),
    ],
)
def test_texts_that_tell_nothing_apart_are_not_judged(
    write_release: Make, shapes: Make, rows: dict[str, Any], reason: str
) -> None:
    release = write_release(train=shapes(24, **rows), validation=shapes(12, 500, **rows))
    with pytest.raises(NotJudgedError, match=reason):
        judge(BASELINE, Dataset(release), SHORT, 0)
    with pytest.raises(StickerworksError, match="2 rows and 2 texts are needed"):
        prepare(BASELINE, Dataset(release), SHORT)


def test_it_learns_from_sticker820ks_own_layout(write_sticker820k: Make, captioned: Make) -> None:
    rows = {f"{n}.gif": row for n, row in enumerate(captioned(12))}
    infos = {
        name: {"caption": row["caption_en"], "ocr_text": "", "emotion_label": row["tags"][0]}
        for name, row in rows.items()
    }
    images = {name: row["image"]["bytes"] for name, row in rows.items()}
    folder = write_sticker820k(infos, images, train=list(rows)[:8], valid=list(rows)[8:])
    prepared = prepare(BASELINE, Dataset(folder), SHORT)
    assert len(prepared.train) == 8
    assert prepared.facts["tags"] == ["circle", "cross", "square", "stripes"]
    assert prepared.notes[0] == "8 train and 4 validation rows, 4 tags"
    with reproducible(0):
        (*_, last) = train_model(make_task(BASELINE, Dataset(folder), SHORT, 0))
    assert np.isfinite(last.loss)
