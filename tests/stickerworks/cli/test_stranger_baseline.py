"""A baseline of another package that knows nothing of torch works with every command."""

from __future__ import annotations

import inspect
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import stickerworks
from sklearn.tree import DecisionTreeClassifier
from square_release import draw, write_squares
from stickers_example import colours
from stickers_example.colours import BASELINE, ColourHistogram

from pipeline.engine import plugins
from pipeline.engine.errors import StickerworksError
from pipeline.engine.plugins import PluginError
from pipeline.training.contract import Baseline, Learner, Run, Trained
from pipeline.training.estimators import load_model, save_estimator
from pipeline.training.examples import Dataset, learnable_tags
from pipeline.training.frames import KEY_FRAME
from pipeline.training.runs import TrainRequest, open_run, train_run
from pipeline.training.tagging import score_tags

COLOURS = {"红": "red", "blue": "blue", "green": "green"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A release of squares in three colours, in which the colours' baseline is installed."""
    splits = {"train": (20, 24), "validation": (60, 36), "test": (80, 12)}
    write_squares(tmp_path / "release", COLOURS, splits)
    (tmp_path / "red.png").write_bytes(draw("red", 33))
    info = tmp_path / "packages" / "colours-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: colours\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[stickerworks.baselines]\ncolours = stickers_example.colours:BASELINE\n"
        "lacking = stickers_example.colours:Settings\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "packages")
    for found in (plugins._load, plugins._points):
        found.cache_clear()
    yield tmp_path
    for found in (plugins._load, plugins._points):
        found.cache_clear()


def train(folder, **changes):
    said: list[str] = []
    request = TrainRequest("colours", folder / "release", folder / "run", **changes)
    train_run(request, said.append, lambda *done: None)
    return said


def test_it_is_short_and_a_baseline():
    assert isinstance(BASELINE, Baseline)
    assert isinstance(BASELINE, Learner)
    source = inspect.getsource(colours)
    assert len(source.splitlines()) <= 30
    assert "torch" not in source


def test_every_command_works_with_it(folder):
    options = ("--release", "release", "--output", "run")
    told = stickerworks("train", "colours", *options, "--with", "strength=50", cwd=folder)
    assert told.returncode == 0, told.stderr
    assert "24 train and 36 validation rows, 3 tags" in told.stderr
    assert "run: model.skops" in told.stderr
    assert sorted(path.name for path in (folder / "run").iterdir()) == ["model.skops", "run.json"]
    answer = json.loads(stickerworks("evaluate", "--run", "run", "--json", cwd=folder).stdout)
    assert answer["figures"] == {"mAP": 1.0, "classes with truth": 3, "classes": 3, "rows": 12}
    assert answer["rows"]["top 1"]["OF1"] == 1.0
    told = stickerworks("predict", "--run", "run", "red.png", cwd=folder)
    assert told.stdout.startswith("red.png: 红 0.")
    assert (folder / "run" / "predictions.png").exists()
    refused = stickerworks("predict", "--run", "run", "red.png", "--attention", cwd=folder)
    assert "colours has no attention to draw" in refused.stderr


def test_it_stands_as_the_gate(folder):
    told = stickerworks(
        "validate", "--release", "release", "--workspace", "judging", "--device", "cpu",
        "--set", "validation.baseline=colours", cwd=folder,
    )  # fmt: skip
    gate = json.loads((folder / "judging" / "reports" / "gate.json").read_text(encoding="utf-8"))
    assert (gate["baseline"], gate["figure"], gate["real"]) == ("colours", "mAP", 1.0)
    assert gate["control"] < 0.7
    assert gate["p_value"] == 1 / 500
    assert gate["curves"] == {"real": [], "control": []}
    assert gate["settings"]["device"] == "cpu"
    # It has no README.md, and so on: all that fails it is the verification.
    assert set(gate["reasons"]) == set(gate["findings"]), told.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("train colours --release release --output new --epochs 3", "no setting 'epochs'"),
        ("train colours --release release --output new --preset huge", "with --preset: tiny, fine"),
        ("train lacking --release release --output new", "it lacks doc, fit, name, presets"),
        ("train colours --release release --output new --device tpu9", "no device 'tpu9'"),
        ("validate --release release --set validation.baseline=colours "
         "--set validation.epochs=3", "no setting 'epochs'"),
    ],
)  # fmt: skip
def test_what_it_can_not_do_is_one_line(folder, arguments, words):
    answer = stickerworks(*arguments.split(), cwd=folder)
    assert (answer.returncode, len(answer.stderr.splitlines())) == (1, 1), answer.stderr
    assert words in answer.stderr
    assert not (folder / "new").exists()


@pytest.mark.parametrize(
    ("method", "arguments", "words"),
    [
        ("fit", "train colours --release release --output new", "while it fitted"),
        ("fit", "validate --release release --set validation.baseline=colours", "while it fitted"),
        ("score", "validate --release release --set validation.baseline=colours",
         "while it scored validation rows"),
    ],
)  # fmt: skip
def test_what_it_raises_is_told_as_its_fault(folder, monkeypatch, method, arguments, words):
    def raises(self, *given):
        raise ValueError("odd rows")

    monkeypatch.setattr(ColourHistogram, method, raises)
    answer = stickerworks(*arguments.split(), cwd=folder)
    assert answer.returncode == 1
    told = f"The baseline 'colours' of colours 1.0 failed {words}: ValueError: odd rows."
    assert told in answer.stderr.splitlines()[-1]
    assert "Traceback" not in answer.stderr


