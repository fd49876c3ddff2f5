"""What the machine or the user can't do is told as that, and no fault of ours."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pipeline.engine.workspace import Workspace
from stickerworks.cli.explaining import explain


def of(number: int, file: str | None = "/w/scratch/x") -> OSError:
    return OSError(number, os.strerror(number), file)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (of(errno.EACCES), "No permission for /w/scratch/x."),
        (of(errno.EROFS), "/w/scratch/x can't be written"),
        (of(errno.ENOSPC), "The disk is full"),
        (of(errno.EMFILE, None), "ulimit -n"),
        (of(errno.ENAMETOOLONG, "n" * 900), "so long a name"),
        (of(errno.ENOTDIR), "a folder where there is a file"),
        (of(errno.EIO), "The disk failed"),
        (MemoryError(), "memory"),
        (UnicodeEncodeError("utf-8", "a\udcffb", 1, 2, "surrogates not allowed"), "valid Unicode"),
    ],
)
def test_the_machines_refusals_say_what_where_and_what_to_do(error: Exception, said: str) -> None:
    line = explain(error)
    assert line.startswith("error: ")
    assert said in line
    assert "fault of stickerworks" not in line
    assert len(line) < 400
    line.encode()


def test_faults_of_ours_stay_faults() -> None:
    for error in (ValueError("x"), of(errno.ENOENT, None), of(errno.EBADF)):
        assert "this is a fault of stickerworks" in explain(error)


def test_a_file_in_place_of_scratch_is_told(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.scratch.write_text("")
    with pytest.raises(OSError, match="exists") as caught:
        workspace.scratch.mkdir(parents=True, exist_ok=True)
    assert f"{workspace.scratch} is there already" in explain(caught.value)
