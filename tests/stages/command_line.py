"""The program as people type it, within this process."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from stickerworks.cli.main import main


@dataclass
class Answer:
    returncode: int
    stdout: str
    stderr: str


def stickerworks(*arguments, cwd):
    """Run the program within this process: torch takes seconds to import."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["stickerworks", *map(str, arguments)])
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    return Answer(code, out.getvalue(), err.getvalue())
