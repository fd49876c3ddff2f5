"""Training, judging and predicting as people type them."""

from __future__ import annotations

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import stickerworks
from PIL import Image
from square_release import draw, write_squares

from pipeline.datasets.asked import questions_json
from pipeline.engine.text import plain
from schemas.release import AskedQuestion
from stickerworks.cli.train import _without_nan

COLOURS = {"红": "red", "blue": "blue"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A release of red and blue squares in ``release``, and a run on it in ``run``."""
    folder = tmp_path_factory.mktemp("cli")
    splits = {"train": (20, 16), "validation": (60, 8), "test": (80, 8)}
    write_squares(folder / "release", COLOURS, splits)
    (folder / "red.png").write_bytes(draw("red", 33))
    (folder / "bad.gif").write_bytes(b"GIF89a\x01")
    (folder / "odd.jsonl").write_text('{"file": "red.png", "title": "red"}\n')
    (folder / "texts.jsonl").write_text('{"file": "blue.png", "caption_en": "blue"}\n')
    answer = stickerworks(
        "train", "tiny", "--release", "release", "--output", "run", "--epochs", 10, "--json",
        cwd=folder,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    curve = json.loads(answer.stdout)["curve"]
    assert [point["epoch"] for point in curve] == list(range(1, 11))
    assert "16 train and 8 validation rows, 2 tags" in answer.stderr
    assert "model.safetensors has the weights of the last epoch, 10" in answer.stderr
    loss, share = curve[-1]["metrics"]["validation_loss"], 100 * curve[-1]["metrics"]["map"]
    assert f"validation loss {loss:.4g}, mAP {share:.2f}%" in answer.stderr
    return folder


def test_evaluate_prints_the_papers_table_and_the_same_as_json(folder):
    told = stickerworks("evaluate", "--run", "run", cwd=folder)
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[0].split() == ["in", "per", "cent", "CP", "CR", "CF1", "OP", "OR", "OF1"]
    assert [line[:9].strip() for line in lines[1:5]] == ["top 1", "top 3", "top 5", "above 0.5"]
    assert "mAP: 100.00%" in lines
    assert "classes with truth: 2" in lines
    answer = json.loads(stickerworks("evaluate", "--run", "run", "--json", cwd=folder).stdout)
    assert answer["figures"]["mAP"] == 1.0
    assert f"{100 * answer['rows']['top 3']['OP']:.2f}" == lines[2].split()[5] == "50.00"


def test_several_runs_stand_side_by_side_as_in_the_papers(folder):
    told = stickerworks("evaluate", "--run", "run", "--run", "run/../run", cwd=folder)
    assert told.returncode == 0, told.stderr
    header, rule, *rows = told.stdout.splitlines()
    assert header.startswith(
        "| run, in per cent | top 1 CR | top 1 CF1 | top 1 OR | top 1 OF1 | top 3 CR |"
    )
    assert header.endswith("| top 5 OF1 | mAP |")
    assert rule.count("---:") == 13
    assert rows[0].startswith("| run | 100.00 | 100.00 |")
    assert (
        rows[0].partition("|")[2].partition("|")[2] == rows[1].partition("|")[2].partition("|")[2]
    )
    both = stickerworks("evaluate", "--run", "run", "--run", "run", "--json", cwd=folder)
    assert json.loads(both.stdout)["split"] == "test"


def test_validate_tells_figures_in_per_cent_and_all_its_notes(folder):
    told = stickerworks(
        "validate", "--release", "release", "--workspace", "judging",
        "--set", "validation.epochs=2", "--set", "validation.image_side=16",
        cwd=folder,
    )  # fmt: skip
    gate = json.loads((folder / "judging" / "reports" / "gate.json").read_text(encoding="utf-8"))
    assert (told.returncode, gate["verdict"]) == (1, "failed"), "README.md isn't there"
    assert f"mAP {100 * gate['real']:.2f}% against {100 * gate['control']:.2f}%" in told.stderr
    assert "margin 5.00 points" in told.stderr
    assert len(gate["notes"]) > 2
    for note in gate["notes"]:
        assert f"note: {note}" in told.stderr
    header = next(line for line in told.stderr.splitlines() if "| run" in line)
    assert "| run, in per cent |" in header


def test_predict_prints_tags_and_draws_a_sheet(folder):
    told = stickerworks("predict", "--run", "run", "red.png", "--top", 1, cwd=folder)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("red.png: 红 0.")
    with Image.open(folder / "run" / "predictions.png") as sheet:
        assert (255, 0, 0) in {colour for _, colour in sheet.convert("RGB").getcolors(100_000)}
    several = stickerworks(
        "predict", "--run", "run", *["red.png"] * 6, "--sheet", "six.png", "--json", cwd=folder
    )
    answer = json.loads(several.stdout)
    assert [len(image["tags"]) for image in answer["images"]] == [2] * 6
    assert (folder / "six.png").exists()


def test_predict_names_what_cannot_be_decoded_and_goes_on(folder):
    told = stickerworks(
        "predict", "--run", "run", "red.png", "bad.gif", "--sheet", "some.png", "--json", cwd=folder
    )
    found = json.loads(told.stdout)
    assert (told.returncode, found["exit_code"]) == (3, 3)
    assert [image["file"] for image in found["images"]] == ["red.png"]
    assert list(found["unreadable"]) == ["bad.gif"]
    assert told.stderr.startswith("bad.gif can't be decoded")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("train tiny --release nowhere --output new", "There is no release at nowhere"),
        (
            "train tinny --release release --output new",
            "'tinny' (did you mean tiny?). Installed: ",
        ),
        ("train tiny --release release --output new --preset paper", "tiny, small"),
        ("train tiny --release release --output run --seed 3", "seed 0, not 3; epochs 10, not 30"),
        ("train tiny --release release --output release", "release is no run: it holds data"),
        ("train tiny --release release --output new --with side=9", "no setting 'side'. Name one"),
        (
            "train tiny --release release --output new --with epochs=many",
            "epochs: should be a valid integer",
        ),
        ("train tiny --release release --output new --with epochs", "--with epochs has no '='"),
        ("train tiny --release release --output run --epochs 10 --shuffled", "on other data"),
        (
            "train tiny --release release --output new --with epochs=0",
            "epochs: should be greater than or equal to 1, not '0'",
        ),
        (
            "train tiny --release release --output new --with learning_rate=nan",
            "learning_rate: should be a finite number, not 'nan'",
        ),
        ("evaluate --run nowhere", "no trained run in nowhere"),
        ("evaluate --run run --split dev", "no split and no named test set 'dev'"),
        ("evaluate --run run --release nowhere", "There is no release at nowhere"),
        ("predict --run run bad.gif bad.gif", "bad.gif can't be decoded"),
        ("predict --run run none.png", "There is no file none.png"),
        ("predict --run run", "Name image files, or give --caption TEXT"),
        ("predict --run run --caption hello", "tiny draws no stickers"),
        ("predict --run run red.png --attention", "tiny has no attention to draw"),
        ("predict --run run red.png --texts none.jsonl", "none.jsonl can't be read"),
        ("predict --run run red.png --texts bad.gif", "bad.gif line 1 is no object"),
        ("predict --run run red.png --texts odd.jsonl", "line 1 has a text called 'title'"),
        ("predict --run run red.png --texts texts.jsonl", "texts of blue.png, which is not among"),
    ],
)
def test_every_mistake_is_one_line(folder, arguments, words):
    answer = stickerworks(*arguments.split(), cwd=folder)
    assert answer.returncode == 1, answer.stderr
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1
    assert answer.stderr.startswith("error: ")
    assert words in answer.stderr
    assert not (folder / "new").exists()


def test_names_and_figures_are_made_safe_to_print():
    assert plain("a\x1b[2Jb\n表情") == "a\ufffd[2Jb 表情"
    assert _without_nan({"a": (1.0, float("nan")), "b": [{"c": float("nan")}]}) == {
        "a": [1.0, None],
        "b": [{"c": None}],
    }


def test_a_run_is_trained_and_judged_on_one_domain(folder, tmp_path):
    (tmp_path / "data").mkdir()
    for shard in (folder / "release" / "data").iterdir():
        table = pq.read_table(shard)
        kinds = ["real" if n % 8 < 4 else "cartoon" for n in range(len(table))]
        table = table.append_column("domain", pa.array(kinds))
        pq.write_table(table, tmp_path / "data" / shard.name)
    train = [
        "train",
        "tiny",
        "--release",
        ".",
        "--output",
        "run",
        "--epochs",
        "1",
        "--domain",
    ]
    told = stickerworks(*train, "real", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "8 of 16 train rows are of the domain real" in told.stderr
    evaluate = ("evaluate", "--run", "run", "--json")
    for more, rows in (((), 4), (("--domain", "cartoon"), 4), (("--domain", "all"), 8)):
        answer = json.loads(stickerworks(*evaluate, *more, cwd=tmp_path).stdout)
        assert answer["figures"]["rows"] == rows
    refused = stickerworks(*train, "cartoons", cwd=tmp_path)
    assert refused.returncode == 1
    assert "has no train row of the domain 'cartoons'" in " ".join(refused.stderr.split())
    bare = stickerworks(
        "train", "tiny", "--release", "release", "--output", "new", "--domain", "real", cwd=folder
    )
    assert bare.returncode == 1
    assert "of none of its 16 train rows what domain it is of" in " ".join(bare.stderr.split())


@pytest.fixture
def moods(folder, tmp_path):
    """The release, whose people were asked for the mood: red is anger, blue calm."""
    shutil.copytree(folder / "release", tmp_path / "release")
    for path in (tmp_path / "release" / "data").glob("*.parquet"):
        table = pq.read_table(path, partitioning=None)
        answers = [{"红": "anger", "blue": "calm"}[tags[0]] for tags in table["tags"].to_pylist()]
        table = table.append_column("voted_mood", pa.array(answers))
        status = pa.array(["effective"] * len(table))
        pq.write_table(table.append_column("voted_mood_status", status), path)
    asked = [AskedQuestion("mood", "single", ("calm", "anger")), AskedQuestion("joke", "text")]
    (tmp_path / "release" / "questions.json").write_text(questions_json(asked), encoding="utf-8")
    return tmp_path


def test_answers_to_a_question_are_learnt_judged_and_predicted(moods, folder):
    typed = ("train", "tiny", "--release", "release", "--output", "run", "--epochs", 6)
    told = stickerworks(*typed, "--target", "mood", cwd=moods)
    assert told.returncode == 0, told.stderr
    assert "answers to mood in train: calm 8, anger 8" in told.stderr
    figures = json.loads(stickerworks("evaluate", "--run", "run", "--json", cwd=moods).stdout)
    assert figures["figures"]["majority accuracy"] == 0.5
    assert figures["figures"]["accuracy"] > 0.5
    told = stickerworks("predict", "--run", "run", folder / "red.png", cwd=moods)
    assert told.stdout.startswith("red.png: anger")
    told = stickerworks(*typed, "--with", "target=mood", cwd=moods)
    assert told.returncode == 0, "the same run"
    told = stickerworks(*typed, cwd=moods)
    assert "a run of answers to mood, not tags" in plain(told.stderr)


def test_a_target_that_is_none_is_told_with_what_there_is(moods):
    typed = ("train", "tiny", "--release", "release", "--output", "run", "--target")
    told = stickerworks(*typed, "feeling", cwd=moods)
    assert (told.returncode, "Traceback" in told.stderr) == (1, False)
    assert "those that it has: mood" in " ".join(told.stderr.split())
    told = stickerworks(*typed, "joke", cwd=moods)
    assert "is a text: its answers are no classes" in " ".join(told.stderr.split())
