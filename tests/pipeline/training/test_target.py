"""Answers to questions as what is learnt: from a release, a run's target, and what it may read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.baselines.stickerclip.pairs import open_pairs
from pipeline.baselines.stickerclip.trainer import BASELINE as STICKERCLIP
from pipeline.datasets.asked import QUESTIONS, questions_json
from pipeline.engine.errors import StickerworksError
from pipeline.training.contract import NewSticker, Trained
from pipeline.training.examples import Dataset
from pipeline.training.frames import KEY_FRAME
from pipeline.training.gate import validate_release
from pipeline.training.run_folder import read_recipe
from pipeline.training.runs import TrainRequest, find_baseline, open_run, train_run
from pipeline.training.target import SAYS, commonest, single_figures, withheld_columns
from pipeline.training.trainer import evaluate, new_examples, prepare
from pipeline.training.views import COLUMNS, view_texts
from schemas.config import ValidateConfig
from schemas.questions import SHIPPED
from schemas.release import AskedQuestion
from schemas.tables import DESCRIPTION_FIELDS

QUESTIONS_ASKED = (
    AskedQuestion("emotion", "single", ("joy", "anger", "fear")),
    AskedQuestion("style", "several", ("flat", "3d")),
    AskedQuestion("remark", "text"),
    AskedQuestion("strength", "scale", ("1", "2", "3")),
)
FELT = {"circle": "joy", "square": "joy", "cross": "anger", "stripes": "fear"}
SHAPES = tuple(FELT)

Release = Callable[..., Path]


@pytest.fixture
def answered(write_release: Release, shapes: Callable[..., list[dict[str, Any]]]) -> Release:
    """A release whose stickers' emotion follows from their shape, but for every fourth."""

    def write(train: int = 16, validation: int = 8, test: int = 8, **changes: Any) -> Path:
        sizes, splits, first = {"train": train, "validation": validation, "test": test}, {}, 0
        for split, count in sizes.items():
            splits[split] = shapes(count, first)
            first += count
        folder = write_release(**splits)
        for path in (folder / "data").glob("*.parquet"):
            add_answers(path, **changes)
        (folder / QUESTIONS).write_text(questions_json(QUESTIONS_ASKED), encoding="utf-8")
        return folder

    return write


def add_answers(path: Path, **changes: Any) -> None:
    table = pq.read_table(path, partitioning=None)
    shown = [tags[0] for tags in table["tags"].to_pylist()]
    columns = {
        "voted_emotion": [FELT[shape] for shape in shown],
        "voted_emotion_status": ["effective"] * len(shown),
        "voted_style": [["flat", "3d"][: 1 + n % 2] for n in range(len(shown))],
        "voted_style_status": ["effective"] * len(shown),
        "voted_strength": [2.0] * len(shown),
        "emotion": [f"says {FELT[shape]}" for shape in shown],
        "style_class": ["secretly flat"] * len(shown),
        **{name: [value(n) for n in range(len(shown))] for name, value in changes.items()},
    }
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values))
    pq.write_table(table, path)


def test_classes_stand_in_the_order_of_the_question(answered: Release) -> None:
    folder = answered()
    rows = Dataset(folder, target="emotion").read("train", 16, KEY_FRAME)
    assert rows.classes == ("joy", "anger", "fear")
    assert [sorted(target) for target in rows.targets[:4]] == [
        ["joy"],
        ["joy"],
        ["anger"],
        ["fear"],
    ]
    several = Dataset(folder, target="style").read("train", 16, KEY_FRAME)
    assert several.targets[:2] == (frozenset({"flat"}), frozenset({"flat", "3d"}))


def test_rows_without_an_effective_answer_are_left_out(answered: Release) -> None:
    settled = {"voted_emotion_status": lambda n: "adjudicate" if n % 4 == 1 else "effective"}
    rows = Dataset(answered(**settled), target="emotion").read("train", 16, KEY_FRAME)
    assert len(rows) == 12
    assert rows.use.without_targets == 4
    assert "12 train rows have an effective answer to emotion" in rows.notes
    assert "4 without an effective answer" in " ".join(rows.notes)


def test_an_answer_that_nobody_could_give_teaches_nothing(answered: Release) -> None:
    strange = {"voted_emotion": lambda n: "bliss" if n == 0 else "joy"}
    rows = Dataset(answered(**strange), target="emotion").read("train", 16, KEY_FRAME)
    assert {name for target in rows.targets for name in target} == {"joy"}
    assert len(rows) == 15


