"""The command line as people meet it: options anywhere, one clear line for every mistake."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from stickerworks.cli.doctor import _EXTRAS
from stickerworks.cli.main import _options_first, _run

PROGRAM = Path(sys.executable).with_name("stickerworks")


def stickerworks(*arguments, cwd):
    return subprocess.run(
        [PROGRAM, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture
def ask(tmp_path, monkeypatch, capfd):
    """The program in an empty folder, in this process: starting one takes most of a second."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        capfd.readouterr()
        code = _run([*map(str, arguments)])
        said = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, code, said.out, said.err)

    return call


def assert_one_line(answer, code, *words):
    assert answer.returncode == code, answer.stderr
    *before, last = answer.stderr.strip().splitlines()
    assert last.startswith("error: "), answer.stderr
    assert not [line for line in before if line.startswith(("error", "Traceback"))]
    for word in words:
        assert word in last


def test_options_may_stand_anywhere():
    given = ["filter", "--set", "a=1", "--workspace=w", "x", "--json", "--", "--debug"]
    assert _options_first(given) == [
        "--set", "a=1", "--workspace=w", "--json", "filter", "x", "--", "--debug",
    ]  # fmt: skip


def test_help_names_every_command(tmp_path):
    answer = stickerworks("--help", cwd=tmp_path)
    assert answer.returncode == 0
    for command in ("crawl", "filter", "tags", "annotate", "merge", "split", "release", "validate"):
        assert f"  {command} " in answer.stdout


@pytest.mark.parametrize("arguments", [["filtre"], ["filter", "--frobnicate"], ["trace"]])
def test_wrong_usage_exits_with_2(tmp_path, arguments):
    answer = stickerworks(*arguments, cwd=tmp_path)
    assert answer.returncode == 2
    assert "Usage" in answer.stderr


def test_an_unknown_key_is_one_line(ask, tmp_path):
    (tmp_path / "stickerworks.yaml").write_text("filter: {decode: {max_pixel: 3}}")
    answer = ask("filter")
    assert_one_line(answer, 1, "filter.decode.max_pixel", "did you mean max_pixels?")


def test_rooms_before_any_crawl_say_what_to_run(ask):
    for command in ("filter", "tags", "annotate", "merge", "split", "release", "report", "trace"):
        extra = ["ab"] if command == "trace" else []
        answer = ask(command, *extra)
        words = ["ab"] if command == "trace" else ["stickerworks"]
        assert_one_line(answer, 1, *words)


def test_a_missing_release_is_one_line(ask):
    assert_one_line(ask("validate"), 1, "stickers-0.1.0")
    missing = ask("validate", "--release", "nowhere")
    assert_one_line(missing, 1, "nowhere")


def test_missing_and_empty_folders_are_one_line_each(ask, tmp_path):
    assert_one_line(ask("run", "nowhere"), 1, "nowhere")
    (tmp_path / "empty").mkdir()
    assert_one_line(ask("run", "empty"), 1, "empty")


def test_a_dry_run_writes_nothing(ask, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.gif").write_bytes(b"GIF89a")
    answer = ask("run", "mine", "--dry-run")
    assert answer.returncode == 0, answer.stderr
    assert "would list folder" in answer.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine"]


def test_no_network_is_one_line_that_names_the_demo(tmp_path):
    # A closed loopback port refuses at once, as a machine without a network does.
    text = """
    crawl:
      allow_hosts: ["127.0.0.1:9"]
      attempts: 1
      sources: [{source: chinesebqb, options: {index_url: "http://127.0.0.1:9/index.json"}}]
    """
    (tmp_path / "stickerworks.yaml").write_text(text)
    assert_one_line(stickerworks("crawl", cwd=tmp_path), 1, "127.0.0.1", "make demo")


def test_the_doctor_finds_everything(ask):
    answer = ask("doctor")
    assert answer.returncode == 0, answer.stdout
    assert "ok   torch" in answer.stdout
    assert "ok   sources: chinesebqb" in answer.stdout


def test_the_doctor_knows_what_installs_every_extra():
    root = Path(__file__).parents[3]
    extras = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(_EXTRAS) - {""} == set(extras["optional-dependencies"]) - {"dev"}
    targets = re.findall(r"^([a-z-]+):", (root / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert {remedy.split()[1] for remedy in _EXTRAS.values()} <= set(targets)


def test_ctrl_c_is_one_line_and_a_rerun_goes_on(tmp_path):
    (tmp_path / "mine").mkdir()
    for number in range(8):
        image = Image.effect_noise((80, 80), 50 + number)
        image.save(tmp_path / "mine" / f"{number}.png")
    command = [PROGRAM, "run", "mine", "--set", "validation.epochs=1"]
    started = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    # In the middle of starting workers: the terminal sends it to them, too.
    while not (tmp_path / "workspace/scratch").exists() and started.poll() is None:
        time.sleep(0.01)
    time.sleep(0.3)
    os.killpg(started.pid, signal.SIGINT)
    said = started.communicate(timeout=60)[1]
    assert started.returncode == 130, said
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("Interrupted. Nothing finished is lost")
    assert stickerworks("filter", cwd=tmp_path).returncode == 0


def test_json_answers_are_json(ask):
    checks = json.loads(ask("doctor", "--json").stdout)
    assert {"name": "python", "fine": True}.items() <= checks[0].items()
    answer = ask("crawl", "--json", "--dry-run")
    assert json.loads(answer.stdout)["command"] == "crawl"


def test_looking_makes_nothing(ask, tmp_path):
    assert_one_line(ask("--workspace", "typo", "trace", "ab"), 1, "typo")
    assert ask("demo", "--dry-run", "--workspace", "d").returncode == 0
    assert_one_line(ask("filter", "--dry-run"), 1, "no stickers")
    assert list(tmp_path.iterdir()) == []


def test_the_demo_stays_out_of_other_datasets(ask, tmp_path):
    (tmp_path / "mine" / "tables").mkdir(parents=True)
    answer = ask("demo", "--workspace", "mine")
    assert_one_line(answer, 1, "holds another dataset")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["tables"]
