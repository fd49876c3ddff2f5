"""Killed at random moments and run again, the demo gives the bytes of an uninterrupted run."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.engine.workspace import Workspace

PROGRAM = Path(sys.executable).with_name("stickerworks")
KILLS = 5


@pytest.mark.slow
def test_five_kills_change_no_byte_of_the_release(demo, tmp_path):
    # The port stands in the media URLs, hence in the release.
    url = Workspace(demo.workspace).read("observations")["media_url"][0].as_py()
    workspace = tmp_path / "killed"
    command = [PROGRAM, "demo", "--workspace", workspace, "--port", str(urlsplit(url).port)]
    rng = random.Random(20261120)
    killed = 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            process.wait(timeout=rng.uniform(2, 14))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
        assert half_written(workspace) == []
    assert killed >= KILLS - 1
    answer = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["outcomes"]["rules"]["wrong"] == 0
    killed = workspace / "releases" / "demo-0.1.0" / "SHA256SUMS"
    assert killed.read_text() == (demo.release / "SHA256SUMS").read_text()


def half_written(workspace: Path) -> list[str]:
    """Files visible under their final name that can't be read to the end."""
    found = []
    for path in sorted(workspace.rglob("*.parquet")):
        if path.name.startswith(".") or any(part.startswith(".") for part in path.parts):
            continue
        try:
            pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            found.append(f"{path}: {error}")
    return found