def test_a_whole_run_stays_an_interrupted_one_starts_over_and_fresh_does_too(folder, monkeypatch):
    fits: list[int] = []

    def fit(self, rows, settings, run):
        fits.append(run.seed)
        if len(fits) == 1:
            raise KeyboardInterrupt
        return whole(self, rows, settings, run)

    whole = ColourHistogram.fit
    monkeypatch.setattr(ColourHistogram, "fit", fit)
    with pytest.raises(KeyboardInterrupt):
        train(folder)
    with pytest.raises(StickerworksError, match="There is no trained run"):
        open_run(folder / "run")
    train(folder)
    _, _, run = open_run(folder / "run")
    kept = run.weights.read_bytes()
    assert any("model.skops is there already" in line for line in train(folder))
    assert run.weights.read_bytes() == kept
    assert len(fits) == 2
    train(folder, fresh=True)
    assert len(fits) == 3
    with pytest.raises(StickerworksError, match="a run with seed 0, not 4"):
        train(folder, seed=4)


def test_a_kept_model_scores_as_the_fitted_one(folder):
    train(folder)
    _, _, run = open_run(folder / "run")
    rows = Dataset(folder / "release").read("train", 32, KEY_FRAME)
    rows = replace(rows, tags=learnable_tags(rows))
    fitted = BASELINE.fit(rows, run.settings, Run(0, rows, lambda task: ()))
    once, again = (
        score_tags(BASELINE, m, rows, run.settings) for m in (fitted, load_model(BASELINE, run))
    )
    assert np.array_equal(once, again)
    assert rows.images.shape == (24, 32, 32, 3)
    assert rows.truth.sum(0).tolist() == [8, 8, 8]


def test_a_run_folder_runs_no_code_that_its_files_name(folder):
    """A model file whose schema names a function of the system is refused, not called."""
    train(folder)
    _, _, run = open_run(folder / "run")
    evil = {
        "__class__": "function", "__module__": "builtins", "__loader__": "FunctionNode",
        "content": {"module_path": "os", "function": "system"},
    }  # fmt: skip
    with zipfile.ZipFile(run.weights) as archive:
        schema = json.loads(archive.read("schema.json"))
    with zipfile.ZipFile(run.weights, "w") as archive:
        archive.writestr("schema.json", json.dumps({**schema, **evil}))
    with pytest.raises(StickerworksError, match=r"model\.skops is damaged or of another model"):
        load_model(BASELINE, run)
    for damage in (b"", b"PK\x03\x04 cut off"):
        run.weights.write_bytes(damage)
        with pytest.raises(StickerworksError, match="damaged or of another model"):
            load_model(BASELINE, run)


def test_what_can_not_be_read_again_is_not_kept_unless_the_baseline_trusts_it(tmp_path: Path):
    tree = DecisionTreeClassifier().fit([[0.0], [1.0]], [0, 1])
    path = tmp_path / "model.skops"
    with pytest.raises(StickerworksError, match=r"holds sklearn\.tree\._tree\.Tree"):
        save_estimator(BASELINE, tree, path)
    assert list(tmp_path.iterdir()) == []

    class Trusting(ColourHistogram):
        trusted = ("sklearn.tree._tree.Tree",)

    save_estimator(Trusting(), tree, path)
    loaded = load_model(Trusting(), Trained(None, {}, path))
    assert loaded.predict([[0.0], [1.0]]).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (np.zeros((24, 2)), "they are 24 x 2"),
        (np.zeros(24), "they are 24"),
        (np.full((24, 3), np.nan), "some are no finite number"),
        (np.full((24, 3), np.inf), "some are no finite number"),
    ],
)
def test_scores_of_another_shape_are_refused_by_name(folder, scores, words):
    class Odd(ColourHistogram):
        def score(self, model, examples, settings):
            return scores

    rows = Dataset(folder / "release").read("train", 32, KEY_FRAME)
    rows = replace(rows, tags=learnable_tags(rows))
    with pytest.raises(
        StickerworksError, match=f"'colours' of colours 1.0 gave no scores .*: {words}"
    ):
        score_tags(Odd(), None, rows, None)


LACKING = """
from dataclasses import dataclass
from stickers_example.colours import ColourHistogram, Settings
from stickers_example.patches import Patches

class Scoreless:
    name, doc, presets = "scoreless", "", {"tiny": Settings()}
    def fit(self, train, settings, run):
        return 1

@dataclass(frozen=True)
class Bare:
    strength: float = 1.0

class Sideless(ColourHistogram):
    name, presets = "sideless", {"tiny": Bare()}

class Loose(ColourHistogram):
    name, presets = "loose", {"tiny": object()}

class Empty(ColourHistogram):
    name = "empty"
    def fit(self, train, settings, run):
        pass

class Tearing(Patches):
    name = "tearing"
    def loss(self, model, inputs, truth):
        raise KeyError("no loss")

class Building(Patches):
    name = "building"
    def build(self, settings, tags, pretrained):
        raise RuntimeError("no such layer")

SCORELESS, SIDELESS, EMPTY, LOOSE = Scoreless(), Sideless(), Empty(), Loose()
TEARING, BUILDING = Tearing(), Building()
"""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("scoreless", "has no `score`"),
        ("sideless", "has no `image_side` in the settings of its preset 'tiny'"),
        ("loose", "has settings in its preset 'tiny' that are no dataclass"),
        ("tearing", "failed while it fitted: KeyError: 'no loss'"),
        ("building", "failed while it fitted: RuntimeError: no such layer"),
        ("empty", "failed while it fitted: TypeError: its fit gives nothing"),
    ],
)
def test_what_a_baseline_lacks_is_told(folder, stranger, name, words):
    stranger("baselines", LACKING, {name: name.upper()})
    request = TrainRequest(name, folder / "release", folder / "run")
    with pytest.raises(PluginError, match=f"The baseline '{name}' of strange 1.0 {words}"):
        train_run(request, lambda line: None, lambda *done: None)
