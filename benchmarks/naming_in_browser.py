"""StickerTAG's naming on the page: clusters decided about in Chromium, one by one, and frozen.

    PYTHONPATH=. python benchmarks/naming_in_browser.py FOLDER [--captions TSV | --keywords 13571]

Draws a sticker for each keyword, clusters the keywords, writes the page, does in a browser what a
lead would (by rule, by keys and typing), saves, and freezes what was saved. The last line is one
JSON object: what the file says other than was done on the page is counted as ``differing``.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from procedure.collection import draw_folder, topical_keywords
from procedure.filling import Plan, plan_naming
from procedure.on_page import decide_on_page

from pipeline.engine.workspace import Workspace
from pipeline.tags.keywords import keywords_of
from pipeline.tags.naming.saved import read_saved_naming


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="is made, and left for a look")
    parser.add_argument("--captions", type=Path, help='a TSV with a column "caption"')
    parser.add_argument("--keywords", type=int, default=13_571, help="make so many instead")
    parser.add_argument("--tags", type=int, default=461, help="tags that are to be frozen")
    parser.add_argument("--clusters", type=int, help="fixed number of clusters [the elbow's]")
    options = parser.parse_args()
    if options.captions is None:
        keywords = topical_keywords(options.keywords, options.tags)
    else:
        with options.captions.open(encoding="utf-8", newline="") as file:
            titles = [row["caption"] for row in csv.DictReader(file, delimiter="\t")]
        keywords = sorted({k for title in titles for k in keywords_of(None, None, title)})
    figures = run(options.folder.absolute(), keywords, options.tags, options.clusters)
    print(json.dumps({"benchmark": "naming_in_browser", "figures": figures}, ensure_ascii=False))


def run(folder: Path, keywords: list[str], tags: int, clusters: int | None) -> dict[str, Any]:
    """Every step, with what it counted."""
    draw_folder(folder / "stickers", keywords)
    _config(folder, clusters)
    for words in ("crawl", "filter", "tags", "tags page"):
        _command(folder, *words.split())
    workspace = Workspace(folder / "workspace")
    proposals = workspace.read("proposals").to_pylist()
    plan = plan_naming(proposals, tags)
    page = workspace.reports / "tags.html"
    begin = time.perf_counter()
    saved = decide_on_page(page, plan, folder / "downloads")
    seconds = time.perf_counter() - begin
    _command(folder, "tags", "apply", str(saved))
    tagset = workspace.read("tagset").to_pylist()
    return {
        "keywords": len(keywords),
        "rows": len(proposals),
        "decisions": dict(Counter(row["decision"] for row in plan.rows.values())),
        "added": len(plan.added),
        "page_mb": round(page.stat().st_size / 1e6, 1),
        "seconds_on_page": round(seconds, 1),
        "differing": _differing(plan, saved),
        "frozen": sum(row["named"] for row in tagset),
    }


def _differing(plan: Plan, saved: Path) -> int:
    """Rows of the file that don't say what was done on the page."""
    rows = read_saved_naming(saved).rows
    done = {key: dict(row) for key, row in plan.rows.items()}
    done |= {row["name"]: {**row, "decision": "add"} for row in plan.added}
    said = {}
    for row in rows:
        columns = ("decision", "name", "into", "note")
        texts = {column: getattr(row, column) for column in columns if getattr(row, column)}
        if row.keywords:
            texts["keywords"] = " ".join(row.keywords)
        said[row.key or row.name] = texts
    return sum(done.get(key) != said.get(key) for key in done.keys() | said.keys())


def _config(folder: Path, clusters: int | None) -> None:
    source = {"source": "folder", "options": {"path": str(folder / "stickers")}}
    config = {
        "crawl": {"sources": [source]},
        "filter": {"rules": {"ocr_length": {"max": None}}},
        "tags": {"clusters": clusters},
    }
    (folder / "stickerworks.yaml").write_text(json.dumps(config), encoding="utf-8")


def _command(folder: Path, *words: str) -> None:
    program = [sys.executable, "-m", "stickerworks", "--config", str(folder / "stickerworks.yaml")]
    done = subprocess.run(
        [*program, "--workspace", str(folder / "workspace"), *words],
        check=False,
        text=True,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    print(f"$ stickerworks {' '.join(words)}\n{done.stdout}", flush=True)
    if done.returncode:
        raise SystemExit(f"`{' '.join(words)}` failed")


if __name__ == "__main__":
    main()
