"""One source's crawl in a process of its own: ``python -m crawlers.run``.

Its memory has a limit, and what a source's own code does to it costs that source alone. The job
comes as a line of JSON on the standard input, events leave as lines of JSON on the standard output,
and the log goes to the standard error. The process ends at once when its parent does.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crawlers.fetching.quota import Quota
from crawlers.fetching.settings import crawl_settings
from crawlers.fetching.source_run import SourceRun
from crawlers.ledger.ledger import LEDGER, open_ledger
from crawlers.source import load_source, read_options
from crawlers.takedown.takedown import load_takedown
from pipeline.engine.addresses import scrub
from pipeline.engine.errors import StickerworksError
from pipeline.engine.secret_names import HIDDEN
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig


def main() -> None:
    """Read the job, crawl, and answer with ``done`` or ``error``."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what plugins print must not mix with events

    def send(event: dict[str, Any]) -> None:
        channel.write(json.dumps(event) + "\n")
        channel.flush()

    job = json.loads(_read_line())
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    clean = Cleaner()
    _log_without_secrets(clean)
    try:
        _crawl(job, clean, lambda text: send({"progress": clean(text)}))
    except StickerworksError as error:
        send({"error": [clean(error.message), clean(error.remedy)]})
    except Exception:
        logging.getLogger(__name__).exception("The crawl failed")
        raise SystemExit(70) from None
    else:
        send({"done": True})


class Cleaner:
    """Takes secrets out of what leaves the process: in addresses, and ``secrets`` wherever."""

    def __init__(self) -> None:
        self.secrets: tuple[str, ...] = ()

    def __call__(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return scrub(text)


def _crawl(job: dict[str, Any], clean: Cleaner, report: Callable[[str], None]) -> None:
    config = CrawlConfig.model_validate(job["config"])
    position: int = job["position"]
    ours = config.sources[position]
    source = load_source(ours.source)
    options = read_options(source, ours, position)
    if source.key is not None:
        clean.secrets = source.key.forms()
    workspace = Workspace(Path(job["workspace"]))
    workspace.place.remember()
    default = source.may_redistribute(ours)
    with open_ledger(workspace.root / LEDGER) as ledger:
        ledger.secrets = clean.secrets
        quota = Quota(ours.limit)
        run = SourceRun(
            source, options, default, position, config, workspace, ledger, quota, report
        )
        run.takedown = load_takedown(config, workspace)
        _download(run)
        if run.error is not None:
            raise run.error


def _download(run: SourceRun) -> None:
    """Let Scrapy run the spider to its end."""
    from scrapy.crawler import AsyncCrawlerProcess

    from crawlers.fetching.spider import CrawlSpider

    # What is imported stays to the end; looking for garbage in it takes a tenth of a crawl.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    process = AsyncCrawlerProcess(crawl_settings(run.config))
    process.crawl(process.create_crawler(CrawlSpider), run=run)
    process.start(install_signal_handlers=False)
    if process.bootstrap_failed and run.error is None:
        raise RuntimeError("Scrapy could not start; its log says why")


def _read_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        data = os.read(0, 65536)
        if not data:
            raise SystemExit(64)
        line += data
    return line


def _exit_with_parent() -> None:
    while os.read(0, 4096):
        continue
    os._exit(75)


def _log_without_secrets(clean: Cleaner) -> None:
    handler = logging.StreamHandler()
    handler.setLevel(logging.INFO)
    handler.setFormatter(_Cleaning(clean))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class _Cleaning(logging.Formatter):
    def __init__(self, clean: Cleaner) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._clean = clean

    def format(self, record: logging.LogRecord) -> str:
        return self._clean(super().format(record))


if __name__ == "__main__":
    # The spider's modules import this one under its own name, which must be the same module.
    from crawlers.run import main as run_main

    run_main()
