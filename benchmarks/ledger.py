"""The crawl's ledger at size: tables of a million observations, and a plan of 600,000 queries.

    python benchmarks/ledger.py [--rows 1000000] [--queries 600000]

A made-up ledger is exported whole, then without news, then after 1% more observations: once of
new stickers, and once of old ones all over the shards, which is the worst case since every shard
changes. Each step is a process of its own; printed are seconds, seconds of processor time and the
peak of resident memory. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from crawlers.ledger.export import export
from crawlers.ledger.ledger import LEDGER, open_ledger
from crawlers.observation import Observation, columns_of
from crawlers.queries.book import QueryBook, Turns
from pipeline.engine.workspace import Workspace

_SHARD_ROWS = 1000
_SOURCE = "made_up"
# Of a hundred observations; what is neither a sticker's first nor failed shows one once more.
_STICKERS, _FAILED = 60, 3
_BATCH = 20_000


def main() -> None:
    """Measure every step, and print a table and the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="observations")
    parser.add_argument("--queries", type=int, default=600_000, help="queries to plan")
    parser.add_argument("--folder", type=Path, help="where to work [a temporary folder]")
    parser.add_argument("--step", choices=list(_STEPS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        _measure(_STEPS[arguments.step], arguments)
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        figures = _figures(arguments, Path(folder))
    print(json.dumps({"benchmark": "ledger", "figures": figures}))


def _figures(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    print(f"{arguments.rows:,} observations\n{'':<22}{'s':>9}{'cpu s':>9}{'GiB':>8}{'files':>8}")
    costs = {}
    for step in _STEPS:
        command = [sys.executable, __file__, "--step", step, "--folder", str(folder)]
        command += ["--rows", str(arguments.rows), "--queries", str(arguments.queries)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        costs[step] = cost = json.loads(done.stdout.splitlines()[-1])
        print(
            f"{step:<22}{cost['s']:>9.2f}{cost['cpu_s']:>9.2f}{cost['gib']:>8.2f}"
            f"{cost['files']:>8}",
            flush=True,
        )
    ledger = folder / LEDGER
    return {
        "observations": arguments.rows,
        "ledger_gib": round(ledger.stat().st_size / 2**30, 2),
        "export_1m_s": costs["export"]["s"],
        "export_1m_cpu_s": costs["export"]["cpu_s"],
        "export_1pct_s": costs["export_new"]["s"],
        "export_1pct_cpu_s": costs["export_new"]["cpu_s"],
        "export_1pct_all_over_s": costs["export_all_over"]["s"],
        "export_nothing_new_s": costs["export_again"]["s"],
        "peak_gib": max(cost["gib"] for step, cost in costs.items() if "export" in step),
        "queries": arguments.queries,
        "plan_600k_s": costs["plan"]["s"],
        "plan_again_s": costs["plan_again"]["s"],
        "begin_again_s": costs["begin_again"]["s"],
        "peak_gib_plan": max(costs["plan"]["gib"], costs["plan_again"]["gib"]),
    }


def _measure(step: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> None:
    started, before = time.perf_counter(), time.process_time()
    files = step(arguments)
    found = {
        "s": round(time.perf_counter() - started, 2),
        "cpu_s": round(time.process_time() - before, 2),
        "gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "files": files,
    }
    print(json.dumps(found))


def _export(arguments: argparse.Namespace) -> int:
    workspace = Workspace(arguments.folder)
    with workspace.lock("crawl"), open_ledger(workspace.root / LEDGER) as ledger:
        return len(export(workspace, ledger, [_SOURCE], _SHARD_ROWS).written)


def _fill(arguments: argparse.Namespace) -> int:
    return _insert(arguments.folder, 0, arguments.rows, _STICKERS)


def _add_new(arguments: argparse.Namespace) -> int:
    return _insert(arguments.folder, arguments.rows, arguments.rows // 100, _STICKERS)


def _add_all_over(arguments: argparse.Namespace) -> int:
    first = arguments.rows + arguments.rows // 100
    return _insert(arguments.folder, first, arguments.rows // 100, 0)


def _insert(folder: Path, first: int, count: int, stickers: int) -> int:
    """Insert observations with the numbers from ``first`` on; ``stickers`` in 100 are new ones."""
    with open_ledger(folder / LEDGER) as ledger:
        # Hashes lie all over the indexes: with a small cache most of the time goes to them.
        ledger.connection.execute("PRAGMA cache_size = -1000000")
        ledger.connection.execute("PRAGMA synchronous = OFF")
        for start in range(first, first + count, _BATCH):
            numbers = range(start, min(start + _BATCH, first + count))
            rows = list(_rows(numbers, first, count, stickers))
            ledger.connection.execute("BEGIN")
            new = [(row[8], 40_000, row[9]) for row in rows if row[8] is not None]
            ledger.connection.executemany(_INSERT_BLOB, new)
            ledger.connection.executemany(_INSERT, rows)
            ledger.connection.execute("COMMIT")
    return 0


def _rows(numbers: range, first: int, count: int, stickers: int) -> Iterator[tuple[Any, ...]]:
    """Rows of observations as a crawl of a large source by query leaves them."""
    columns = json.dumps(columns_of(_OBSERVATION), ensure_ascii=False, sort_keys=True)
    facts = json.dumps(_FACTS, sort_keys=True)
    for number in numbers:
        place = number % 100
        failed, is_new = place >= 100 - _FAILED, place < stickers
        # Others show another sticker of this lot, or one from all over.
        shown = number
        if not is_new:
            shown = first + number * 7919 % count if stickers else number * 7919 % first
            shown -= shown % 100 - shown % _STICKERS
        name = f"{number:012d}"
        sha256 = None if failed else hashlib.sha256(str(shown).encode()).hexdigest()
        error = ("http_404", "the host says 404") if failed else (None, None)
        yield (
            _SOURCE, name, f"query {number // 25}", number // 25,
            columns.replace("#", name).replace('"rank": 0', f'"rank": {number % 25}'), 1,
            "gone" if failed else "ok", "{}" if failed else facts.replace("#", name),
            sha256, None if failed else f"media/{name}.gif", *error,
        )  # fmt: skip


def _plan(arguments: argparse.Namespace) -> int:
    with open_ledger(arguments.folder / LEDGER) as ledger:
        book = QueryBook(ledger, _SOURCE, "scope")
        count = book.plan(f"query {number}" for number in range(arguments.queries))
        book.begin("policy")
        assert next(Turns(book)).query == "query 0"
    return count


def _begin_again(arguments: argparse.Namespace) -> int:
    """A new pass over queries that are all done, as every crawl after the last page begins it."""
    with open_ledger(arguments.folder / LEDGER) as ledger:
        ledger.connection.execute("UPDATE queries SET state = 'done', cursors = '[]', whole = 1")
        QueryBook(ledger, _SOURCE, "scope").begin("policy")
    return 0


_STEPS: dict[str, Callable[[argparse.Namespace], int]] = {
    "fill": _fill,
    "export": _export,
    "export_again": _export,
    "add_new": _add_new,
    "export_new": _export,
    "add_all_over": _add_all_over,
    "export_all_over": _export,
    "plan": _plan,
    "plan_again": _plan,
    "export_planned": _export,
    "begin_again": _begin_again,
}

_OBSERVATION = Observation(
    "#",
    media_url="https://media.example/media/#/giphy.gif?cid=1234567890abcdef&rid=giphy.gif&ct=s",
    rank=0,
    author="somebody",
    title="Happy Cat Sticker by Somebody",
    tags=("cat", "happy", "dance", "猫", "开心"),
    page_url="https://example/stickers/happy-cat-#",
    licence="CC BY 4.0",
    licence_basis="item",
    raw={
        "id": "#", "slug": "happy-cat-#", "rating": "g", "type": "sticker", "is_sticker": 1,
        "import_datetime": "2024-05-29 02:28:32", "trending_datetime": "0000-00-00 00:00:00",
        "images": {"original": {"width": "500", "height": "500", "size": "40000", "frames": "23"}},
    },
)  # fmt: skip
_FACTS = {
    "final_url": "https://media.example/media/#/giphy.gif", "redirects": [], "http_status": 200,
    "fetched_at": "2026-12-01T00:00:00+00:00", "etag": '"#"', "content_type": "image/gif",
    "last_modified": "Tue, 01 Dec 2026 00:00:00 GMT", "x_robots_tag": None,
    "robots_decision": "allowed", "robots_sha256": "ab" * 32, "attempts": 1,
    "user_agent": "stickerworks/0.1 (+mailto:someone@example.org)", "resolved_ip": "203.0.113.7",
}  # fmt: skip
_INSERT_BLOB = """
INSERT INTO blobs (sha256, format, nbytes, path, extension) VALUES (?, 'gif', ?, ?, 'gif')
ON CONFLICT (sha256) DO NOTHING
"""
_INSERT = """
INSERT INTO observations
    (source, source_id, query, variant, listing, columns, redistribute, state, facts, sha256, path,
    error_class, error)
VALUES (?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

if __name__ == "__main__":
    main()