def test_simulated_answers_are_told(answered: Release) -> None:
    folder = answered()
    for path in (folder / "data").glob("train-*.parquet"):
        table = pq.read_table(path, partitioning=None)
        place = table.schema.get_field_index("simulated")
        marked = pa.array([True] * len(table))
        pq.write_table(table.set_column(place, "simulated", marked), path)
    rows = Dataset(folder, target="emotion").read("train", 16, KEY_FRAME)
    assert rows.use.simulated == 16
    assert "16 train rows have simulated votes" in rows.notes


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("mood", "has no question 'mood'"),
        ("remark", "is a text: its answers are no classes"),
        ("strength", "is a scale: its answers are no classes"),
        ("tags", "has no question 'tags'"),
    ],
)
def test_what_cannot_be_learnt_is_told_with_what_can(
    answered: Release, target: str, told: str
) -> None:
    with pytest.raises(StickerworksError) as caught:
        Dataset(answered(), target=target).read("train", 16, KEY_FRAME)
    assert told in caught.value.message
    assert "emotion, style" in caught.value.remedy


def test_a_release_without_questions_says_so(write_release: Release, shapes: Any) -> None:
    with pytest.raises(StickerworksError) as caught:
        Dataset(write_release(train=shapes(8)), target="emotion").read("train", 16, KEY_FRAME)
    assert "it has none with choices" in caught.value.remedy


def test_a_column_of_another_type_is_told(answered: Release) -> None:
    folder = answered(voted_emotion=lambda n: n)
    with pytest.raises(StickerworksError, match="column voted_emotion is of the type int64"):
        Dataset(folder, target="emotion").read("train", 16, KEY_FRAME)


def test_no_model_reads_what_others_say_of_the_answer(answered: Release) -> None:
    folder = answered()
    for target, secret in (("emotion", "says"), ("style", "secretly")):
        examples = Dataset(folder, target=target).read("train", 16, KEY_FRAME)
        read = view_texts(examples.texts, tuple(COLUMNS))
        assert not any(secret in text for row in read for text in row)
        settings = STICKERCLIP.presets["tiny"]
        clip = STICKERCLIP.read(Dataset(folder, target=target), "train", settings)
        assert not any(secret in text for row in open_pairs(clip, settings).fields for text in row)
    tags = STICKERCLIP.read(Dataset(folder), "train", STICKERCLIP.presets["tiny"])
    fields = open_pairs(tags, STICKERCLIP.presets["tiny"]).fields
    assert any("says" in text for row in fields for text in row), "else nothing was tried"


def test_every_text_of_the_shipped_questions_is_withheld() -> None:
    columns = {name for name, _ in DESCRIPTION_FIELDS}
    for target, names in SAYS.items():
        assert set(names) <= {*columns, "ocr_text"}
        assert {name for name in columns if target in name} <= set(names)
    assert set(withheld_columns("style", ())) == {"style", "style_class", "overall_style"}
    assert withheld_columns(None, SHIPPED["emotion"].values) == ()


@pytest.mark.parametrize(
    ("target", "values", "columns"),
    [
        ("mood", SHIPPED["emotion"].values, {"emotion"}),
        ("feeling", ("Anger", "Fear", "Happiness", "Sadness", "joy"), {"emotion"}),
        ("feeling", ("anger", "fear", "sadness", "joy"), set()),
        ("look", SHIPPED["style"].values, {"style", "style_class", "overall_style"}),
        ("main_emotion", ("a", "b"), {"emotion"}),
        ("role", ("a", "b"), {"role", "main_role"}),
        ("content", ("a", "b"), {"content", "ocr_text"}),
        ("text", ("a", "b"), {"ocr_text"}),
        ("caption", ("a", "b"), {"caption_en", "caption_zh"}),
        ("action_seen", ("a", "b"), {"action"}),
    ],
)
def test_a_question_of_another_name_has_its_texts_withheld(
    target: str, values: tuple[str, ...], columns: set[str]
) -> None:
    assert set(withheld_columns(target, values)) == columns


def test_a_run_tells_which_columns_it_left_out(answered: Release) -> None:
    examples = Dataset(answered(), target="emotion").read("train", 16, KEY_FRAME)
    assert "not read, since they may give the answer away: emotion" in examples.notes
    assert examples.withheld == ("emotion",)


