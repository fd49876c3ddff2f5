"""StickerTAG's procedure (sections 3.1, 3.2) from keywords to a release, counted at each step.

    PYTHONPATH=. python benchmarks/tag_procedure.py FOLDER [--captions TSV | --keywords 13571]

Draws a sticker for each keyword, clusters the keywords, has the clusters named by rule on a sheet
that LibreOffice saves in its own format, freezes the tag set, has three annotators vote on a real
labelling server, merges, splits and releases. FOLDER is made and left for a look. Needs soffice.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from procedure.collection import draw_folder, topical_keywords
from procedure.filling import as_json, fill_sheet, plan_naming
from procedure.voting import vote

from pipeline.engine.workspace import Workspace
from pipeline.tags.keywords import keywords_of
from schemas.config import LabelConfig


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--captions", type=Path, help='a TSV with a column "caption"')
    parser.add_argument("--keywords", type=int, default=13_571, help="make so many instead")
    parser.add_argument("--tags", type=int, default=461, help="tags that are to be frozen")
    parser.add_argument("--clusters", type=int, help="fixed number of clusters [the elbow's]")
    parser.add_argument("--label", type=int, default=300, help="stickers that are voted on")
    options = parser.parse_args()
    if options.captions is None:
        keywords = topical_keywords(options.keywords, options.tags)
    else:
        with options.captions.open(encoding="utf-8", newline="") as file:
            titles = [row["caption"] for row in csv.DictReader(file, delimiter="\t")]
        keywords = sorted({k for title in titles for k in keywords_of(None, None, title)})
    figures = run(options.folder.absolute(), keywords, options)
    print(json.dumps({"benchmark": "tag_procedure", "figures": figures}, ensure_ascii=False))


def run(folder: Path, keywords: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Every step, with what it counted."""
    draw_folder(folder / "stickers", keywords)
    root = folder / "workspace"
    port = _free_port()
    _config(folder, options.clusters, port)

    def command(*words: str) -> None:
        program = [sys.executable, "-m", "stickerworks", "--config", folder / "stickerworks.yaml"]
        done = subprocess.run(
            [*program, "--workspace", root, *words],
            check=False,
            text=True,
            encoding="utf-8",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        print(f"$ stickerworks {' '.join(words)}\n{done.stdout}", flush=True)
        if done.returncode:
            raise SystemExit(f"`{' '.join(words)}` failed")

    for words in (["crawl"], ["filter"], ["tags"], ["tags", "sheet"]):
        command(*words)
    workspace = Workspace(root)
    figures: dict[str, Any] = {"keywords": len(keywords), **_clustered(workspace)}
    proposals = workspace.read("proposals").to_pylist()
    plan = plan_naming(proposals, options.tags)
    figures["decisions"] = dict(Counter(row["decision"] for row in plan.rows.values()))
    figures["added"] = len(plan.added)
    # The page's file says the same, for a workspace beside this one.
    shutil.copytree(root, folder / "page-workspace")
    (folder / "naming.json").write_text(as_json(plan, proposals[0]["version"]), encoding="utf-8")
    filled = fill_sheet(workspace.reports / "tags.xlsx", plan)
    command("tags", "apply", str(filled))
    tagset = workspace.read("tagset").to_pylist()
    figures["frozen"] = sum(row["named"] for row in tagset)
    figures["suggested"] = _suggested(workspace)
    try:
        command("label", "setup")
        command("label", "export", "--next", str(options.label))
        figures["ballot"] = len(workspace.read("ballot"))
        figures["tasks"] = len(workspace.read("tasks"))
        label = LabelConfig(port=port)
        names = [row["tag"] for row in tagset]
        figures["votes_given"] = vote(root, label, _truth(workspace), names)
        command("label", "import")
    finally:
        command("label", "stop")
    figures["votes"] = len(workspace.read("votes"))
    statuses = workspace.read("labels", columns=["status"])["status"].to_pylist()
    figures["labels"] = dict(sorted(Counter(statuses).items()))
    for words in (["split"], ["release"], ["release", "verify"]):
        command(*words)
    release = workspace.releases / "procedure-0.1.0"
    written = json.loads((release / "tagset.json").read_text(encoding="utf-8"))
    figures["released_tags"] = len(written)
    figures["released"] = _released(release)
    return figures


def _clustered(workspace: Workspace) -> dict[str, Any]:
    elbow = workspace.read("elbow").to_pylist()
    states = Counter(workspace.read("clusters", columns=["state"])["state"].to_pylist())
    chosen = next(row for row in elbow if row["chosen"])
    names = ("k", "height", "clear", "stability")
    return {"states": dict(sorted(states.items())), **{name: chosen[name] for name in names}}


def _suggested(workspace: Workspace) -> int:
    return sum(bool(tags) for tags in workspace.read("suggestions")["tags"].to_pylist())


def _truth(workspace: Workspace) -> dict[str, str]:
    """The best suggestion of each sticker stands for what it shows."""
    rows = workspace.read("suggestions", columns=["id", "scored"]).to_pylist()
    return {row["id"]: row["scored"][0]["tag"] for row in rows if row["scored"]}


def _released(release: Path) -> dict[str, int]:
    import pyarrow.parquet as pq

    counts: Counter[str] = Counter()
    for path in sorted(release.rglob("*.parquet")):
        table = pq.read_table(path, columns=["tags"])
        counts["rows"] += len(table)
        counts["labelled"] += sum(bool(tags) for tags in table["tags"].to_pylist())
    return dict(counts)


def _config(folder: Path, clusters: int | None, port: int) -> None:
    source = {"source": "folder", "options": {"path": str(folder / "stickers")}}
    config = {
        "crawl": {"sources": [source]},
        "filter": {"rules": {"ocr_length": {"max": None}}},
        "tags": {"clusters": clusters},
        "label": {"port": port},
        "release": {"name": "procedure"},
    }
    (folder / "stickerworks.yaml").write_text(json.dumps(config), encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
