"""The MGHFT trainer: it learns, repeats and resumes; it judges one tag a row and several."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from training_task import make_task, train_noted

from pipeline.baselines.mghft import trainer
from pipeline.baselines.mghft.backbone import Backbone
from pipeline.baselines.mghft.config import PRESETS, VIEWS
from pipeline.baselines.mghft.model import Mghft, total_loss
from pipeline.baselines.mghft.names import our_name
from pipeline.baselines.mghft.pretrained import follow_checkpoint, load_start
from pipeline.baselines.mghft.trainer import BASELINE, MghftTagger, soft_targets
from pipeline.engine.errors import StickerworksError
from pipeline.training import checkpointer, loop
from pipeline.training.checkpoint import load_weights
from pipeline.training.contract import NewSticker
from pipeline.training.examples import Dataset
from pipeline.training.runs import TrainRequest, open_run, train_run
from pipeline.training.settings import change_settings, restore_settings
from pipeline.training.tag_rows import TagRows
from pipeline.training.tagger import Inputs
from pipeline.training.trainer import evaluate, predict, prepare, show_attention

Make = Callable[..., Any]
TINY = PRESETS["tiny"]
# Every source of chance at once: order, mirror, RandAugment, drop path, dropout.
CHANCE = {
    "batch_size": "8",
    "mirror_chance": "0.5",
    "augment_operations": "2",
    "drop_path": "0.2",
    "fusion_dropout": "0.1",
}
COLOURS = ("red", "green", "blue", "white", "black", "pink", "grey")


class StopError(Exception):
    """Ends a run between two steps."""


def say(number: int, **columns: Any) -> dict[str, Any]:
    """Columns of text that differ from row to row."""
    return {"caption_en": f"{COLOURS[number % 7]} one of {number}", "captioner": "model", **columns}


@pytest.fixture
def release(write_release: Make, row: Make) -> Path:
    """Four shapes: one tag a row, and texts for two of the four views."""
    shapes = ("circle", "square", "cross", "stripes")

    def rows(count: int, first: int) -> list[dict[str, Any]]:
        return [row(shapes[n % 4], first + n, **say(n)) for n in range(count)]

    return write_release(train=rows(24, 0), validation=rows(12, 500), test=rows(12, 900))


def train(release: Path, output: Path, stop: int = 0, epochs: int = 2, **changes: Any) -> list[str]:
    """Train two epochs with every source of chance; returns the lines told."""
    lines: list[str] = []

    def each_step(done: int, steps: int, rows: int) -> None:
        if done == stop:
            raise StopError

    request = TrainRequest(
        "mghft", release, output, epochs=epochs, seed=3, changes={**CHANCE, **changes}
    )
    train_run(request, lines.append, each_step)
    return lines


def inputs(rows: int, seed: int = 0) -> Inputs:
    random = torch.Generator().manual_seed(seed)
    images = torch.rand(rows, 3, 64, 64, generator=random)
    return Inputs(images, torch.randn(rows, 4, 768, generator=random))


def test_it_overfits_32_stickers(write_release: Make, shapes: Make) -> None:
    rows = shapes(32)
    release = write_release(train=rows, validation=rows)
    settings = replace(BASELINE.presets["tiny"], epochs=35)
    _, curve = train_noted(BASELINE, release, settings, 0)
    assert curve[-1].loss < curve[0].loss / 10
    assert curve[-1].metrics["accuracy"] == 1
    assert curve[0].metrics["accuracy"] < 0.8, "it didn't know them from the start"


def test_one_seed_gives_equal_logs_and_a_stopped_run_ends_like_an_unbroken_one(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpointer, "_SAVE_EVERY", 2)
    for name in ("one", "other"):
        train(release, tmp_path / name)
    for stop in (1, 3, 5):
        with pytest.raises(StopError):
            train(release, tmp_path / "stopped", stop)
    train(release, tmp_path / "stopped")
    files = {path.name: path.read_bytes() for path in sorted((tmp_path / "one").iterdir())}
    assert len(files["steps.jsonl"].splitlines()) == 6
    for name in ("other", "stopped"):
        again = {path.name: path.read_bytes() for path in sorted((tmp_path / name).iterdir())}
        assert again == files, name


def test_a_run_judges_one_tag_a_row_and_shows_where_it_looks(
    release: Path, tmp_path: Path, row: Make
) -> None:
    lines = train(release, tmp_path / "run")
    assert any("view intention: 0 of 24 rows have it, 24 get another column" in x for x in lines)
    assert any("view overall style: 0 of 24 rows have it, 0 get another" in x for x in lines)
    baseline, recipe, trained = open_run(tmp_path / "run")
    tags = ["circle", "cross", "square", "stripes"]
    assert recipe.facts["tags"] == tags
    found = evaluate(baseline, trained, Dataset(release), "test")
    assert {"accuracy", "weighted F1", "macro F1", "weighted precision"} <= set(found.figures)
    assert list(found.rows["circle"]) == ["precision", "recall", "F1"]
    confusion = np.array([list(found.rows[f"true {tag}"].values()) for tag in tags])
    assert confusion.sum(1).tolist() == [3, 3, 3, 3]
    assert confusion.trace() / 12 == pytest.approx(found.figures["accuracy"])
    assert found.rows["top 1"]["OP"] == pytest.approx(found.figures["accuracy"])
    stickers = [
        NewSticker(row("circle", 1)["image"]["bytes"]),
        NewSticker(row("circle", 1)["image"]["bytes"], {"caption_en": "a red one"}),
    ]
    plain, told = (dict(each) for each in predict(baseline, trained, stickers))
    assert sum(plain.values()) == pytest.approx(1)
    assert plain != told, "a sticker's text plays a part"
    (maps, _) = show_attention(baseline, trained, stickers)
    sides = {name: heat.shape for name, heat in maps.items()}
    assert sides == {
        "stage 1": (16, 16), "stage 2": (8, 8), "stage 3": (4, 4), "stage 4": (2, 2),
        "last block": (2, 2),
    }  # fmt: skip
    for name, heat in maps.items():
        assert (heat.min(), heat.max()) == (0, pytest.approx(1)), name


@pytest.mark.parametrize(
    ("split", "rows"), [("val", "12 validation rows"), ("test", "5 test rows")]
)
def test_the_split_that_selects_is_a_setting(
    split: str, rows: str, write_release: Make, shapes: Make, tmp_path: Path
) -> None:
    release = write_release(train=shapes(16), validation=shapes(12, 500), test=shapes(5, 900))
    settings = replace(BASELINE.presets["tiny"], epochs=1, select_on=split)
    prepared = prepare(BASELINE, Dataset(release), settings)
    assert make_task(BASELINE, Dataset(release), settings, 0).select_on == "accuracy"
    assert rows in prepared.notes[0]
    warned = "the epoch is chosen by the test split: its figures there are no test"
    assert (warned in prepared.notes) == (split == "test")


def test_the_epoch_of_the_best_accuracy_is_kept(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = iter([0.5, 0.75, 0.25])
    kept: list[float] = []
    monkeypatch.setattr(
        "pipeline.baselines.mghft.trainer.hit_rate",
        lambda scores, truth: kept.append(float(scores.sum(0)[0])) or next(given),
    )
    request = TrainRequest(
        "mghft", release, tmp_path / "run", epochs=3, changes={"batch_size": "8"}
    )
    train_run(request, lambda line: None, lambda *done: None)
    _, _, trained = open_run(tmp_path / "run")
    model = BASELINE.build(trained.settings, 4, pretrained=False)
    load_weights(trained.weights, model)
    given = iter([0.0])
    evaluate(BASELINE, trained, Dataset(release), "validation")
    assert kept[3] == pytest.approx(kept[1], rel=1e-5)
    assert kept[3] != pytest.approx(kept[2], abs=1e-4)


def test_rows_of_several_tags_are_judged_by_any_of_them(
    write_release: Make, row: Make, tmp_path: Path
) -> None:
    pairs = [
        row(shape, n, tags=[shape, "drawn"]) for n, shape in enumerate(["circle", "cross"] * 8)
    ]
    release = write_release(train=pairs, validation=pairs, test=pairs)
    train(release, tmp_path / "run")
    _, _, trained = open_run(tmp_path / "run")
    found = evaluate(BASELINE, trained, Dataset(release), "test")
    assert list(found.rows) == ["top 1", "top 3", "top 5", "above 0.5"]
    assert "weighted F1" not in found.figures
    assert 0 <= found.figures["accuracy"] <= 1


def test_the_loss_of_one_tag_is_the_papers_and_of_several_shares_it() -> None:
    torch.manual_seed(0)
    model = BASELINE.build(replace(TINY, label_smoothing=0.2), 5, pretrained=False).eval()
    one = functional.one_hot(torch.tensor([3, 0]), 5).float()
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    deviation = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    seen = inputs(2)
    output = model((seen.images - mean) / deviation, seen.text)
    expected = total_loss(output, torch.tensor([3, 0]), model.config)
    assert BASELINE.loss(model, seen, one).item() == pytest.approx(expected.item(), rel=1e-5)
    two = torch.tensor([[0.0, 1, 0, 1, 0], [1, 0, 0, 0, 0]])
    assert soft_targets(two).tolist() == [[0, 0.5, 0, 0.5, 0], [1, 0, 0, 0, 0]]
    shares = output.logits.log_softmax(1)
    target = 0.8 * soft_targets(two) + 0.2 / 5
    by_hand = -(target * shares).sum(1).mean() + 0.5 * output.alignment
    assert BASELINE.loss(model, seen, two).item() == pytest.approx(by_hand.item(), rel=1e-5)
    none = torch.tensor([[0.0] * 5, [1, 0, 0, 0, 0]])
    alone = -(target[1] * shares[1]).sum() + 0.5 * output.alignment
    assert BASELINE.loss(model, seen, none).item() == pytest.approx(alone.item(), rel=1e-5)
    nothing = BASELINE.loss(model, seen, torch.zeros(2, 5))
    assert nothing.item() == pytest.approx(0.5 * output.alignment.item(), rel=1e-5)
    assert torch.allclose(BASELINE.scores(model, seen), output.logits.softmax(1), atol=1e-6)


def test_stickers_without_any_text_have_nothing_to_align() -> None:
    torch.manual_seed(0)
    model = BASELINE.build(TINY, 3, pretrained=False).eval()
    seen = Inputs(inputs(6).images, torch.zeros(6, 4, 768))
    output = model(seen.images, seen.text)
    assert output.alignment < 0.5, "equal texts match each other, so that only MLCE is left"


def test_figures_of_rows_with_one_tag_and_with_several() -> None:
    shown = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3]])
    one = np.array([[1, 0, 0], [0, 0, 1]], bool)
    assert BASELINE.figures(shown, one)["accuracy"] == 0.5
    assert BASELINE.figures(shown, one)["weighted F1"] == pytest.approx(0.5)
    assert BASELINE.tables(shown, one, "abc")["a"] == {"precision": 1.0, "recall": 1.0, "F1": 1.0}
    assert BASELINE.tables(shown, one, "abc")["true c"] == {"a": 0, "b": 1, "c": 0}
    several = one | np.array([[0, 1, 0], [0, 1, 0]], bool)
    assert set(BASELINE.figures(shown, several)) == {"accuracy", "map"}
    assert BASELINE.figures(shown, several)["accuracy"] == 1
    assert BASELINE.tables(shown, several, "abc") == {}


def test_the_rate_starts_and_ends_at_the_least_and_short_runs_warm_up_less() -> None:
    paper = PRESETS["paper"]
    schedule = BASELINE.schedule(paper, 100)
    assert (schedule.steps, schedule.warmup_steps) == (5000, 500)
    assert schedule.weight_decay == 0.05
    rates = [schedule.rate(step) for step in (0, 499, 4999)]
    assert rates == pytest.approx([1e-5, 3.125e-5, 1e-5], rel=2e-2)
    assert BASELINE.schedule(replace(paper, epochs=2), 100).warmup_steps == 100
    tiny_batches = BASELINE.schedule(replace(paper, batch_size=2), 100)
    assert {tiny_batches.rate(step) for step in (0, 499, 4999)} == {1e-3 * 2 / 512}


@pytest.mark.parametrize(
    ("processes", "accumulate", "batch_size", "rate"),
    [
        (1, 1, 16, 3.125e-5),
        (2, 1, 16, 6.25e-5),  # the README of the released code
        (1, 2, 16, 6.25e-5),
        (1, 1, 32, 6.25e-5),
        (4, 2, 64, 1e-3),
    ],
)
def test_the_rate_goes_with_the_stickers_of_a_step(
    processes: int,
    accumulate: int,
    batch_size: int,
    rate: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (trainer, loop):
        monkeypatch.setattr(module, "process_count", lambda: processes)
    settings = replace(PRESETS["paper"], accumulate=accumulate, batch_size=batch_size)
    schedule = BASELINE.schedule(settings, 400)
    assert schedule.learning_rate == pytest.approx(rate)
    shared = loop.shared_schedule(schedule)
    assert shared.steps_per_epoch * processes * accumulate == 400
    assert shared.rate(shared.warmup_steps - 1) == pytest.approx(rate)
    assert shared.warmup_steps == 5 * shared.steps_per_epoch


@pytest.mark.parametrize("repeats", [1, 3])
def test_an_epoch_is_the_repeated_list_cut_to_the_number_of_stickers(repeats: int) -> None:
    settings = replace(PRESETS["tiny"], repeats=repeats, batch_size=4)
    numbers = np.arange(10, dtype=np.uint8)
    rows = TagRows(
        np.broadcast_to(numbers[:, None, None, None, None], (10, 1, 8, 8, 3)),
        None,
        len(VIEWS),
        np.ones((10, 1), bool),
    )

    class Unchanged(MghftTagger):
        def augment(self, image, random, settings):
            return image

    epochs = []
    for epoch in (1, 2):
        drawn = [Unchanged().draw_batch(rows, settings, (0, epoch, number)) for number in range(3)]
        assert [len(images) for images, _, _ in drawn] == [4, 4, 2]
        epochs.append(torch.cat([images[:, 0, 0, 0] * 255 for images, _, _ in drawn]).tolist())
    for shown in epochs:
        assert len(set(shown)) == -(-10 // repeats)
        # As RASampler does: each so often in a row, the last as often as there is room.
        expected = [each for each in dict.fromkeys(shown) for _ in range(repeats)][:10]
        assert shown == expected
    assert epochs[0] != epochs[1]


def test_the_copies_of_a_sticker_are_changed_each_by_its_own_chance() -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (6, 1, 32, 32, 3), dtype=np.uint8)
    rows = TagRows(images, None, len(VIEWS), np.ones((6, 1), bool))
    settings = replace(PRESETS["paper"], batch_size=6)
    assert settings.repeats == 3
    seen, _, _ = BASELINE.draw_batch(rows, settings, (0, 1, 0))
    assert len({each.numpy().tobytes() for each in seen}) > 3


def test_weights_decay_but_biases_and_norms_do_not() -> None:
    model = Mghft(TINY)
    decayed, others = BASELINE.groups(model)
    names = {id(weight): name for name, weight in model.named_parameters()}
    assert "weight_decay" not in decayed
    assert others["weight_decay"] == 0
    assert len(decayed["params"]) + len(others["params"]) == len(names)
    kept = {names[id(weight)] for weight in others["params"]}
    assert all("norm" in name or name.endswith("bias") for name in kept)
    assert "position" in {names[id(weight)] for weight in decayed["params"]}


def test_train_images_change_by_chance_and_tiny_leaves_them() -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    paper = PRESETS["paper"]
    seen = [BASELINE.augment(image, np.random.default_rng(seed), paper) for seed in range(12)]
    assert len({each.tobytes() for each in seen}) > 8
    assert all(each.shape == (16, 16, 3) for each in seen)
    again = BASELINE.augment(image, np.random.default_rng(4), paper)
    assert np.array_equal(seen[4], again)
    assert np.array_equal(BASELINE.augment(image, np.random.default_rng(0), TINY), image)


def test_presets_are_flat_and_go_through_json_and_the_command_line() -> None:
    assert set(BASELINE.presets) == {"paper", "small", "tiny"}
    for name, settings in BASELINE.presets.items():
        stored = json.loads(json.dumps(asdict(settings)))
        assert restore_settings(settings, stored) == settings, name
        assert all(not isinstance(stored[f.name], dict) for f in fields(settings))
    paper = BASELINE.presets["paper"]
    changed = change_settings(paper, {"views": "concat", "pretrained": "", "dims": "32,64,160,256"})
    assert (changed.views, changed.pretrained, changed.dims) == ("concat", None, (32, 64, 160, 256))
    with pytest.raises(StickerworksError, match="Bad setting: pool: .*, not 'some'"):
        change_settings(paper, {"pool": "some"})
    with pytest.raises(
        StickerworksError, match="image_side: should be a multiple of 32, not '230'"
    ):
        change_settings(paper, {"image_side": "230"})


def test_the_frozen_encoder_is_berts_last_four_layers_and_needs_nothing_when_hashed() -> None:
    spec = BASELINE.texts(replace(PRESETS["paper"], pool="all")).encoder
    assert (spec.name, spec.dim, spec.length) == ("google-bert/bert-base-uncased", 768, 512)
    assert (spec.layers, spec.pool) == (4, "all")
    for name in ("small", "tiny"):
        assert BASELINE.texts(BASELINE.presets[name]).encoder.name == "hashed"
        assert BASELINE.presets[name].pretrained is None


def test_all_four_views_are_one_text_when_they_are_joined(
    release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {}
    for views in ("per_view", "concat"):
        settings = replace(TINY, views=views, batch_size=24)
        task = make_task(BASELINE, Dataset(release), settings, 0)
        texts[views] = task.batch(1, 0)[1]
    assert texts["concat"].shape == (24, len(VIEWS), 768)
    assert torch.equal(texts["concat"][:, 0], texts["concat"][:, 1])
    assert not texts["per_view"][:, 1].any(), "the release has no style"
    assert texts["per_view"][:, 0].any(1).all()


def released_start(path: Path, golden: dict[str, Any]) -> Path:
    """A checkpoint of a tiny model under the released code's names."""
    torch.manual_seed(1)
    released = {str(our_name(name)): name for name, _ in golden["parameters"]}
    state = {released[name]: value for name, value in Mghft(TINY).state_dict().items()}
    torch.save({"model": state}, path)
    return path


