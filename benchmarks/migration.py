"""Migrating votes at the size of StickerTAG: 13,571 stickers, three votes each, 461 tags.

    python benchmarks/migration.py [--stickers N]

The real commands from an export of answers to labels, a draft, a look, a migration of all four
kinds and its undoing. Checked: the untouched draft is refused and changes nothing, the look equals
what comes (every row of the labels), undoing gives the bytes of tables and the ledger's rows back.
Then the same refusal where 96 tags of a small set are gone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "stages"))

from voted_stickers import ask, content_of, write_rows, write_shards, write_tagset

from annotation.human.studio.frozen import migrations
from annotation.human.studio.ledger import open_ledger
from annotation.human.studio.migrating import plan_migration, preview_migration
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from stickerworks.cli.main import app

TAGS = 461
# StickerTAG 3.3: most stickers have one tag or two.
TAGS_A_STICKER = (0.47, 0.25, 0.15, 0.08, 0.05)
EACH_KIND = {"rename": 25, "merge": 25, "split": 15, "drop": 15}
WHOLE = ("ballot", "tag_changes", "tasks", "votes", "adjudications", "agreement")
Votes = dict[str, list[list[str]]]


def main() -> None:
    """Measure, check, and print one line of JSON at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stickers", type=int, default=13_571)
    options = parser.parse_args()
    figures: dict[str, Any] = {"stickers": options.stickers, "tags": TAGS}
    with tempfile.TemporaryDirectory() as folder:
        figures |= _whole_way(Workspace(Path(folder)), options.stickers)
    with tempfile.TemporaryDirectory() as folder:
        figures |= _untouched(Workspace(Path(folder)))
    figures["peak_gib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    for name, figure in figures.items():
        print(f"{name:<28} {figure}")
    print(json.dumps({"benchmark": "migration", "figures": figures}))


def _whole_way(workspace: Workspace, count: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    random = np.random.default_rng(0)
    ids = [sha256(str(n).encode()).hexdigest() for n in range(count)]
    votes = _votes(random, ids)
    write_shards(workspace, ids)
    old = {f"t{n + 1:03d}": f"标签{n:03d}" for n in range(TAGS)}
    _write_named(workspace, 1, "p1", old, {})
    with _timed(figures, "ask_s"):
        ask(workspace.root, votes, {})
    with _timed(figures, "merge_s"):
        _import_nothing(workspace)
    decisions = _decisions(workspace, random, votes)
    with _timed(figures, "ask_again_s"):
        ask(workspace.root, {}, decisions)
    new, becomes, merged = _changed(old)
    _write_named(workspace, 2, "p2", new, merged)
    with _timed(figures, "import_s"):
        _import_nothing(workspace)
    figures |= {"votes": workspace.rows("votes"), "decisions": len(decisions)}
    before = _state(workspace)
    draft = workspace.root / "draft.yaml"
    with _timed(figures, "draft_s"):
        _run(workspace, "label", "migrate", "--draft", str(draft))
    figures["untouched_draft_refused"] = _is_refused(workspace, draft)
    figures["refused_changes_nothing"] = _state(workspace) == before
    figures["blank_in_draft"] = _fill_in(draft, becomes)
    with _timed(figures, "dry_run_s"):
        _run(workspace, "--dry-run", "label", "migrate", str(draft))
    with open_ledger(workspace.root) as ledger:
        planned = plan_migration(workspace, ledger, draft)
        foretold, labels = preview_migration(workspace, ledger, Config(), planned)
    with _timed(figures, "apply_s"):
        _run(workspace, "label", "migrate", str(draft))
    came = Counter(workspace.read("labels", columns=["status"])["status"].to_pylist())
    told = {status: number for status, number in foretold.after.items() if number}
    figures["preview_equals_result"] = workspace.read("labels").equals(labels) and told == came
    figures["effective"] = [foretold.before["effective"], foretold.after["effective"]]
    figures["kinds"] = {kind.kind: kind.tags for kind in foretold.kinds}
    figures["labels_changed"] = foretold.changed
    with _timed(figures, "undo_s"):
        _run(workspace, "label", "migrate", "--undo")
    figures["undo_gives_bytes_back"] = _state(workspace) == before
    with open_ledger(workspace.root) as ledger:
        (made,) = migrations(ledger)
    figures["stays_on_record"] = made.undone_at is not None and bool(made.content)
    return figures


def _untouched(workspace: Workspace) -> dict[str, Any]:
    """125 tags of which 96 go, 25 effective labels: the draft as it is written is refused."""
    tags = [f"词{n}" for n in range(125)]
    votes = {f"{n:064x}": [[tags[n * 5], tags[n]]] * 3 for n in range(25)}
    write_shards(workspace, list(votes))
    write_tagset(workspace, "v1", tags)
    ask(workspace.root, votes, {})
    _import_nothing(workspace)
    write_tagset(workspace, "v2", tags[96:])
    _import_nothing(workspace)
    before = _state(workspace)
    draft = workspace.root / "draft.yaml"
    _run(workspace, "label", "migrate", "--draft", str(draft))
    refused = _is_refused(workspace, draft)
    labels = Counter(workspace.read("labels", columns=["status"])["status"].to_pylist())
    return {
        "small_gone": draft.read_text("utf-8").count(":\n") - 1,
        "small_refused": refused and _state(workspace) == before,
        "small_effective": labels["effective"],
    }


def _votes(random: np.random.Generator, ids: Sequence[str]) -> Votes:
    """Three votes a sticker: each annotator mostly sees the true tags, which have a long tail."""
    weight = 1 / np.arange(1, TAGS + 1)
    weight /= weight.sum()
    made: Votes = {}
    for key in ids:
        size = 1 + int(random.choice(len(TAGS_A_STICKER), p=TAGS_A_STICKER))
        true = random.choice(TAGS, size, replace=False, p=weight)
        made[key] = [
            [f"标签{tag:03d}" for tag in true if random.random() < 0.8]
            + ([f"标签{random.integers(TAGS):03d}"] if random.random() < 0.3 else [])
            for _ in range(3)
        ]
    return made


def _decisions(
    workspace: Workspace, random: np.random.Generator, votes: Votes
) -> dict[str, list[str]]:
    rows = workspace.read("labels", columns=["id", "status"]).to_pylist()
    disputed = [row["id"] for row in rows if row["status"] == "adjudicate"]
    return {key: next((v for v in votes[key] if v), []) for key in disputed[::2]}


def _changed(
    old: Mapping[str, str],
) -> tuple[dict[str, str], dict[str, str], dict[str, list[str]]]:
    """Names by id afterwards, what a person writes of splits and drops, and merged ids."""
    new, becomes, merged = dict(old), dict[str, str](), dict[str, list[str]]()
    # Of the head and of the tail alike.
    ids = iter([*old][:: TAGS // sum(EACH_KIND.values())])
    for _ in range(EACH_KIND["rename"]):
        id_ = next(ids)
        new[id_] += " 新"
    for _ in range(EACH_KIND["merge"]):
        id_ = next(ids)
        into = f"t{int(id_[1:]) + 1:03d}"
        del new[id_]
        merged[into] = [id_]
    for number in range(EACH_KIND["split"]):
        tag = new.pop(next(ids))
        parts = {f"t{900 + 2 * number + n}": f"{tag} {part}" for n, part in enumerate("甲乙")}
        new |= parts
        becomes[tag] = f"[{', '.join(parts.values())}]"
    for _ in range(EACH_KIND["drop"]):
        becomes[new.pop(next(ids))] = "[]"
    return new, becomes, merged


def _write_named(
    workspace: Workspace,
    number: int,
    basis: str,
    tags: Mapping[str, str],
    merged: Mapping[str, Sequence[str]],
) -> None:
    """A frozen tag set, behind those of before."""
    rows = workspace.read("named_tags").to_pylist()
    rows += [
        {"number": number, "basis": basis, "version": f"v{number}", "id": id_, "tag": tag}
        | {"keys": [id_, *merged.get(id_, ())]}
        for id_, tag in tags.items()
    ]
    write_rows(workspace, "named_tags", rows)
    named = [{"tag": tag, "id": id_, "named": True} for id_, tag in tags.items()]
    write_tagset(workspace, f"v{number}", named)


def _fill_in(draft: Path, becomes: Mapping[str, str]) -> int:
    """What a person does with the blanks; how many there were."""
    lines = draft.read_text("utf-8").split("\n")
    filled = 0
    for number, line in enumerate(lines):
        tag = line.strip().removesuffix(":")
        if line.startswith("  ") and tag in becomes and line.endswith(":"):
            lines[number], filled = f"{line} {becomes[tag]}", filled + 1
    draft.write_text("\n".join(lines), "utf-8")
    return filled


def _import_nothing(workspace: Workspace) -> None:
    """Let `label import` make tables and labels of what the ledger holds."""
    empty = workspace.root / "empty.json"
    empty.write_text("[]", "utf-8")
    _run(workspace, "label", "import", str(empty))


def _is_refused(workspace: Workspace, draft: Path) -> bool:
    try:
        _run(workspace, "label", "migrate", str(draft))
    except StickerworksError as error:
        return "leaves blank" in str(error)
    return False


def _run(workspace: Workspace, *words: str) -> None:
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stderr(nowhere):
        code = app(args=["--workspace", str(workspace.root), *words], standalone_mode=False)
    if code:
        raise AssertionError(f"{' '.join(words)} ended with {code}")


def _state(workspace: Workspace) -> dict[str, Any]:
    """sha256 of every table, and all rows of the ledger but the record of migrations."""
    paths = [workspace.path(name) for name in WHOLE]
    paths += sorted({workspace.path("labels", part) for part in workspace.parts_of("labels")})
    files = {path.name: sha256(path.read_bytes()).hexdigest() for path in paths}
    with open_ledger(workspace.root) as ledger:
        return files | content_of(ledger)


@contextlib.contextmanager
def _timed(figures: dict[str, Any], name: str) -> Iterator[None]:
    """CPU seconds of this process: other work on the machine doesn't count."""
    started = time.process_time()
    yield
    figures[name] = round(time.process_time() - started, 2)


if __name__ == "__main__":
    main()