def test_a_new_sticker_is_tagged_without_the_answer(still: bytes) -> None:
    settings = find_baseline("tiny").presets["tiny"]
    run = Trained(settings, {"tags": ["joy"], "target": "emotion"}, Path("nowhere"))
    sticker = NewSticker(still, {"emotion": "joy", "caption_en": "a cat"})
    examples = new_examples(find_baseline("tiny"), run, [sticker])
    assert examples.texts == ({"caption_en": "a cat"},)


def request(release: Path, output: Path, **more: Any) -> TrainRequest:
    return TrainRequest("tiny", release, output, epochs=2, device="cpu", **more)


def silent(*told: Any) -> None:
    pass


def test_a_run_keeps_its_target_and_is_judged_by_it(answered: Release, tmp_path: Path) -> None:
    release, output = answered(), tmp_path / "run"
    told: list[str] = []
    train_run(request(release, output, target="emotion"), told.append, silent)
    assert "answers to emotion in train: joy 8, anger 4, fear 4" in told
    recipe = read_recipe(output)
    assert recipe is not None
    assert recipe.target == "emotion"
    baseline, _, trained = open_run(output)
    assert trained.facts["tags"] == ["joy", "anger", "fear"]
    found = evaluate(baseline, trained, Dataset(release, target=recipe.target), "test")
    assert found.figures["majority accuracy"] == 0.5
    assert found.figures["majority macro F1"] == pytest.approx((2 / 3) / 3)
    assert 0 <= found.figures["accuracy"] <= 1
    assert "majority: always joy, the commonest answer in train" in found.notes
    with pytest.raises(StickerworksError, match="a run of answers to emotion, not tags"):
        train_run(request(release, output), silent, silent)


def test_a_run_of_before_has_no_target(answered: Release, tmp_path: Path) -> None:
    release, output = answered(), tmp_path / "run"
    train_run(request(release, output), silent, silent)
    before = json.loads((output / "run.json").read_text("utf-8"))
    assert before.pop("target") is None
    assert "majority" not in before["facts"]
    (output / "run.json").write_text(json.dumps(before), encoding="utf-8")
    recipe = read_recipe(output)
    assert recipe is not None
    assert recipe.target is None
    train_run(request(release, output), silent, silent)


def test_the_target_may_stand_among_the_settings(answered: Release, tmp_path: Path) -> None:
    release, named = answered(), {"target": "emotion"}
    train_run(request(release, tmp_path / "run", changes=named), silent, silent)
    recipe = read_recipe(tmp_path / "run")
    assert recipe is not None
    assert recipe.target == "emotion"
    both = request(release, tmp_path / "other", changes=named, target="style")
    with pytest.raises(StickerworksError, match="Two targets are named: style and emotion"):
        train_run(both, silent, silent)


def test_one_answer_alone_is_nothing_to_learn(answered: Release) -> None:
    folder = answered(voted_emotion=lambda n: "joy")
    baseline = find_baseline("tiny")
    with pytest.raises(StickerworksError, match="fewer than two different answers to emotion"):
        prepare(baseline, Dataset(folder, target="emotion"), baseline.presets["tiny"])


def test_what_learns_no_labels_has_no_target(answered: Release) -> None:
    baseline = find_baseline("sti")
    with pytest.raises(StickerworksError, match="sti learns no labels"):
        prepare(baseline, Dataset(answered(), target="emotion"), baseline.presets["tiny"])


def test_the_majority_is_of_train_and_the_earlier_class_wins_a_tie() -> None:
    targets = [frozenset({name}) for name in ("b", "a", "b", "a", "c")]
    assert commonest(targets, ("a", "b", "c")) == "a"
    assert commonest([], ("a",)) is None
    scores = np.eye(3)[[0, 1, 2, 1]]
    truth = np.eye(3, dtype=bool)[[0, 1, 1, 1]]
    figures = single_figures(scores, truth, ("a", "b", "c"), "b")
    assert figures["accuracy"] == figures["majority accuracy"] == 0.75
    assert figures["majority macro F1"] == pytest.approx((6 / 7) / 2)
    assert single_figures(scores, truth | True, ("a", "b", "c"), "b") == {}


def test_the_gate_judges_by_the_target(answered: Release) -> None:
    settings = ValidateConfig(target="emotion", epochs=1, max_label_noise=1, device="cpu")
    folder = answered()
    result = validate_release(folder, settings, findings=())
    assert result.tags == ("joy", "anger", "fear")
    assert result.settings["target"] == "emotion"
    assert "target: answers to emotion for 32 rows" in result.notes
    with pytest.raises(StickerworksError, match="has no question 'mood'"):
        validate_release(folder, settings.model_copy(update={"target": "mood"}), findings=())
