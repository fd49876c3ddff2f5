"""Kills a crawl by queries at random moments and compares what it ends with: nothing lost or twice.

    python benchmarks/crawl_kills.py [--kills 10] [--files 1500] [--queries 40] [--seed 1]

A replica of GIPHY lists so many files under so many queries over several pages, each file under
two of them. One crawl runs undisturbed; another is killed (SIGKILL, now the driver, now the process
that fetches, now both) and started again until it was killed so often, then ends. Their tables must
be the same but for moments, each query's listing complete, each file there once; and one more crawl
must ask for no file. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

_ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(_ROOT / "tests" / "replicas"))

_KEY = "k3y-of-giphy"
_MOMENTS = ["fetched_at", "attempts", "last_listed"]


def main() -> None:
    """Crawl undisturbed and disturbed, compare, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--files", type=int, default=1500)
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    from giphy_replica import GiphyReplica
    from loopback_site import serving

    os.environ["STICKERWORKS_GIPHY_KEY"] = _KEY
    chance = random.Random(arguments.seed)
    with serving(GiphyReplica(key=_KEY, page_size=10)) as site, tempfile.TemporaryDirectory() as at:
        queries = _fill(site, arguments.files, arguments.queries)
        whole, killed = Path(at) / "whole", Path(at) / "killed"
        config = _config(Path(at) / "crawl.yaml", site, queries)
        _crawl(config, whole)
        fetched = len(site.media_requests())
        site.asked.clear()
        # Often enough before the end that the crawl can't end meanwhile.
        most = arguments.files // (arguments.kills + 1)
        victims = [_kill_one(config, killed, chance, site, most) for _ in range(arguments.kills)]
        _crawl(config, killed)
        again = len(site.media_requests()) - fetched
        figures = _compare(whole, killed, arguments.files, queries)
        site.asked.clear()
        _crawl(config, killed)
        figures["media_requests_of_a_known_set"] = len(site.media_requests())
    figures |= {"kills": sum(one != "none" for one in victims), "fetched_again": again}
    for victim in ("driver", "fetcher", "both"):
        figures[f"kills_of_{victim}"] = victims.count(victim)
    for name, value in figures.items():
        print(f"{name:<32} {value}")
    print(json.dumps({"benchmark": "crawl_kills", "figures": figures}))


def _fill(site: Any, files: int, queries: int) -> list[str]:
    """List each file under two queries."""
    names = [f"query {number}" for number in range(queries)]
    for number in range(files):
        site.add(names[number % queries], names[(number * 7 + 1) % queries])
    return names


def _config(path: Path, site: Any, queries: list[str]) -> Path:
    source = {"source": "giphy", "queries": queries, "options": {"api": site.url}}
    crawl = {"sources": [source], "allow_hosts": [site.host], "shard_rows": 400}
    path.write_text(json.dumps({"crawl": crawl}), encoding="utf-8")
    return path


def _command(config: Path, workspace: Path) -> list[str]:
    program = [sys.executable, "-m", "stickerworks", "--config", str(config)]
    return [*program, "--workspace", str(workspace), "crawl"]


def _crawl(config: Path, workspace: Path) -> None:
    done = subprocess.run(_command(config, workspace), cwd=_ROOT, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode())


def _kill_one(config: Path, workspace: Path, chance: random.Random, site: Any, most: int) -> str:
    """Start the crawl and kill a part of it after some files; which one, or none at its end."""
    before = len(site.asked)
    process = subprocess.Popen(
        _command(config, workspace),
        cwd=_ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    enough = before + chance.randint(0, most)
    while len(site.asked) < enough and process.poll() is None:
        time.sleep(0.005)
    time.sleep(chance.uniform(0, 0.1))
    if process.poll() is not None:
        return "none"
    children = psutil.Process(process.pid).children(recursive=True)
    victim = chance.choice(["driver", "fetcher", "both"]) if children else "driver"
    if victim != "driver":
        for child in children:
            child.kill()
    if victim != "fetcher":
        process.kill()
    process.wait()
    psutil.wait_procs(children, timeout=10)
    return victim


def _compare(whole: Path, killed: Path, files: int, queries: list[str]) -> dict[str, int]:
    from pipeline.engine.workspace import Workspace

    ours, theirs = Workspace(killed), Workspace(whole)
    observations = ours.read("observations").to_pylist()
    pairs = [(row["source_id"], row["query"]) for row in observations]
    told = {row["query"]: row for row in ours.read("queries").to_pylist()}
    names = ("observations", "stickers", "media", "unfetched", "queries")
    return {
        "files": sum(path.is_file() for path in ours.media.rglob("*")),
        "stickers": ours.read("stickers").num_rows,
        "observations": len(observations),
        "observations_twice": len(pairs) - len(set(pairs)),
        "files_lost": files - ours.read("stickers").num_rows,
        "queries_incomplete": sum(
            told[query]["state"] != "done" or told[query]["listed"] != told[query]["total"]
            for query in queries
        ),
        "tables_that_differ": sum(_rows(ours, name) != _rows(theirs, name) for name in names),
        "leftovers": len(list(ours.root.rglob("*.tmp"))),
    }


def _rows(workspace: Any, name: str) -> list[dict[str, Any]]:
    table = workspace.read(name)
    moments = [column for column in _MOMENTS if column in table.column_names]
    rows: list[dict[str, Any]] = table.drop_columns(moments).to_pylist()
    return rows


if __name__ == "__main__":
    main()
