"""Scores that `label relabel` ranks by come from runs that never saw the labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from command_line import stickerworks
from square_release import write_squares

from pipeline.baselines.tiny.trainer import TinySettings
from pipeline.engine.errors import StickerworksError
from pipeline.training.arrays import Scores
from pipeline.training.contract import Run
from pipeline.training.examples import Dataset, Examples
from pipeline.training.gate_runs import score_halves
from pipeline.training.runs import TrainRequest, train_run
from pipeline.training.trainer import read_split
from schemas.config import ValidateConfig
from stickerworks.cli.label_scores import scores_across, unseen_scores

COLOURS = {"red": "red", "blue": "blue", "green": "green"}
CONFIG = ValidateConfig(epochs=6, image_side=16, device="cpu")
ROWS = {"train": (20, 48), "validation": (90, 6), "test": (100, 6)}


def key(number: int) -> str:
    return f"{number:064x}"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Squares named by numbers, of which the second in train, a blue one, is labelled red."""
    folder = tmp_path / "release"
    write_squares(folder, COLOURS, ROWS)
    first = 0
    for split in ROWS:
        file = folder / "data" / f"{split}-00000-of-00001.parquet"
        table = pq.read_table(file)
        rows = table.to_pylist()
        for number, row in enumerate(rows, start=first):
            row["id"] = key(number)
        if split == "train":
            rows[1]["tags"] = ["red"]
        first += len(rows)
        pq.write_table(type(table).from_pylist(rows, schema=table.schema), file)
    return folder


def test_a_wrong_label_is_scored_by_who_has_not_seen_it(release: Path) -> None:
    said: list[str] = []
    voted = frozenset(key(n) for n in (1, 4, 47, 48, 59, 900))
    found = scores_across(release, CONFIG, voted, None, said.append)
    assert set(found.ids) == voted - {key(900)}
    assert found.tags == ("blue", "green", "red")
    best = [found.tags[place] for place in found.values.argmax(1)]
    places = [int(id_, 16) for id_ in found.ids]
    right = {1: "blue", 4: "blue", 47: "green", 48: "red", 59: "green"}
    assert dict(zip(places, best, strict=True)) == right
    assert "twice, on half of 48 rows each" in said[0]
    assert "5 of 6 stickers with votes are scored" in said[1]
    assert "others rank by votes alone" in said[1]


class Remembers:
    """A baseline that scores by whether it has seen a row as it learnt."""

    name, doc, presets = "remembers", "A memory.", {"tiny": TinySettings(image_side=16)}

    def __init__(self) -> None:
        self.seen: list[set[str]] = []

    def fit(self, train: Examples, settings: TinySettings, run: Run) -> set[str]:
        assert not set(run.validation.ids) & set(train.ids)
        self.seen.append(set(train.ids))
        return self.seen[-1]

    def score(self, model: set[str], examples: Examples, settings: TinySettings) -> Scores:
        rows = [[float(id_ in model)] * len(examples.tags) for id_ in examples.ids]
        return np.array(rows, np.float32)


def test_no_row_is_scored_by_who_learnt_from_it(release: Path) -> None:
    memory = Remembers()
    data, settings = Dataset(release), memory.presets["tiny"]
    train, *others = (read_split(memory, data, split, settings) for split in ROWS)
    parts = score_halves(memory, train, others, settings, 5)
    assert [len(part.ids) for part in parts] == [48, 6, 6]
    assert not any(part.scores.any() for part in parts)
    first, second = memory.seen
    assert (len(first), len(second)) == (24, 24)
    assert first | second == {key(n) for n in range(48)}


def test_a_release_that_cannot_serve_is_named(release: Path, tmp_path: Path) -> None:
    with pytest.raises(StickerworksError, match="none of the stickers that people voted on"):
        scores_across(release, CONFIG, frozenset({key(900)}), None, print)
    with pytest.raises(StickerworksError, match="no question 'mood'"):
        scores_across(release, CONFIG, frozenset({key(1)}), "mood", print)
    write_squares(tmp_path / "few", COLOURS, {"train": (20, 15)})
    with pytest.raises(StickerworksError, match="has 15 train rows.*too few"):
        scores_across(tmp_path / "few", CONFIG, frozenset({"train 1"}), None, print)


def told(path: Path, run: Path | None, *numbers: int) -> Path:
    tags = [{"tag": tag, "score": 0.5} for tag in COLOURS]
    images = [{"file": f"media/{key(n)}.png", "tags": tags} for n in numbers]
    path.write_text(json.dumps({"images": images} | ({"run": str(run)} if run else {})))
    return path


def test_scores_of_what_a_run_learnt_from_are_left_out_or_refused(
    release: Path, tmp_path: Path
) -> None:
    run, file, said = tmp_path / "run", tmp_path / "scores.json", list[str]()
    changes = {"image_side": "16"}
    train_run(
        TrainRequest("tiny", release, run, epochs=1, changes=changes, device="cpu"),
        said.append,
        lambda *done: None,
    )
    said.clear()
    # Numbers to 47 are train's.
    assert unseen_scores(told(file, run, 3, 47, 48, 50), said.append).ids == (key(48), key(50))
    assert "CAREFUL: 2 of 4 are left out" in said[0]
    with pytest.raises(StickerworksError, match="learnt from all of the stickers"):
        unseen_scores(told(file, run, 3, 47), said.append)
    said.clear()
    assert unseen_scores(told(file, run, 48, 50, 99), said.append).ids == (
        key(48),
        key(50),
        key(99),
    )
    assert said == []
    for unknown in (None, tmp_path / "nowhere"):
        assert len(unseen_scores(told(file, unknown, 3), said.append).ids) == 1
        assert "can't be told whether" in said.pop()


def test_options_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    words = ("label", "relabel", "--release", "here", "--scores", "there.json")
    answer = stickerworks(*words, cwd=tmp_path)
    assert answer.returncode == 2
    assert "leave out --scores" in answer.stderr
