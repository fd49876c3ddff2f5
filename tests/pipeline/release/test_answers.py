"""Answers to questions in a release: its columns, its papers, and whoever reads them."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import duckdb
import mlcroissant
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipeline.datasets.asked import QUESTIONS, read_questions
from pipeline.datasets.release import read_answers
from pipeline.release.answers import answered_columns
from pipeline.release.build import Release
from pipeline.release.checksums import write_checksums
from pipeline.release.diff import diff_releases
from pipeline.release.features import release_schema
from pipeline.release.fetching.gathering import Files
from pipeline.release.fetching.rebuilding import rebuild
from pipeline.release.takedown.cleaner.folder import clean_folder, plan_cleaning
from pipeline.release.takedown.cleaner.named import TakenDown
from pipeline.release.verify import verify_release
from schemas.release import COLUMNS, SPLITS, AskedQuestion, columns_of
from schemas.tables import LABELS

EMOTION = AskedQuestion("emotion", "single", ("anger", "joy"))
ADDED = [
    f"voted_{name}{end}"
    for name in ("emotion", "style", "remark", "joy")
    for end in ("", "_status", "_agreement")
]


def whole(release: Path) -> pa.Table:
    return pq.read_table(release / "data", partitioning=None)


def columns(answers: list[Any], *questions: AskedQuestion) -> dict[str, list[Any]]:
    column = pa.chunked_array([pa.array(answers, LABELS.schema.field("answers").type)])
    found = answered_columns(column, questions)
    return {name: values.to_pylist() for name, values in found.items()}


def said(
    question: str, values: list[str], status: str, votes: int, agreed: int, **more: Any
) -> Any:
    entry = {"question": question, "values": values, "status": status}
    return [{**entry, "votes": votes, "agreed": agreed, "mean": None, **more}]


def test_an_answer_stands_where_enough_people_gave_it() -> None:
    found = columns(
        [
            said("emotion", ["joy"], "effective", 3, 2),
            said("emotion", [], "adjudicate", 3, 1),
            said("emotion", [], "unanswered", 0, 0),
            None,
            said("other", ["joy"], "effective", 3, 3),
        ],
        EMOTION,
    )
    assert found == {
        "voted_emotion": ["joy", None, None, None, None],
        "voted_emotion_status": ["effective", "adjudicate", "unanswered", None, None],
        "voted_emotion_agreement": [2 / 3, 1 / 3, None, None, None],
    }


def test_several_answers_are_a_list_and_nothing_agreed_on_is_none() -> None:
    style = AskedQuestion("style", "several", ("a", "b"))
    found = columns(
        [
            said("style", [], "insufficient", 1, 1),
            said("style", ["a", "b"], "effective", 3, 2),
            said("style", ["b"], "effective", 3, 3),
        ],
        style,
    )
    assert found["voted_style"] == [None, ["a", "b"], ["b"]]


def test_a_scale_is_the_point_settled_on_or_else_the_mean() -> None:
    scale = AskedQuestion("joy", "scale", ("1", "2", "3"))
    found = columns(
        [
            said("joy", ["3"], "effective", 3, 2, mean=7 / 3),
            said("joy", [], "adjudicate", 3, 1, mean=2.0),
            said("joy", [], "unanswered", 0, 0),
        ],
        scale,
    )
    assert found["voted_joy"] == [3.0, 2.0, None]


def test_an_answer_of_a_review_says_so_and_one_taken_away_has_no_agreement() -> None:
    funny = AskedQuestion("funny", "scale", ("1", "2"))
    found = columns(
        [
            said("emotion", ["joy"], "review", 3, 0)
            + said("funny", ["2"], "review", 3, 1, mean=1.3),
            said("emotion", [], "review", 3, 0) + said("funny", [], "review", 3, 0, mean=1.3),
        ],
        EMOTION,
        funny,
    )
    assert found["voted_emotion"] == ["joy", None]
    assert found["voted_emotion_status"] == ["review", "review"]
    assert found["voted_emotion_agreement"] == [0.0, None]
    assert found["voted_funny"] == [2.0, None]


def test_columns_follow_those_that_every_release_has(asked: Release, released: Release) -> None:
    names = [name for name, *_ in COLUMNS]
    assert whole(released.path).schema.names == names
    table = whole(asked.path)
    assert table.schema.names == names + ADDED
    questions = read_questions(asked.path)
    assert [name for name, *_ in columns_of(questions)] == names + ADDED
    assert not (released.path / QUESTIONS).exists()
    assert "Questions" not in (released.path / "README.md").read_text("utf-8")
    assert "answers" not in json.loads((released.path / "counts.json").read_text("utf-8"))


def test_texts_of_people_keep_no_path_of_their_machine(asked: Release) -> None:
    texts = [text for row in whole(asked.path)["voted_remark"].to_pylist() for text in row or ()]
    assert texts
    assert not any("/home/me" in text for text in texts)


def test_it_loads_everywhere(asked: Release, drawn: Any, tmp_path: Path) -> None:
    loaded = datasets.load_dataset(str(asked.path), cache_dir=str(tmp_path))
    expected = {row["id"]: row for row in whole(asked.path).select(["id", *ADDED]).to_pylist()}
    for split in loaded:
        for row in loaded[split].select_columns(["id", *ADDED]):
            assert row == expected[row["id"]]
    frame = pd.read_parquet(asked.path / "data").set_index("id")
    assert frame.loc[drawn.ids[0], "voted_emotion"] == "anger"
    assert frame.loc[drawn.ids[0], "voted_joy"] == 4.0
    query = "SELECT count(*) FROM read_parquet(?) WHERE voted_emotion_status = 'effective'"
    files = str(asked.path / "data" / "*.parquet")
    counted = duckdb.execute(query, [files]).fetchone()
    statuses = whole(asked.path)["voted_emotion_status"]
    assert counted == (pc.sum(pc.equal(statuses, "effective")).as_py(),)


def test_croissant_names_columns_words_and_who_answered(asked: Release) -> None:
    read = mlcroissant.Dataset(asked.path / "croissant.json")
    assert not read.metadata.ctx.issues.errors
    records = [record["default/voted_emotion"] for record in read.records("default")]
    given = whole(asked.path)["voted_emotion"].to_pylist()
    counted = Counter(value.decode() for value in records if isinstance(value, bytes))
    assert counted == Counter(value for value in given if value)
    (first, *_) = read.records("questions")
    assert first["questions/question"] == "emotion"
    assert first["questions/answers"].startswith("anger | disgust")
    text = (asked.path / "croissant.json").read_text("utf-8")
    assert "votes on the question emotion" in text
    assert '"contentUrl": "questions.json"' in text


def test_card_and_figures_have_words_counts_and_agreement(asked: Release) -> None:
    card = (asked.path / "README.md").read_text("utf-8")
    assert "## Questions" in card
    assert "| 40 | 0.710" in card
    assert "<script>" not in card
    assert "](javascript" not in card
    figures = json.loads((asked.path / "statistics.json").read_text("utf-8"))
    rows = dict(figures["questions"]["emotion"]["rows"])
    given = Counter(value for value in whole(asked.path)["voted_emotion"].to_pylist() if value)
    assert rows == {name: given[name] for name in read_questions(asked.path)[0].values}
    assert {"measure": "question", "question": "emotion", "stickers": 40, "alpha": 0.71,
            "low": 0.6, "high": 0.8} in figures["agreement"]  # fmt: skip
    plots = {path.name for path in (asked.path / "plots").iterdir()}
    assert {"answers_emotion.png", "answers_style.png", "answers_joy.png"} <= plots
    assert "answers_remark.png" not in plots


@pytest.fixture
def copy(asked: Release, tmp_path: Path) -> Path:
    return Path(shutil.copytree(asked.path, tmp_path / "copy"))


def change(folder: Path, name: str, value: Any) -> None:
    """Write a value into a column of the first row of the first shard."""
    path = sorted((folder / "data").glob("train-*.parquet"))[0]
    table = pq.read_table(path, partitioning=None)
    values = [value, *table[name].to_pylist()[1:]]
    field = table.schema.field(name)
    place = table.schema.get_field_index(name)
    changed = table.set_column(place, field, pa.array(values, field.type))
    pq.write_table(changed.cast(release_schema(read_questions(folder))), path)
    write_checksums(folder)


def changed_id(folder: Path) -> str:
    first = sorted((folder / "data").glob("train-*.parquet"))[0]
    return str(pq.read_table(first, columns=["id"], partitioning=None)["id"][0].as_py())


def test_what_a_review_settled_is_verified_and_learnt(asked: Release, copy: Path) -> None:
    change(copy, "voted_emotion_status", "review")
    assert not verify_release(copy).problems
    rows = [
        row
        for split in SPLITS
        for row in read_answers(copy, split, EMOTION)
        if row.id == changed_id(copy)
    ]
    assert [row.targets for row in rows] == [{"anger"}]


def test_a_sound_release_is_verified(asked: Release) -> None:
    assert verify_release(asked.path).problems == ()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("voted_emotion", "bliss", "has the answer to emotion 'bliss'"),
        ("voted_emotion_status", "surely", "has the status 'surely'"),
        ("voted_emotion_status", "adjudicate", "answer that isn't effective: 'anger'"),
        ("voted_emotion_agreement", 1.5, "agreement of 1.5"),
        ("voted_emotion_agreement", float("nan"), "agreement of nan"),
        ("voted_style", ["flat", "round"], "has the answer to style 'round'"),
        ("voted_joy", 6.0, "has the point 6.0"),
        ("voted_joy", float("nan"), "has the point nan"),
    ],
)
def test_answers_that_cannot_be_are_found(copy: Path, name: str, value: Any, told: str) -> None:
    change(copy, name, value)
    problems = verify_release(copy).problems
    assert told in " ".join(problems)
    assert all(changed_id(copy) in line for line in problems)


def test_columns_without_their_words_are_found(copy: Path) -> None:
    (copy / QUESTIONS).unlink()
    write_checksums(copy)
    problems = " ".join(verify_release(copy).problems)
    assert "other columns than a release" in problems
    assert "voted_emotion" in problems


@pytest.mark.parametrize("text", ["{", "[1]", "[{}]", '[{"name": "../x"}]', "[" * 5000])
def test_words_that_are_none_are_told(copy: Path, text: str) -> None:
    (copy / QUESTIONS).write_text(text, encoding="utf-8")
    write_checksums(copy)
    problems = " ".join(verify_release(copy).problems)
    assert "questions.json can't be read" in problems


def test_other_answers_count_as_relabelled(asked: Release, copy: Path) -> None:
    change(copy, "voted_emotion", "fear")
    found = diff_releases(asked.path, copy)
    assert found.changed == {"relabelled": 1, "voted_emotion": 1}
    change(copy, "voted_emotion", "anger")
    change(copy, "voted_emotion_agreement", 1.0)
    assert diff_releases(asked.path, copy).changed == {"voted_emotion_agreement": 1}


def test_a_question_asked_since_is_a_new_column(asked: Release, released: Release) -> None:
    assert diff_releases(released.path, asked.path).columns["added"] == ADDED


def test_a_copy_with_its_pictures_has_the_answers(asked: Release, tmp_path: Path) -> None:
    made = rebuild(asked.path, tmp_path / "fetched", Files(tmp_path / "files"), [])
    assert verify_release(made.path).problems == ()
    kept, every = whole(made.path), whole(asked.path)
    assert kept.equals(every.filter(pc.is_in(every["id"], value_set=kept["id"].combine_chunks())))
    assert read_questions(made.path) == read_questions(asked.path)


def test_a_takedown_leaves_answers_of_the_others(copy: Path) -> None:
    rows = whole(copy)
    gone = TakenDown(frozenset(rows["id"].to_pylist()[:3]))
    clean_folder(copy, gone, plan_cleaning(copy, gone, {}))
    assert verify_release(copy).problems == ()
    assert whole(copy).select(["id", *ADDED]).equals(rows.slice(3).select(["id", *ADDED]))


def test_a_question_asked_anew_makes_another_release(
    drawn: Any, build: Callable[..., Release]
) -> None:
    drawn.ask()
    first = build()
    drawn.rows["questions"][0]["title_zh"] = "另一个？"
    second = build(version="0.2.0")
    assert first.fingerprint != second.fingerprint
    assert read_questions(second.path)[0].title_zh == "另一个？"
