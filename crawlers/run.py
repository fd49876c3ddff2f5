"""One source's crawl in a process of its own: ``python -m crawlers.run``.

Twisted's reactor can't be started twice in a process. The job comes as a line of JSON on the
standard input, events leave as lines of JSON on the standard output, and the log goes to the
standard error. The process ends at once when its parent does.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crawlers.fetching.quota import Quota
from crawlers.fetching.settings import crawl_settings
from crawlers.ledger.ledger import LEDGER, open_ledger
from crawlers.source import load_source, read_options
from pipeline.engine.addresses import scrub
from pipeline.engine.errors import StickerworksError
from pipeline.engine.plugins import PluginError, describe_plugin, plugin_faults
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig

_ITEMS = "crawlers.fetching.items_spider:ItemsSpider"


def main() -> None:
    """Read the job, crawl, and answer with ``done`` or ``error``."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what plugins print must not mix with events

    def send(event: dict[str, Any]) -> None:
        channel.write(json.dumps(event) + "\n")
        channel.flush()

    job = json.loads(_read_line())
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    _log_without_secrets()
    try:
        _crawl(job, lambda text: send({"progress": scrub(text)}))
    except StickerworksError as error:
        send({"error": [scrub(error.message), error.remedy]})
    except Exception:
        logging.getLogger(__name__).exception("The crawl failed")
        raise SystemExit(70) from None
    else:
        send({"done": True})


def _crawl(job: dict[str, Any], report: Callable[[str], None]) -> None:
    config = CrawlConfig.model_validate(job["config"])
    position: int = job["position"]
    ours = config.sources[position]
    source = load_source(ours.source)
    options = read_options(source, ours, position)
    workspace = Workspace(Path(job["workspace"]))
    workspace.place.remember()
    default = source.redistribute if ours.redistribute is None else ours.redistribute
    with open_ledger(workspace.root / LEDGER) as ledger:
        quota = Quota(ours.limit)
        run = SourceRun(source.name, default, position, config, workspace, ledger, quota, report)
        _spider(source.spider or _ITEMS, options, run)
        if run.error is not None:
            raise run.error


def _spider(path: str, options: object, run: SourceRun) -> None:
    """Run one spider to its end."""
    from scrapy import signals
    from scrapy.crawler import AsyncCrawlerProcess
    from scrapy.utils.misc import load_object

    process = AsyncCrawlerProcess(crawl_settings(run.config))
    with plugin_faults("sources", run.source, f"as its spider {path} was loaded"):
        spider = load_object(path.replace(":", "."))
    crawler = process.create_crawler(spider)
    tasks: set[asyncio.Task[None]] = set()

    async def close() -> None:
        await run.quota.stop()
        if crawler.engine is None or not crawler.engine.running:
            return
        closing = asyncio.ensure_future(crawler.engine.close_spider_async(reason="stopped"))
        while not closing.done():
            # Scrapy asks after responses alone whether all is done, so that the last item of a
            # spider's start() would keep it waiting for ever.
            slot: Any = crawler.engine.scraper.slot
            if slot is not None and slot.closing and not slot.closing.called and slot.is_idle():
                slot.closing.callback(crawler.spider)
            await asyncio.wait({closing}, timeout=0.1)
        await closing

    def close_soon() -> None:
        if tasks:
            return
        task = asyncio.get_running_loop().create_task(close())
        tasks.add(task)

    def broken(failure: Any) -> None:
        error = failure.value
        if isinstance(error, StickerworksError):
            return run.fail(error)
        log = f"the last lines of {run.workspace.root / 'crawl' / (run.source + '.log')} say where"
        plugin = describe_plugin("sources", run.source)
        return run.fail(
            StickerworksError(
                f"The listing of {run.source} could not be understood: {type(error).__name__}: "
                f"{error}.",
                f"The source may have changed its format. {plugin} reads it; {log}.",
            )
        )

    run.close = close_soon
    crawler.signals.connect(broken, signal=signals.spider_error, weak=False)
    process.crawl(crawler, options=options, run=run)
    process.start(install_signal_handlers=False)
    if process.bootstrap_failed and run.error is None:
        log = run.workspace.root / "crawl" / f"{run.source}.log"
        raise PluginError(
            f"{describe_plugin('sources', run.source)} failed as its spider {path} was started.",
            f"Tell its author; the last lines of {log} say where.",
        )


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


def _log_without_secrets() -> None:
    handler = logging.StreamHandler()
    handler.setLevel(logging.INFO)
    handler.setFormatter(_Scrubbing("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class _Scrubbing(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))


if __name__ == "__main__":
    # The spider's modules import this one under its own name, which must be the same module.
    from crawlers.run import main as run_main

    run_main()
