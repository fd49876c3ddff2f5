"""The example package of docs/plugins, installed beside us and run as its tutorial says."""

from __future__ import annotations

import http.server
import json
import random
import re
import subprocess
import sys
import sysconfig
import threading
import venv
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from pipeline.engine.workspace import Workspace
from stickerworks.plugins import KINDS

PACKAGE = Path(__file__).parents[2] / "docs" / "plugins"
COLOURS = ("red", "green", "blue", "gold")
LINES = {"sharpness": 15, "frame_rate": 12, "listed": 35, "keywords": 16, "colours": 30}
"""What each part may take, from the first import to the value."""

CONFIG = """
crawl:
  allow_hosts: [{host}]
  sources:
    - {{source: listed, redistribute: true, options: {{path: {path}}}}}
filter:
  ocr: {{backend: one_line}}
  rules:
    sharpness: {{min: 1}}
    frame_rate: {{max: 30}}
tags: {{clusters: 4}}
annotate:
  captioner: keywords
split: {{train: 0.4, validation: 0.5, test: 0.1}}
validation:
  baseline: colours
"""

Command = Callable[..., str]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment of its own, which sees what we are installed with."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    packages = sysconfig.get_path("purelib", vars={"base": str(folder)})
    seen = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    Path(packages, "parent.pth").write_text(seen)
    python = folder / "bin" / "python"
    install = ["--python", python, "install", "--no-deps", "--no-build-isolation", "--no-index"]
    source = folder / "source"
    source.mkdir()
    for file in PACKAGE.rglob("*"):
        if file.suffix in (".py", ".toml"):
            copy = source / file.relative_to(PACKAGE)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(file.read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", *install, source],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return python


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty stickers, half of them on the web, and a list of them all."""
    folder = tmp_path_factory.mktemp("tutorial")
    for place in ("stickers", "site"):
        (folder / place).mkdir()
    for number in range(20):
        place = "site" if number % 2 else "stickers"
        draw(number).save(folder / place / f"{COLOURS[number % 4]}-{number}.png")
    return folder


def draw(number: int) -> Image.Image:
    picture = Image.new("RGBA", (160, 160))
    pen, dice = ImageDraw.Draw(picture), random.Random(number)
    pen.ellipse([20, 20, 140, 140], fill=COLOURS[number % 4], outline="black", width=6)
    for _ in range(30):
        x, y = dice.randrange(40, 120), dice.randrange(40, 120)
        pen.line([x, y, x + dice.randrange(9), y + dice.randrange(30)], fill="black", width=3)
    return picture


@pytest.fixture(scope="module")
def host(folder: Path) -> Iterator[str]:
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def command(python: Path, folder: Path, host: str) -> Command:
    """Runs ``stickerworks`` as the environment has it, in the folder of the tutorial."""
    files = sorted((folder / "stickers").iterdir())
    pages = sorted((folder / "site").iterdir())
    lines = [f"stickers/{path.name}" for path in files]
    lines += [f"http://{host}/{path.name}" for path in pages]
    (folder / "stickers.txt").write_text("\n".join(lines))
    (folder / "stickerworks.yaml").write_text(CONFIG.format(host=host, path="stickers.txt"))

    def run(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [python, "-m", "stickerworks", "--workspace", "workspace", *arguments],
            cwd=folder, check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def made(command: Command, folder: Path) -> Workspace:
    """The workspace after crawl, filter and annotate."""
    for room in ("crawl", "filter", "annotate"):
        command(room)
    return Workspace(folder / "workspace")


@pytest.mark.parametrize("part", LINES)
def test_each_part_is_short(part: str) -> None:
    lines = (PACKAGE / "stickers_example" / f"{part}.py").read_text().splitlines()
    assert len(lines) <= LINES[part]


def test_the_doctor_names_the_package(command: Command) -> None:
    found = command("doctor")
    package = (PACKAGE / "pyproject.toml").read_text()
    names = re.findall(r'^(\w+) = "stickers_example', package, re.MULTILINE)
    assert len(names) >= 5
    for name in names:
        assert re.search(rf"ok +\w+: {name} +stickers-example 1\.0", found), name
    assert {match[1] for match in re.finditer(r"(\w+): \w+ +stickers-ex", found)} <= set(KINDS)


def test_the_source_brings_files_and_addresses(made: Workspace) -> None:
    rows = made.read("observations").to_pylist()
    assert len(rows) == 20
    assert {row["query"] for row in rows} == set(COLOURS)
    fetched = [row for row in rows if row["http_status"] == 200]
    assert len(fetched) == 10
    assert all(row["redistribute"] for row in rows), "the configuration decides"


def test_the_measure_is_stored_and_the_rules_decide(made: Workspace, command: Command) -> None:
    values = {
        row["id"]: row["value"]
        for row in made.read("measures").to_pylist()
        if row["name"] == "sharpness"
    }
    assert len(values) == 20
    cut = sorted(values.values())[5]
    assert made.read("decisions")["kept"].to_pylist() == [True] * 20
    told = command("filter", "--set", f"filter.rules.sharpness.min={cut}")
    assert "kept 15 + dropped 5 + failed 0 = read 20" in told
    assert "signals" in told
    assert "up to date" in next(line for line in told.splitlines() if "signals" in line)
    command("filter")


def test_text_is_read_and_captions_are_written(made: Workspace) -> None:
    assert all(
        row["model"].startswith("one_line: rapidocr") for row in made.read("ocr").to_pylist()
    )
    captions = set(made.read("descriptions")["caption_en"].to_pylist())
    assert captions == {f"{colour}!" for colour in COLOURS}


def test_a_sticker_is_followed_to_its_caption(made: Workspace, command: Command) -> None:
    sticker = made.read("stickers")["id"][0].as_py()
    told = command("trace", sticker)
    for line in (r"source +listed", r"name +sharpness", r"prompt +keywords/1", r"model +one_line:"):
        assert re.search(line, told), line


def test_options_are_checked(command: Command, made: Workspace) -> None:
    told = command("annotate", "--set", "annotate.options.marc=x", code=1)
    assert "annotate.options.marc (did you mean mark?)" in told
    assert "Traceback" not in told


@pytest.fixture(scope="module")
def release(made: Workspace, command: Command, folder: Path) -> Path:
    """A release of the twenty stickers; their keywords are the tags."""
    for room in ("tags", "merge", "split"):
        command(room)
    command("release", "--set", "release.name=twenty")
    return folder / "workspace" / "releases" / "twenty-0.1.0"


@pytest.mark.parametrize("baseline", ["colours", "patches"])
def test_baselines_are_trained_evaluated_and_predicted_with(
    baseline: str, release: Path, command: Command
) -> None:
    command("train", baseline, "--release", str(release), "--output", baseline)
    answer = json.loads(command("evaluate", "--run", baseline, "--split", "validation", "--json"))
    assert answer["figures"]["mAP"] > 0.9
    told = command("predict", "--run", baseline, "stickers/red-0.png")
    assert told.startswith("red-0.png: red 0.")


def test_the_gate_takes_a_baseline_of_the_package(release: Path, command: Command) -> None:
    told = command("validate", "--release", str(release))
    assert "colours" in told
    assert "passed" in told
