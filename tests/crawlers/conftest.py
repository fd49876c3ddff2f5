"""Sites and workspaces for the crawlers' tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import chinesebqb
import pytest

from crawlers.crawl import CrawlSummary, crawl
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig, SourceConfig


@pytest.fixture(scope="session")
def bqb() -> ModuleType:
    """The module of the ChineseBQB replica."""
    return chinesebqb


@pytest.fixture
def site(bqb: ModuleType) -> Iterator[Any]:
    """A running, empty replica of ChineseBQB."""
    with bqb.serving(bqb.Replica()) as replica:
        yield replica


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def config_for() -> Callable[..., CrawlConfig]:
    """Makes the configuration of a crawl of a replica."""

    def make(site: Any, limit: int | None = None, **settings: Any) -> CrawlConfig:
        options = {"index_url": settings.pop("index_url", site.index_url)}
        defaults: dict[str, Any] = {"allow_hosts": [site.host], "timeout_s": 5}
        source = SourceConfig(source="chinesebqb", limit=limit, options=options)
        return CrawlConfig(sources=[source], **(defaults | settings))

    return make


@pytest.fixture
def crawl_site(
    workspace: Workspace, config_for: Callable[..., CrawlConfig]
) -> Callable[..., CrawlSummary]:
    """Crawls a replica into the workspace."""

    def run(
        site: Any,
        limit: int | None = None,
        report: Callable[[str], None] = lambda text: None,
        **settings: Any,
    ) -> CrawlSummary:
        return crawl(workspace, config_for(site, limit, **settings), report)

    return run


@pytest.fixture
def crawl_source(workspace: Workspace) -> Callable[..., CrawlSummary]:
    """Crawls any source on loopback by queries: ``crawl_source("giphy", site, ["cat"], {...})``.

    ``ours`` are keys of crawl.sources[], ``settings`` those of crawl.
    """

    def run(
        source: str,
        site: Any,
        queries: Sequence[str] = (),
        options: Mapping[str, Any] | None = None,
        ours: Mapping[str, Any] | None = None,
        report: Callable[[str], None] = lambda text: None,
        **settings: Any,
    ) -> CrawlSummary:
        config = SourceConfig(
            source=source, queries=tuple(queries), options=dict(options or {}), **(ours or {})
        )
        defaults: dict[str, Any] = {"allow_hosts": [site.host], "timeout_s": 5}
        return crawl(workspace, CrawlConfig(sources=[config], **(defaults | settings)), report)

    return run


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for stickers."""
    made = tmp_path / "stickers"
    made.mkdir()
    return made


@pytest.fixture
def put(folder: Path) -> Callable[[str, bytes], Path]:
    """Puts a file into the folder."""

    def write(name: str, data: bytes) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def crawl_folder(workspace: Workspace, folder: Path) -> Callable[..., CrawlSummary]:
    """Crawls the folder into the workspace."""

    def run(limit: int | None = None, **options: Any) -> CrawlSummary:
        given = {"path": str(folder)} | options
        source = SourceConfig(source="folder", limit=limit, options=given)
        return crawl(workspace, CrawlConfig(sources=[source], shard_rows=3))

    return run
