"""The tiny baseline: it learns, it repeats, and a run of it judges and predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_task import make_task, train_noted

from pipeline.baselines.tiny.trainer import BASELINE, TinyNet
from pipeline.engine.errors import StickerworksError
from pipeline.training.contract import NewSticker, Trained, UnreadableImageError
from pipeline.training.examples import Dataset, learnable_tags
from pipeline.training.frames import KEY_FRAME
from pipeline.training.loop import train_model
from pipeline.training.metrics import mean_average_precision, metrics_at_cuts
from pipeline.training.runs import TrainRequest, open_run, train_run
from pipeline.training.tagging import rank_tags
from pipeline.training.trainer import evaluate, new_examples, predict

Make = Callable[..., Any]
TAGS = ["circle", "cross", "square", "stripes"]


@pytest.fixture
def release(write_release: Make, shapes: Make, row: Make) -> Path:
    test = [*shapes(20, 900), row("circle", 950, tags=["circle", "unheard of"])]
    return write_release(train=shapes(48), validation=shapes(12, 500), test=test)


def train(release: Path, output: Path, epochs: int) -> None:
    train_run(
        TrainRequest("tiny", release, output, epochs=epochs), lambda line: None, lambda *done: None
    )


def test_it_overfits_32_stickers(write_release: Make, shapes: Make) -> None:
    rows = shapes(32)
    release = write_release(train=rows, validation=rows)
    settings = replace(BASELINE.presets["tiny"], epochs=40)
    _, curve = train_noted(BASELINE, release, settings, 0)
    assert curve[-1].loss < curve[0].loss / 10
    assert curve[-1].metrics["map"] > 0.99


def test_the_model_has_the_parameters_that_its_layers_say() -> None:
    first, second, third = BASELINE.presets["tiny"].channels
    expected = 3 * first * 25 + first * second * 9 + second * third * 9
    expected += 2 * (first + second + third) + (2 * third + 1) * 7
    net = TinyNet(7, (first, second, third))
    assert sum(weight.numel() for weight in net.parameters()) == expected
    assert net(torch.rand(2, 3, 48, 48)).shape == (2, 7)


def test_every_row_is_seen_once_an_epoch(release: Path) -> None:
    task = make_task(BASELINE, Dataset(release), BASELINE.presets["tiny"], 5)
    seen = [task.batch(2, n)[2] for n in range(task.schedule.batches_per_epoch)]
    assert torch.cat(seen).sum(0).tolist() == [12, 12, 12, 12]
    assert not torch.equal(task.batch(1, 0)[0], task.batch(2, 0)[0])
    assert torch.equal(task.batch(1, 1)[0], task.batch(1, 1)[0])


def test_a_run_judges_and_predicts_with_the_weights_that_it_kept(
    release: Path, tmp_path: Path, row: Make
) -> None:
    train(release, tmp_path / "run", epochs=12)
    baseline, recipe, trained = open_run(tmp_path / "run")
    assert (baseline.name, recipe.facts["tags"]) == ("tiny", TAGS)
    found = evaluate(baseline, trained, Dataset(release), "test")
    assert list(found.rows) == ["top 1", "top 3", "top 5", "above 0.5"]
    assert list(found.rows["top 1"]) == ["CP", "CR", "CF1", "OP", "OR", "OF1"]
    assert found.figures["rows"] == 21
    assert found.figures["mAP"] > 0.6
    assert found.rows["top 5"]["OP"] == pytest.approx(1 / 4), "top 5 of 4 tags are all of them"
    assert found.notes == ("1 labels are of tags that this run never learnt and are left out",)
    shapes = [NewSticker(row(shape, 900 + n)["image"]["bytes"]) for n, shape in enumerate(TAGS * 3)]
    predictions = predict(baseline, trained, shapes)
    again = [predict(baseline, trained, [data])[0] for data in shapes]
    for one, other in zip(predictions, again, strict=True):
        assert [tag for tag, _ in one] == [tag for tag, _ in other]
        assert dict(one) == pytest.approx(dict(other), rel=1e-4), "alone or among others"
        assert sorted(dict(one)) == TAGS
        assert [score for _, score in one] == sorted(dict(one).values(), reverse=True)
    right = sum(ranked[0][0] == tag for ranked, tag in zip(predictions, TAGS * 3, strict=True))
    assert right >= 8
    with pytest.raises(StickerworksError, match="no split and no named test set 'dev'"):
        evaluate(baseline, trained, Dataset(release), "dev")
    with pytest.raises(UnreadableImageError) as caught:
        predict(baseline, trained, [shapes[0], NewSticker(b"GIF89a")])
    assert caught.value.number == 1


def test_scores_of_a_release_equal_the_metrics_of_its_labels(release: Path, tmp_path: Path) -> None:
    train(release, tmp_path / "run", epochs=1)
    baseline, _, trained = open_run(tmp_path / "run")
    found = evaluate(baseline, trained, Dataset(release), "validation")
    data = Dataset(release).read("validation", 48, KEY_FRAME)
    import pyarrow.parquet as pq

    images = pq.read_table(release / "data" / "validation-00000-of-00001.parquet")["image"]
    ranked = predict(
        baseline, trained, [NewSticker(image["bytes"]) for image in images.to_pylist()]
    )
    scores = np.array([[dict(one)[tag] for tag in TAGS] for one in ranked])
    truth = replace(data, tags=tuple(TAGS)).truth
    assert found.figures["mAP"] == pytest.approx(mean_average_precision(scores, truth))
    expected = metrics_at_cuts(scores, truth)
    assert found.rows["top 1"]["OR"] == expected["top 1"].or_
    assert found.rows["above 0.5"]["CF1"] == expected["above 0.5"].cf1
    curve = (tmp_path / "run" / "curve.json").read_text()
    assert f'"map": {found.figures["mAP"]!r}' in curve, "the curve's last point is this model's"


def test_the_validation_loss_is_that_of_all_validation_rows_without_chance(release: Path) -> None:
    settings = replace(BASELINE.presets["tiny"], epochs=1, batch_size=5)
    task = make_task(BASELINE, Dataset(release), settings, 0)
    model = task.model.eval()
    data = Dataset(release).read("validation", settings.image_side, KEY_FRAME)
    images = torch.from_numpy(np.stack([data.frames[n][0] for n in range(len(data))]))
    truth = torch.from_numpy(replace(data, tags=tuple(TAGS)).truth).float()
    with torch.no_grad():
        logits = model(images.permute(0, 3, 1, 2).float() / 255)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)
    before = torch.get_rng_state()
    found = [task.evaluate(model)["validation_loss"] for _ in range(2)]
    assert found == pytest.approx([float(expected)] * 2, rel=1e-5)
    assert torch.equal(torch.get_rng_state(), before)


def test_validation_may_be_empty(write_release: Make, shapes: Make) -> None:
    settings = replace(BASELINE.presets["tiny"], epochs=1, image_side=16)
    task = make_task(BASELINE, Dataset(write_release(train=shapes(16))), settings, 0)
    assert np.isnan(list(train_model(task)[0].metrics.values())).all()


def new_images(stickers: list[bytes], side: int) -> Any:
    run = Trained(replace(BASELINE.presets["tiny"], image_side=side), {"tags": TAGS}, Path())
    return new_examples(BASELINE, run, [NewSticker(data) for data in stickers]).images


def test_ties_go_to_the_earlier_tag() -> None:
    scores = np.array([[0.5, 0.7, 0.5]])
    assert rank_tags(scores, ["a", "b", "c"]) == [(("b", 0.7), ("a", 0.5), ("c", 0.5))]


def test_an_undecodable_image_is_numbered_and_told_in_fixed_words(row: Make) -> None:
    good = row("circle", 1)["image"]["bytes"]
    with pytest.raises(UnreadableImageError) as caught:
        new_images([good, good, b"not an image"], 8)
    assert (caught.value.number, caught.value.reason) == (2, "not an image of a known format")


def test_labels_are_only_of_tags_on_two_train_rows(write_release: Make, shapes: Make) -> None:
    rows = shapes(9)
    rows[8]["tags"] = ["once"]
    train = Dataset(write_release(train=rows)).read("train", 8, KEY_FRAME)
    assert learnable_tags(train) == ("circle", "cross", "square", "stripes")
    assert not replace(train, tags=learnable_tags(train)).truth[8].any()


def test_a_tagger_reads_key_frames_of_data_sets_and_of_new_files(
    write_release: Make, row: Make, appearing: bytes, still: bytes
) -> None:
    rows = [row("circle", n, image={"bytes": appearing, "path": "a.gif"}) for n in range(2)]
    train = Dataset(write_release(train=rows))
    task = make_task(BASELINE, train, replace(BASELINE.presets["tiny"], image_side=32), 0)
    seen = train.read("train", 32, KEY_FRAME)
    assert seen.lengths == (2, 2)
    assert (seen.frames[0][0] == new_images([still], 32)[0]).all()
    assert (new_images([appearing], 32) == new_images([still], 32)).all()
    # Where it was mirrored or moved, too, it shows the circle.
    assert float(task.batch(1, 0)[0].std()) > 0.1
