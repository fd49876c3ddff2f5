"""What strangers wrote reaches a terminal as text alone, in any locale."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipeline.engine.storage import Proof
from pipeline.engine.text import plain
from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES
from stickerworks.cli import main as command_line
from stickerworks.cli.display import make_console, make_display, tell, tell_json

ID = "ab" * 32
# A window's title, colours in two forms, a bell, a line that is overwritten, text from the right.
HOSTILE = "media/\x1b]0;owned\x07\x9b31m\x1b[2J\rok\u202egnp\u2066\x7f.gif"
OBEYED = ("\x1b", "\x9b", "\x07", "\r", "\u202e", "\u2066", "\x7f")


def assert_harmless(text: str) -> None:
    assert not [sign for sign in OBEYED if sign in text], ascii(text)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "workspace")
    rows = {
        "stickers": {"id": ID, "format": "gif", "extension": HOSTILE},
        "media": {"id": ID, "path": HOSTILE},
        "observations": {"id": ID, "source": "site", "source_id": HOSTILE, "title": "猫👨‍👩‍👧"},
        "ocr": {"id": ID, "lines": [{"frame": 0, "text": HOSTILE}], "text": "一\n二"},
    }
    for name, row in rows.items():
        table = pa.Table.from_pylist([row], schema=TABLES[name].schema)
        made.write(name, 0, table, Proof("test", "test"))
    return made


def stickerworks(workspace: Workspace, *arguments: object, **environment: str):
    program = [sys.executable, "-m", "stickerworks", "--workspace", workspace.root]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LC_")}
    return subprocess.run(
        [*map(str, program), *map(str, arguments)],
        env={**kept, **environment},
        cwd=workspace.root.parent,
        capture_output=True,
        check=False,
    )


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object):
    """The command line in this process: its code, standard output and standard error."""
    monkeypatch.setattr(sys, "argv", ["stickerworks", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        command_line.main()
    return end.value.code, *capsys.readouterr()


def test_trace_shows_hostile_text_and_obeys_none_of_it(workspace, capsys, monkeypatch):
    arguments = ["--workspace", workspace.root, "trace", ID]
    code, out, _ = run(capsys, monkeypatch, *arguments)
    assert code == 0
    assert "]0;owned" in out
    assert "猫👨‍👩‍👧" in out
    assert_harmless(out)


def test_traces_json_is_harmless_and_whole(workspace, capsys, monkeypatch):
    arguments = ["--workspace", workspace.root, "trace", ID, "--json"]
    _, out, _ = run(capsys, monkeypatch, *arguments)
    assert_harmless(out)
    assert "猫" in out
    (media,) = json.loads(out)["tables"]["media"]
    assert media.items() >= {"id": ID, "path": HOSTILE}.items()


@pytest.mark.parametrize(
    "arguments", [["trace", HOSTILE], ["--set", HOSTILE, "trace", "ab"], [HOSTILE]]
)
def test_errors_are_harmless(workspace, capsys, monkeypatch, arguments):
    code, out, err = run(capsys, monkeypatch, "--workspace", workspace.root, *arguments)
    assert code in (1, 2)
    assert "owned" in err
    assert_harmless(out + err)


def test_an_error_that_names_a_file_stays_one_line(capsys):
    command_line._tell(f"error: The file of sticker {ID} is missing: {HOSTILE}\nerror: forged")
    told = capsys.readouterr().err
    assert_harmless(told)
    assert told.count("\n") == 1


def test_lines_and_progress_are_harmless(capsys):
    console = make_console()
    console.print(HOSTILE)
    display = make_display(console)
    display.start(HOSTILE, 2)
    display._said -= 60
    display.progress(1)
    tell(HOSTILE)
    captured = capsys.readouterr()
    assert captured.err.count("owned") == 2
    assert_harmless(captured.out + captured.err)


def test_ordinary_text_is_shown_as_it_is():
    for text in (
        "滑稽，喵。",
        "👨‍👩‍👧 ❤️ 👶🏻",
        "c:\\d [bold] :cat:",
    ):
        assert plain(text) == text


def test_what_a_terminal_cannot_show_is_escaped_in_json(monkeypatch, tmp_path):
    with (tmp_path / "out").open("w", encoding="ascii") as narrow:
        monkeypatch.setattr(sys, "stdout", narrow)
        tell_json({"a": "猫😀\udc80"})
    text = (tmp_path / "out").read_text(encoding="ascii")
    assert json.loads(text) == {"a": "猫😀\udc80"}


ASCII = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}


def test_an_ascii_terminal_shows_chinese_as_numbers(workspace):
    answer = stickerworks(workspace, "trace", ID, **ASCII)
    assert answer.returncode == 0, answer.stderr
    assert rb"\u732b" in answer.stdout
    assert answer.stdout.isascii()


def test_the_locale_changes_nothing_in_the_tables(tmp_path):
    folder = tmp_path / "贴纸" / "开心"
    folder.mkdir(parents=True)
    Image.new("RGB", (8, 8), (250, 9, 9)).save(folder / "大笑😀.png")
    made = []
    for name, environment in (("utf8", {"LC_ALL": "C.UTF-8"}), ("ascii", ASCII)):
        source = f'crawl.sources=[{{source: folder, options: {{path: "{folder.parent}"}}}}]'
        workspace = Workspace(tmp_path / name)
        answer = stickerworks(workspace, "--set", source, "crawl", **environment)
        assert answer.returncode == 0, answer.stderr
        made.append(
            {file.stem: pq.read_table(file) for file in workspace.tables.rglob("*.parquet")}
        )
    assert made[0] == made[1]
    assert Workspace(tmp_path / "ascii").read("observations")["query"].to_pylist() == ["开心"]
