"""Odd surroundings: nobody reads the output, streams are closed, few files may be opened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from stickerworks.cli.main import main; main()"]


@pytest.fixture
def unread() -> int:
    """The writing end of a pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def test_output_that_nobody_reads_ends_quietly_as_sigpipe_does(tmp_path: Path, unread: int) -> None:
    answer = subprocess.run(
        [*COMMAND, "--help"], cwd=tmp_path, stdout=unread, stderr=subprocess.PIPE, check=False
    )
    assert (answer.returncode, answer.stderr) == (141, b"")


def test_messages_that_nobody_reads_end_quietly_too(tmp_path: Path, unread: int) -> None:
    answer = subprocess.run(
        [*COMMAND, "crawl", "--dry-run"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=unread,
        check=False,
    )
    assert (answer.returncode, answer.stdout) == (141, b"")


def test_closed_streams_cost_no_answer_and_no_table(tmp_path: Path) -> None:
    # Line by line: what is still printed, and which file would get what libraries print.
    script = (
        "import os, sys\n"
        "from stickerworks.cli.streams import open_closed\n"
        "open_closed()\n"
        "print('lost', file=sys.stderr)\n"
        "print(open('table', 'w').fileno() > 2)\n"
    )
    answer = subprocess.run(
        ["sh", "-c", '"$0" -c "$1" 0<&- 2>&-', sys.executable, script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stdout) == (0, "True\n")


def test_too_few_open_files_are_said_before_anything_begins(tmp_path: Path) -> None:
    answer = subprocess.run(
        ["sh", "-c", 'ulimit -n 16; "$@"', "sh", *COMMAND, "filter"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert "ulimit -n 4096" in answer.stderr
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["run", b"a\xffb"], ["filter", "--workspace", b"a\xffb"]])
def test_an_argument_that_is_no_text_is_one_line(tmp_path: Path, arguments: list[str]) -> None:
    answer = subprocess.run([*COMMAND, *arguments], cwd=tmp_path, capture_output=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr.startswith(b"error: The argument 'a\\udcffb' is not valid UTF-8.")
    assert list(tmp_path.iterdir()) == []