def test_from_a_released_checkpoint_a_run_takes_the_released_switches(
    release: Path, tmp_path: Path, golden: dict[str, Any]
) -> None:
    start = str(released_start(tmp_path / "start.pth", golden))
    lines = train(release, tmp_path / "run", epochs=1, pretrained=start)
    note = f"{start} was trained by MGHFT's released code, so as there: views concat, pool all"
    assert any(line.startswith(note) for line in lines)
    _, recipe, trained = open_run(tmp_path / "run")
    assert (trained.settings.views, trained.settings.pool) == ("concat", "all")
    assert recipe.settings["stage4_text"] == "stale"
    assert BASELINE.build(trained.settings, 4, pretrained=False).config.stage4_text == "stale"
    train(release, tmp_path / "run", epochs=1, pretrained=start)  # goes on as it began


def test_other_weights_and_a_person_s_word_leave_the_switches(
    tmp_path: Path, golden: dict[str, Any]
) -> None:
    start = str(released_start(tmp_path / "start.pth", golden))
    adopted, notes = follow_checkpoint(replace(TINY, pretrained=start))
    assert adopted == replace(
        TINY, pretrained=start, views="concat", pool="all", stage4_text="stale"
    )
    assert len(notes) == 1
    state = torch.load(start)["model"]
    backbone = {
        name.removeprefix("vision_model."): value
        for name, value in state.items()
        if name.startswith("vision_model.")
    }
    torch.save(backbone, tmp_path / "pvt.pth")
    for settings in (
        replace(TINY, pretrained=start, follow_checkpoint=False),
        replace(TINY, pretrained=str(tmp_path / "pvt.pth")),
        TINY,
        PRESETS["paper"],
    ):
        assert follow_checkpoint(settings) == (settings, ())
    with pytest.raises(StickerworksError, match="no weights at"):
        follow_checkpoint(replace(TINY, pretrained=str(tmp_path / "absent.pth")))


