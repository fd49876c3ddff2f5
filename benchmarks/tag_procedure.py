"""StickerTAG's procedure (sections 3.1, 3.2) from keywords to a release, counted at each step.

    PYTHONPATH=. python benchmarks/tag_procedure.py FOLDER [--captions TSV | --keywords 13571]

Draws stickers that carry the keywords, clusters these, has the clusters named by rule on a sheet
that LibreOffice saves in its own format, freezes the tag set, has three annotators vote on a real
labelling server, merges, splits and releases. With --page the same is decided once more on the
page in Chromium, key by key, and the two frozen sets are held side by side. FOLDER is made and
left for a look. Needs soffice, and chromium for --page.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from procedure.filling import Plan, fill_sheet, plan_naming
from procedure.on_page import decide_on_page
from procedure.running import Place, draw_place, named_keywords
from procedure.voting import vote

from pipeline.engine.workspace import Workspace
from schemas.labelling import LabelConfig


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--captions", type=Path, help='a TSV with a column "caption"')
    parser.add_argument("--keywords", type=int, default=13_571, help="make so many instead")
    parser.add_argument("--tags", type=int, default=461, help="tags that are to be frozen")
    parser.add_argument("--clusters", type=int, help="fixed number of clusters [the elbow's]")
    parser.add_argument("--label", type=int, default=300, help="stickers that are voted on")
    parser.add_argument("--page", action="store_true", help="decide on the page as well")
    options = parser.parse_args()
    port = _free_port()
    keywords = named_keywords(options)
    place = draw_place(options.folder.absolute(), keywords, options.clusters, port)
    for words in ("crawl", "filter", "tags", "tags sheet", "tags page"):
        place.command(*words.split())
    figures: dict[str, Any] = {"keywords": len(keywords), **_clustered(place.workspace)}
    plan = plan_naming(place.workspace.read("proposals").to_pylist(), options.tags)
    figures["decisions"] = dict(Counter(row["decision"] for row in plan.rows.values()))
    figures["added"] = len(plan.added)
    beside = Place(place.folder, "page-workspace")
    if options.page:
        shutil.copytree(place.root, beside.root)
    place.command("tags", "apply", str(fill_sheet(place.workspace.reports / "tags.xlsx", plan)))
    figures |= _frozen(place.workspace)
    if options.page:
        figures["page"] = _on_page(beside, plan, place.workspace)
    figures |= _label(place, options.label, port)
    figures |= _release(place)
    print(json.dumps({"benchmark": "tag_procedure", "figures": figures}, ensure_ascii=False))


def _clustered(workspace: Workspace) -> dict[str, Any]:
    elbow = workspace.read("elbow").to_pylist()
    states = Counter(workspace.read("clusters", columns=["state"])["state"].to_pylist())
    chosen = next(row for row in elbow if row["chosen"])
    names = ("k", "height", "clear", "stability")
    return {"states": dict(sorted(states.items())), **{name: chosen[name] for name in names}}


def _frozen(workspace: Workspace) -> dict[str, int]:
    named = workspace.read("tagset", columns=["named"])["named"].to_pylist()
    suggested = workspace.read("suggestions", columns=["tags"])["tags"].to_pylist()
    return {"frozen": sum(named), "stickers_with_a_suggestion": sum(map(bool, suggested))}


def _on_page(place: Place, plan: Plan, other: Workspace) -> dict[str, Any]:
    """Decide the same on the page; tags and keywords that differ from the ``other`` set's."""
    page = place.workspace.reports / "tags.html"
    begin = time.perf_counter()
    saved = decide_on_page(page, plan, place.folder / "downloads")
    seconds = time.perf_counter() - begin
    place.command("tags", "apply", str(saved))
    ours, theirs = (_meanings(workspace) for workspace in (place.workspace, other))
    differing = sum(ours.get(k) != theirs.get(k) for k in ours.keys() | theirs.keys())
    figures = {"megabytes": round(page.stat().st_size / 1e6, 1), "seconds": round(seconds, 1)}
    return figures | _frozen(place.workspace) | {"differing_keywords": differing}


def _meanings(workspace: Workspace) -> dict[str, str | None]:
    """What each settled keyword means: the name of its tag."""
    names = {row["id"]: row["tag"] for row in workspace.read("named_tags").to_pylist()}
    rows = workspace.read("named_keywords", columns=["keyword", "tag"]).to_pylist()
    return {row["keyword"]: names.get(row["tag"]) for row in rows}


def _label(place: Place, count: int, port: int) -> dict[str, Any]:
    """Ballot, tasks, votes by three people, labels."""
    workspace, figures = place.workspace, {}
    names = workspace.read("tagset", columns=["tag"])["tag"].to_pylist()
    try:
        place.command("label", "setup")
        place.command("label", "export", "--next", str(count))
        figures["ballot"] = len(workspace.read("ballot"))
        figures["tasks"] = len(workspace.read("tasks"))
        figures["votes_given"] = vote(place.root, LabelConfig(port=port), _truth(workspace), names)
        place.command("label", "import")
    finally:
        place.command("label", "stop")
    figures["votes"] = len(workspace.read("votes"))
    statuses = workspace.read("labels", columns=["status"])["status"].to_pylist()
    return figures | {"labels": dict(sorted(Counter(statuses).items()))}


def _truth(workspace: Workspace) -> dict[str, str]:
    """The best suggestion of each sticker stands for what it shows."""
    rows = workspace.read("suggestions", columns=["id", "scored"]).to_pylist()
    return {row["id"]: row["scored"][0]["tag"] for row in rows if row["scored"]}


def _release(place: Place) -> dict[str, Any]:
    for words in ("split", "release", "release verify"):
        place.command(*words.split())
    release = place.workspace.releases / "procedure-0.1.0"
    written = json.loads((release / "tagset.json").read_text(encoding="utf-8"))
    counts: Counter[str] = Counter()
    for path in sorted((release / "data").glob("*.parquet")):
        tags = pq.read_table(path, columns=["tags"])["tags"].to_pylist()
        counts["rows"] += len(tags)
        counts["labelled"] += sum(map(bool, tags))
    return {"released_tags": len(written), "released": dict(counts)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
