"""The demo with its workspace in a bucket, killed twice, gives what it gives on a disk."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from killing import kill_after

from pipeline.engine.storage import digest_rows
from pipeline.engine.store.location import open_address, parse_location
from pipeline.engine.store.objects import ObjectStore
from pipeline.engine.workspace import Workspace
from schemas.storage import StorageConfig
from schemas.tables import TABLES

PROGRAM = Path(sys.executable).with_name("stickerworks")
ADDRESS = "s3://stickers/demo"
KILLS = {
    "Workspace": 6.0,  # crawl, signals
    "  decisions ": 4.0,  # tags, clips, captions
}
# Moments, and where bytes lie.
DIFFERING = {
    "observations": ["fetched_at"],
    "unfetched": ["fetched_at"],
    "queries": ["last_listed", "pass"],  # listed once more where a crawl was killed at its end
    "hosts": ["first_fetched", "last_fetched"],
    "media": ["path", "pack", "offset", "nbytes"],
}


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return dict(os.environ)


@pytest.mark.slow
def test_a_workspace_in_a_bucket_is_the_same_after_two_kills(
    demo, object_store: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    # The port stands in the media URLs, hence in the release.
    url = Workspace(demo.workspace).read("observations")["media_url"][0].as_py()
    settings = StorageConfig(endpoint=object_store, allow_http=True)
    command = [PROGRAM, "--workspace", ADDRESS, "--set", f"storage.endpoint={object_store}"]
    command += ["--set", "storage.allow_http=true", "--set", "validation.epochs=1"]
    command += ["--set", "validation.max_label_noise=1"]
    demo_command = [*command, "demo", "--port", str(urlsplit(url).port)]
    rng = random.Random(20261130)
    for line, seconds in KILLS.items():
        kill_after(line, rng.uniform(seconds / 2, seconds), demo_command, environment)
        if line == "Workspace":
            _take_over_the_text(demo.workspace, settings)
    answer = subprocess.run(
        [*map(str, demo_command), "--json"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["outcomes"]["rules"]["wrong"] == 0

    # Somebody else, on another machine.
    shutil.rmtree(tmp_path / "cache")
    bucket, disk = Workspace(open_address(ADDRESS, settings)), Workspace(demo.workspace)
    bucket.place.fetch()
    bucket.place.fetch_release("demo-0.1.0")
    sums = bucket.releases / "demo-0.1.0" / "SHA256SUMS"
    assert sums.read_text() == (demo.release / "SHA256SUMS").read_text()
    assert [name for name in TABLES if _digest(bucket, name) != _digest(disk, name)] == []
    assert not bucket.store.list("pieces")


def _take_over_the_text(whole: Path, settings: StorageConfig) -> None:
    """Reading it again takes as long as everything else."""
    store = ObjectStore(parse_location(ADDRESS), settings)
    for shard in sorted((whole / "tables" / "ocr").glob("*.parquet")):
        store.write(f"tables/ocr/{shard.name}", shard.read_bytes(), "anything")


def _digest(workspace: Workspace, name: str) -> str:
    return digest_rows(workspace.read(name).drop_columns(DIFFERING.get(name, [])))
