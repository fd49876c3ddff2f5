"""Crawls that end badly: killed, or with no room left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

from crawlers.crawl import crawl
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig

STICKERS = 60
PROGRAM = """
import sys
from pathlib import Path
from crawlers.crawl import crawl
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig
crawl(Workspace(Path(sys.argv[1])), CrawlConfig.model_validate_json(sys.argv[2]))
"""

ConfigFor = Callable[..., CrawlConfig]


@pytest.fixture
def slow_site(site: Any, bqb: ModuleType) -> Any:
    for number in range(STICKERS):
        site.add(f"{number % 3:03d}Theme_主题{number % 3}BQB", f"{number}.gif")
    site.answers["000Theme_主题0BQB/3.gif"] = bqb.status(404)
    site.files["001Theme_主题1BQB/4.gif"] = site.files["001Theme_主题1BQB/40.gif"]
    site.answer_delay_s = 0.01
    return site


def _start(workspace: Workspace, config: CrawlConfig) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", PROGRAM, str(workspace.root), config.model_dump_json()]
    return subprocess.Popen(command)


def _wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.01)


def _what_stays(workspace: Workspace) -> dict[str, Any]:
    """Everything but the moment of each fetch and the number of requests."""
    observations = workspace.read("observations").drop_columns(["fetched_at"])
    tables = {name: workspace.read(name) for name in ("stickers", "media")}
    tables["unfetched"] = workspace.read("unfetched").drop_columns(["fetched_at"])
    media = sorted(path.name for path in workspace.media.rglob("*") if path.is_file())
    return {
        "observations": observations.to_pylist(),
        "media files": media,
        "parts": workspace.parts,
        **{name: table.to_pylist() for name, table in tables.items()},
    }


def test_kill_9_and_the_same_command_again_is_as_if_nothing_happened(
    tmp_path: Path, slow_site: Any, config_for: ConfigFor
) -> None:
    config = config_for(slow_site, shard_rows=25)
    whole, killed = Workspace(tmp_path / "whole"), Workspace(tmp_path / "killed")
    crawl(whole, config)
    got: list[str] = []
    for enough in (15, 15):
        slow_site.requests.clear()
        process = _start(killed, config)
        _wait_for(lambda enough=enough: len(slow_site.media_requests()) >= enough)  # type: ignore[misc]
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(children, timeout=5)
        assert alive == []
        assert not killed.tables.exists()
        got += slow_site.media_requests()
    slow_site.requests.clear()
    crawl(killed, config)
    assert _what_stays(killed) == _what_stays(whole)
    again = len(got) + len(slow_site.media_requests()) - STICKERS
    # Only what was on its way when the crawl was killed is fetched twice.
    assert again <= 2 * 2 * config.concurrency
    assert list(killed.media.rglob("*.tmp")) == []


def test_a_child_that_is_killed_is_one_clear_line(
    workspace: Workspace, slow_site: Any, config_for: ConfigFor
) -> None:
    config, ours = config_for(slow_site), psutil.Process()
    before = {child.pid for child in ours.children()}

    def kill(text: str) -> None:
        for child in ours.children():
            if child.pid not in before:
                os.kill(child.pid, signal.SIGKILL)

    slow_site.extra_entries = [None]  # the spider reports it, so that we know that it runs
    with pytest.raises(StickerworksError) as caught:
        crawl(workspace, config, lambda text: kill(text) if "make no sense" in text else None)
    assert "stopped unexpectedly (killed by SIGKILL)" in caught.value.message
    assert "run the same command again" in caught.value.remedy
    assert crawl(workspace, config).observations == STICKERS - 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a mebibyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_clear_line_and_the_crawl_goes_on_later(
    small_disk: Path, tmp_path: Path, site: Any, config_for: ConfigFor
) -> None:
    for number in range(40):
        site.add("A", f"{number}.gif")
        site.files[f"A/{number}.gif"] += bytes([number]) * 50_000
    config, workspace = config_for(site), Workspace(small_disk)
    with pytest.raises(StickerworksError) as caught:
        crawl(workspace, config)
    assert caught.value.message.startswith("The disk is full: could not write ")
    assert json.dumps(str(caught.value)).count("\\n") == 0
    remount = ["mount", "-o", "remount,size=20m", str(small_disk)]
    subprocess.run(remount, check=True)
    assert crawl(workspace, config).stickers == 40