def test_training_starts_from_weights_that_are_named_and_a_run_from_its_own(
    tmp_path: Path, golden: dict[str, Any]
) -> None:
    torch.manual_seed(1)
    donor = Mghft(replace(TINY, classes=9))
    released = {str(our_name(name)): name for name, _ in golden["parameters"]}
    state = {released[name]: value for name, value in donor.state_dict().items()}
    torch.save({"model": state}, tmp_path / "start.pth")
    settings = replace(TINY, pretrained=str(tmp_path / "start.pth"))
    torch.manual_seed(2)
    started = BASELINE.build(settings, 5, pretrained=True)
    same = {name for name, value in started.state_dict().items()
            if torch.equal(value, donor.state_dict().get(name, torch.empty(0)))}  # fmt: skip
    assert set(started.state_dict()) - same == {"head.weight", "head.bias"}, "other classes"
    whole = Mghft(replace(TINY, classes=9))
    load_start(whole, str(tmp_path / "start.pth"))
    assert torch.equal(whole.head.weight, donor.head.weight)
    absent = replace(TINY, pretrained=str(tmp_path / "absent.pth"))
    assert isinstance(BASELINE.build(absent, 5, pretrained=False).backbone, Backbone)
    with pytest.raises(StickerworksError, match="no weights at"):
        BASELINE.build(absent, 5, pretrained=True)
