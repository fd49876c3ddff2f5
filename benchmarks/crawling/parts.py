"""CPU seconds of what a crawl does beside fetching: ``parts.py workspace folder``.

The workspace has been crawled; its files and rows go through the crawl's own functions once more,
into the empty folder. Writes one JSON object.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from crawlers.ledger.export import export
from crawlers.ledger.ledger import LEDGER, Blob, CrawlLedger, open_ledger
from crawlers.ledger.store import media_path, store
from crawlers.observation import Key
from crawlers.sniff import sniff
from pipeline.engine.workspace import Workspace

_IMPORTS = {
    "imports_command": "import stickerworks.cli.main, stickerworks.cli.commands, crawlers.crawl",
    "imports_child": "import crawlers.run, scrapy.crawler, crawlers.fetching.spider",
}


def main() -> None:
    """Measure each part once."""
    done, empty = Workspace(Path(sys.argv[1])), Workspace(Path(sys.argv[2]))
    files = [path.read_bytes() for path in sorted(done.media.glob("*/*.gif"))]
    figures = {name: _cpu_of_process(code) for name, code in _IMPORTS.items()}
    figures["hash_sniff_write"] = _cpu(lambda: _write(empty, files))
    with open_ledger(done.root / LEDGER) as known, open_ledger(empty.root / LEDGER) as ledger:
        rows = known.connection.execute("SELECT * FROM observations").fetchall()
        blobs = [known.blob(row["sha256"]) for row in rows]
        found = [(dict(row), blob) for row, blob in zip(rows, blobs, strict=True) if blob]
        figures["ledger"] = _cpu(lambda: _note(ledger, found))
        figures["export"] = _cpu(lambda: _export(empty, ledger))
    print(json.dumps(figures))


def _write(workspace: Workspace, files: list[bytes]) -> None:
    for data in files:
        store(workspace, media_path(hashlib.sha256(data).hexdigest(), sniff(data) or ""), data)


def _note(ledger: CrawlLedger, found: list[tuple[dict[str, object], Blob]]) -> None:
    for row, blob in found:
        key = Key(*(str(row[name]) for name in ("source", "source_id", "query", "variant")))
        columns, facts = json.loads(str(row["columns"])), json.loads(str(row["facts"]))
        ledger.note(key, int(str(row["listing"])), columns, False)
        ledger.find_item(key)
        ledger.record_blob(key, blob, facts)


def _export(workspace: Workspace, ledger: CrawlLedger) -> None:
    export(workspace, ledger, ["chinesebqb"], 1000)


def _cpu(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _cpu_of_process(code: str) -> float:
    code += "\nimport time; print(time.process_time())"
    told = subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True
    )
    return float(told.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
