"""Splits that stay from release to release, how well tags are shared out, and what it costs.

    python benchmarks/splits.py [--rows 20000] [--sizes 100000,1000000] [--folder FOLDER]

Three releases, each a fifth larger than the one before, with stickers that join two earlier groups
planted among the new ones: which stickers moved, whether all of them are listed, and no others.
Each tag's shares are compared with those that iterative-stratification gives whole groups from
scratch, where it is found:

    pip install --no-deps --target FOLDER iterative-stratification
    PYTHONPATH=FOLDER python benchmarks/splits.py

Then the step runs on the larger sizes, without earlier releases and with one, each time in a
process of its own. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from synthetic.chain import Silent

from pipeline.engine.runner import run
from pipeline.engine.storage import BLOCK_SHARDS, Proof, write_table
from pipeline.engine.workspace import Workspace
from pipeline.release.splits import keep_splits
from pipeline.split.stages import SPLIT
from schemas.config import Config, ReleaseConfig
from schemas.release import SPLITS
from schemas.tables import TABLES

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_SHARD, _TAGS, _GROWTH, _MERGES = 1000, 300, 0.2, 0.01
_SHARES = (0.8, 0.1, 0.1)
_FREQUENT = 20
_PROOF = Proof("benchmark", "")


def main() -> None:
    """Measure all of it, and print figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="stickers of the first release")
    parser.add_argument("--sizes", default="100000,1000000", help="stickers, by commas")
    parser.add_argument("--folder", type=Path, help="where to work [a temporary folder]")
    parser.add_argument("--link", choices=["first", "next"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.link:
        _measure(arguments.folder, arguments.link)
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        figures = _versions(arguments.rows, Path(folder) / "versions")
        for size in filter(None, arguments.sizes.split(",")):
            figures |= _costs(int(size), Path(folder) / size)
    print(json.dumps({"benchmark": "splits", "figures": figures}))


@dataclass
class Stickers:
    """Stickers of all versions so far: their groups (long tails of sizes), and up to four tags
    each, -1 for none, alike within a group."""

    groups: Ints
    tags: Ints
    roots: Ints

    @property
    def templates(self) -> Ints:
        """The group of each sticker, after those that were joined."""
        return self.roots[self.groups]


def _new(rng: np.random.Generator, rows: int, before: Stickers | None) -> Stickers:
    """More stickers: a third in groups that are there, and some that join two of these."""
    first = 0 if before is None else len(before.roots)
    sizes = np.minimum(40, rng.pareto(1.2, rows).astype(np.int64) + 1)
    groups = first + np.repeat(np.arange(rows), sizes)[:rows]
    roots = np.arange(first + int(groups.max() - first) + 1)
    if before is not None:
        roots[:first] = before.roots
        old = rng.random(rows) < 1 / 3
        groups[old] = rng.choice(before.groups, int(old.sum()))
        for one, other in rng.choice(before.groups, (max(1, int(rows * _MERGES)), 2)):
            low, high = sorted((int(roots[one]), int(roots[other])))
            roots[roots == high] = low
    weights = 1 / np.arange(1, _TAGS + 1)
    weights /= weights.sum()
    common = np.random.default_rng(0).choice(_TAGS, (int(groups.max()) + 1, 2), p=weights)
    tags = rng.choice(_TAGS, (rows, 4), p=weights)
    tags[:, :2] = common[groups]
    tags[rng.random((rows, 4)) < (0.1, 0.5, 0.7, 0.8)] = -1
    if before is not None:
        groups = np.concatenate([before.groups, groups])
        tags = np.concatenate([before.tags, tags])
    return Stickers(groups, tags, roots)


def _versions(rows: int, folder: Path) -> dict[str, Any]:
    """Three releases, a fifth larger each: what moved, and how the tags lie in the last."""
    rng = np.random.default_rng(16)
    workspace, made = Workspace(folder), _new(rng, rows, None)
    earlier = np.empty(0, np.int64)
    figures: dict[str, Any] = defaultdict(int)
    for version in range(1, 4):
        if version > 1:
            made = _new(rng, int(len(made.groups) * _GROWTH), made)
        _write(workspace, made)
        config = Config(release=ReleaseConfig(version=f"0.{version}.0"))
        run(SPLIT, workspace, config, Silent())
        keep_splits(workspace, config.release)
        now = _placed(workspace)
        expected = _by_the_rule(made.templates[: len(earlier)], earlier)
        listed = _numbers(workspace.read("moved")["id"], len(now))
        moved = np.flatnonzero(now[: len(earlier)] != earlier)
        figures["stickers"] = len(now)
        figures["planted_moves"] += int((expected != earlier).sum())
        figures["moved"] += len(moved)
        figures["listed"] += len(listed)
        figures["moved_unlisted"] += len(np.setdiff1d(moved, listed))
        figures["listed_unmoved"] += len(np.setdiff1d(listed, moved))
        figures["against_the_rule"] += int((now[: len(earlier)] != expected).sum())
        figures["straddling_groups"] += _straddling(made.templates, now)
        if version == 1:
            figures["first"] = _quality(made, now)
        earlier = now
    figures["third"] = _quality(made, earlier)
    print(f"three releases: {json.dumps(figures)}")
    return dict(figures) | _compared(made, figures["third"])


def _by_the_rule(templates: Ints, earlier: Ints) -> Ints:
    """Where stickers of earlier releases belong: groups that joined take train before validation
    before test. Worked out on its own, one after the other."""
    nearest: dict[int, int] = {}
    for template, split in zip(templates.tolist(), earlier.tolist(), strict=True):
        nearest[template] = min(split, nearest.get(template, split))
    return np.array([nearest[template] for template in templates.tolist()], np.int64)


def _straddling(templates: Ints, splits: Ints) -> int:
    pairs = np.unique(np.stack([templates, splits], axis=1), axis=0)
    return len(pairs) - len(np.unique(pairs[:, 0]))


def _quality(made: Stickers, splits: Ints) -> dict[str, Any]:
    """Sizes; mean absolute deviation of frequent tags' shares; frequent tags that splits lack."""
    carries = _carries(made)
    held = np.stack([carries[splits == place].sum(axis=0) for place in range(len(SPLITS))])
    frequent = held.sum(axis=0) >= _FREQUENT
    shares = held[:, frequent] / held[:, frequent].sum(axis=0)
    deviation = np.abs(shares - np.array(_SHARES)[:, None]).mean()
    sizes = np.bincount(splits, minlength=len(SPLITS)) / len(splits)
    return {
        "sizes": [round(float(size), 4) for size in sizes],
        "tag_deviation": round(float(deviation), 5),
        "tags_missing": int((held[:, frequent] == 0).sum()),
        "tags": int(frequent.sum()),
    }


def _carries(made: Stickers) -> npt.NDArray[np.bool_]:
    """Stickers x tags."""
    carries = np.zeros((len(made.tags), _TAGS + 1), bool)
    np.put_along_axis(carries, made.tags, True, axis=1)
    return carries[:, :_TAGS]


def _compared(made: Stickers, ours: dict[str, Any]) -> dict[str, Any]:
    """The same stickers from scratch by iterative-stratification, whose rows are whole groups."""
    try:
        from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit
    except ImportError:
        print("iterative-stratification isn't installed: nothing to compare with")
        return {"iterstrat": None}
    names, group = np.unique(made.templates, return_inverse=True)
    carries = np.zeros((len(names), _TAGS), np.int64)
    np.maximum.at(carries, group, _carries(made).astype(np.int64))
    rest, splits = np.arange(len(names)), np.zeros(len(names), np.int64)
    started = time.process_time()
    for place, share in ((2, _SHARES[2]), (1, _SHARES[1] / (1 - _SHARES[2]))):
        cut = MultilabelStratifiedShuffleSplit(n_splits=1, test_size=share, random_state=0)
        left, taken = next(cut.split(rest[:, None], carries[rest]))
        splits[rest[taken]] = place
        rest = rest[left]
    theirs = _quality(made, splits[group])
    ratio = ours["tag_deviation"] / theirs["tag_deviation"]
    print(f"iterative-stratification: {theirs}, {time.process_time() - started:.0f} CPU s")
    return {"iterstrat": theirs, "deviation_ratio": round(ratio, 3)}


def _costs(rows: int, folder: Path) -> dict[str, Any]:
    """Processor seconds and peak memory of the step, without an earlier release and with one."""
    rng = np.random.default_rng(rows)
    workspace, made = Workspace(folder), _new(rng, int(rows / (1 + _GROWTH)), None)
    figures: dict[str, Any] = {}
    for link in ("first", "next"):
        if link == "next":
            made = _new(rng, rows - len(made.groups), made)
        _write(workspace, made)
        command = [sys.executable, __file__, "--folder", str(folder), "--link", link]
        done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
        figures[f"{link}_{rows}"] = json.loads(done.stdout.splitlines()[-1])
        print(f"{len(made.groups):,} stickers, {link} release: {figures[f'{link}_{rows}']}")
    return figures


def _measure(folder: Path, link: str) -> None:
    workspace = Workspace(folder)
    config = Config(release=ReleaseConfig(version="0.1.0" if link == "first" else "0.2.0"))
    figures = {}
    for name, act in (
        ("split", lambda: run(SPLIT, workspace, config, Silent())),
        ("keep", lambda: keep_splits(workspace, config.release)),
    ):
        wall, cpu = time.monotonic(), time.process_time()
        act()
        figures[f"{name}_s"] = round(time.monotonic() - wall, 1)
        figures[f"{name}_cpu_s"] = round(time.process_time() - cpu, 1)
    # The system's count for a process (ru_maxrss) begins with what its parent held.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    print(json.dumps({**figures, "peak_gib": round(peak / 2**20, 2)}))


def _write(workspace: Workspace, made: Stickers) -> None:
    """The tables that the step reads, as a crawl, the filter and the tags leave them."""
    rows = len(made.groups)
    templates, packs = made.templates.astype(str), (made.groups // 7).astype(str)
    number = np.repeat(np.arange(rows), (made.tags >= 0).sum(axis=1))
    offsets = np.searchsorted(number, np.arange(rows + 1))
    words = pa.array(np.char.add("tag", made.tags[made.tags >= 0].astype(str)))
    ids = pa.array([_id(n) for n in range(rows)])
    columns = {
        "id": ids, "group": ids, "representative": pa.repeat(True, rows),
        "template_id": pa.array(templates), "kept": pa.repeat(True, rows),
        "outcome": pa.repeat("kept", rows), "pixel_sha256": ids, "source": pa.repeat("made", rows),
        "source_id": ids, "pack_id": pa.array(packs), "author": pa.array(packs),
        "media_url": ids, "page_url": pa.array(templates),
        "tags": pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), words),
    }  # fmt: skip
    for table in ("stickers", "decisions", "duplicates", "signals", "observations", "suggestions"):
        parts = range(-(-rows // _SHARD))
        if TABLES[table].in_blocks:
            for first in parts[::BLOCK_SHARDS]:
                block = parts[first : first + BLOCK_SHARDS]
                shards = {part: _shard(table, columns, part, rows) for part in block}
                workspace.write_block(table, shards, _PROOF)
            continue
        for part in parts:
            shard = _shard(table, columns, part, rows)
            write_table(workspace.path(table, part), shard, _PROOF, lasting=False)


def _shard(table: str, columns: dict[str, pa.Array], part: int, rows: int) -> pa.Table:
    """Rows of a shard, null where nothing is made up."""
    schema, start = TABLES[table].schema, part * _SHARD
    count = min(_SHARD, rows - start)
    arrays = [
        columns[f.name].slice(start, count) if f.name in columns else pa.nulls(count, f.type)
        for f in schema
    ]
    return pa.table(arrays, schema=schema)


def _id(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def _placed(workspace: Workspace) -> Ints:
    """Place in SPLITS of every sticker."""
    column = workspace.read("splits", columns=["split"])["split"].to_pylist()
    return np.array([SPLITS.index(split) for split in column], np.int64)


def _numbers(ids: pa.ChunkedArray, rows: int) -> Ints:
    known = {_id(n): n for n in range(rows)}
    return np.array([known[id_] for id_ in ids.to_pylist()], np.int64)


if __name__ == "__main__":
    main()
