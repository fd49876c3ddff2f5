"""Killed in every part and run again, the demo gives the bytes of an uninterrupted run."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from killing import kill_after

from pipeline.engine.workspace import Workspace

PROGRAM = Path(sys.executable).with_name("stickerworks")
# The line after which a run is killed, and how many seconds later at most: half of them at least.
KILLS = {
    "Workspace": 4.0,  # crawl, signals
    "  screening ": 6.0,  # text recognition, some pieces of which are put aside by then
    "  splits ": 2.5,  # the release
}
# One in the steps between is killed in a bucket; benchmarks/kills.py kills fifty times.


@pytest.mark.slow
def test_three_kills_change_no_byte_of_the_release(demo, tmp_path):
    # The port stands in the media URLs, hence in the release.
    url = Workspace(demo.workspace).read("observations")["media_url"][0].as_py()
    workspace = tmp_path / "killed"
    command = [PROGRAM, "demo", "--workspace", workspace, "--port", str(urlsplit(url).port)]
    command += ["--set", "validation.epochs=8", "--set", "validation.image_side=32"]
    command += ["--set", "validation.max_label_noise=1"]
    rng = random.Random(20261120)
    for line, seconds in KILLS.items():
        kill_after(line, rng.uniform(seconds / 2, seconds), command)
        assert half_written(workspace) == []
        if line == "Workspace":
            take_over_most_of_the_text(demo.workspace, workspace)
    answer = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["outcomes"]["rules"]["wrong"] == 0
    killed = workspace / "releases" / "demo-0.1.0" / "SHA256SUMS"
    assert killed.read_text() == (demo.release / "SHA256SUMS").read_text()


def take_over_most_of_the_text(whole: Path, workspace: Path) -> None:
    """Two of the shards are left to be read: reading all takes as long as everything else."""
    shards = sorted((whole / "tables" / "ocr").glob("*.parquet"))
    (workspace / "tables" / "ocr").mkdir(parents=True)
    for shard in shards[:-2]:
        shutil.copy(shard, workspace / "tables" / "ocr")


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
