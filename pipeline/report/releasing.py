"""Splits, the release on disk and the gate's verdict."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.engine.counting import count_together, count_values
from pipeline.engine.figures import is_share, points, tell, title_of
from pipeline.engine.page.missing_tables import missing
from pipeline.engine.text import one_line
from pipeline.engine.workspace import Workspace
from pipeline.report.plots import draw_curves
from pipeline.report.reading import read_blocks
from schemas.config import Config
from schemas.release import SPLITS

_TAGS, _FILES, _REASONS = 40, 30, 20
_PLOTS = 6


def splits(workspace: Workspace, config: Config) -> dict[str, Any]:
    """Sizes of each split, asked and got, and each tag's stickers in them."""
    sizes: Counter[str] = Counter()
    tags: Counter[tuple[str, str]] = Counter()
    voted = 0
    wanted = {"splits": ["split"], "labels": ["tags", "status"], "suggestions": ["tags"]}
    for tables in read_blocks(workspace, wanted):
        if "splits" not in tables:
            continue
        column = tables["splits"]["split"]
        sizes.update(count_values(column))
        there, effective = pc.is_valid(column), pa.scalar(False)
        if "labels" in tables:
            effective = pc.fill_null(pc.equal(tables["labels"]["status"], "effective"), False)
            voted += pc.sum(pc.and_(there, effective)).as_py() or 0
            tags.update(_tags(tables["labels"], column, pc.and_(there, effective)))
        if "suggestions" in tables:
            others = pc.and_(there, pc.invert(effective))
            tags.update(_tags(tables["suggestions"], column, others))
    total = sum(sizes.values())
    asked = config.split.shares
    by_tag = Counter[str]()
    for (tag, _), count in tags.items():
        by_tag[tag] += count
    ranked = sorted(by_tag, key=lambda tag: (-by_tag[tag], tag))
    return {
        "missing": missing(workspace, "splits"),
        "total": total,
        "voted": voted,
        "sizes": [
            {
                "name": name,
                "stickers": sizes[name],
                "share": sizes[name] / total if total else 0,
                "asked": asked[name],
            }
            for name in SPLITS
        ],
        "tags": [
            {"tag": one_line(tag, 40), **{name: tags[tag, name] for name in SPLITS}}
            for tag in ranked[:_TAGS]
        ],
        "more": max(0, len(ranked) - _TAGS),
        "leakage": workspace.read("leakage").to_pylist(),
        "absent": {name: sum(not tags[tag, name] for tag in ranked) for name in SPLITS},
    }


def _tags(table: pa.Table, splits: pa.ChunkedArray, where: pa.ChunkedArray) -> Counter[Any]:
    """Stickers of each tag and split, among those where it is so."""
    lists = table["tags"].filter(where).combine_chunks()
    mine = splits.filter(where).take(pc.list_parent_indices(lists))
    return count_together([pc.list_flatten(lists), mine])


def release(workspace: Workspace, config: Config) -> dict[str, Any]:
    """The configured release's files, and other releases beside it."""
    name = f"{config.release.name}-{config.release.version}"
    workspace.place.fetch_release(name)
    folder = workspace.releases / name
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    rows: Counter[str] = Counter()
    for path in files:
        if path.suffix == ".parquet" and path.parent.name == "data":
            rows[path.name.split("-")[0]] += _parquet_rows(path)
    others = sorted(path.name for path in workspace.releases.glob("[!.]*") if path.is_dir())
    return {
        "name": name,
        "there": folder.is_dir(),
        "rows": [(split, rows[split]) for split in sorted(rows)],
        "bytes": sum(path.stat().st_size for path in files),
        "files": [
            {"name": one_line(path.relative_to(folder), 80), "bytes": path.stat().st_size}
            for path in files[:_FILES]
        ],
        "more": max(0, len(files) - _FILES),
        "others": [one_line(other) for other in others if other != name][:_FILES],
    }


def gate(workspace: Workspace, config: Config) -> dict[str, Any]:
    """The verdict in ``reports/gate.json``, with the curves of both runs.

    A verdict on another release than the configured one says nothing about this one.
    """
    path = workspace.reports / "gate.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"there": False, "unreadable": None}
    except (OSError, ValueError) as error:
        return {"there": False, "unreadable": one_line(error, 120)}
    if not isinstance(found, dict):
        return {"there": False, "unreadable": "it is not a JSON object"}
    name = f"{config.release.name}-{config.release.version}"
    if found.get("release", name) != name:
        return {"there": False, "unreadable": None}
    curves = _curves(found.get("curves"))
    rows = found.get("rows")
    numbers = [(label, found[key]) for key, label in _NUMBERS if _is_number(found.get(key))]
    interval = _interval(found.get("interval"))
    return {
        "there": True,
        "unreadable": None,
        "passed": found.get("passed") if isinstance(found.get("passed"), bool) else None,
        "verdict": one_line(found.get("verdict") or "", 300),
        "reasons": _lines(found.get("reasons")),
        "notes": _lines(found.get("notes")),
        "figure": one_line(found.get("figure") or "", 40),
        "numbers": numbers,
        "interval": interval,
        "told": _tell(found, numbers, interval),
        "rows": {one_line(key, 20): one_line(n, 20) for key, n in rows.items()}
        if isinstance(rows, dict)
        else {},
        "metrics": _metrics(found.get("metrics")),
        "plots": [
            {"title": title, "image": draw_curves(curves, field, title)}
            for field, title in _curve_titles(curves)
        ],
    }


def _lines(found: Any) -> list[str]:
    return [one_line(line, 300) for line in (found if isinstance(found, list) else [])[:_REASONS]]


def _tell(
    found: dict[str, Any], numbers: list[tuple[str, float]], interval: list[float]
) -> list[tuple[str, str]]:
    """The gate's figures with their units: shares in per cent, what they differ by in points."""
    figures = [found[key] for key in ("real", "control") if _is_number(found.get(key))]
    share = is_share(str(found.get("figure")), figures)
    told = []
    for label, value in numbers:
        unit = points if label in _APART else tell
        told.append((label, f"{value:.3f}" if label == _P else unit(value, share)))
    if interval:
        low, high = (points(bound, share) for bound in interval)
        told.append(("95% interval of the difference", f"{low} … {high}"))
    return told


def _curves(found: Any) -> dict[str, list[dict[str, Any]]]:
    # The file may come from another version, or from a hand: only what has the right shape is used.
    if not isinstance(found, dict):
        return {}
    return {
        str(name): [
            point for point in run if isinstance(point, dict) and _is_number(point.get("epoch"))
        ]
        for name, run in found.items()
        if isinstance(run, list)
    }


def _metrics(found: Any) -> list[dict[str, Any]]:
    """Rows of both runs as (name, run, cells), with their columns."""
    tables: dict[tuple[str, ...], list[tuple[str, str, list[float]]]] = {}
    for run, rows in found.items() if isinstance(found, dict) else ():
        for name, cells in rows.items() if isinstance(rows, dict) else ():
            if isinstance(cells, dict) and all(_is_number(value) for value in cells.values()):
                columns = tuple(one_line(title, 20) for title in cells)
                row = (one_line(name, 40), one_line(run, 20), [float(v) for v in cells.values()])
                tables.setdefault(columns, []).append(row)
    # Both runs of a cut side by side, cuts in the order they came.
    return [
        {"columns": columns, "rows": _beside(rows), "shares": _shares(columns, rows)}
        for columns, rows in tables.items()
    ]


def _shares(columns: tuple[str, ...], rows: list[tuple[str, str, list[float]]]) -> list[bool]:
    """Which columns hold shares; a row's name tells counts from them."""
    return [
        all(is_share(f"{name} {column}", [cells[n]]) for name, _, cells in rows)
        for n, column in enumerate(columns)
    ]


def _beside(rows: list[tuple[str, str, list[float]]]) -> list[tuple[str, str, list[float]]]:
    names = [name for name, _, _ in rows]
    return sorted(rows, key=lambda row: names.index(row[0]))


def _curve_titles(curves: dict[str, list[dict[str, Any]]]) -> list[tuple[str, str]]:
    """Fields that any point has a number in, with what they are called; the loss last."""
    there = {
        str(field)
        for run in curves.values()
        for point in run
        for field, value in point.items()
        if field != "epoch" and _is_number(value)
    }
    order = sorted(there, key=lambda field: ("loss" in field, field))[:_PLOTS]
    return [(field, one_line(title_of(field), 40)) for field in order]


def _interval(found: Any) -> list[float]:
    fine = isinstance(found, list) and len(found) == 2 and all(map(_is_number, found))
    return [float(bound) for bound in found] if fine else []


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _parquet_rows(path: Path) -> int:
    try:
        return int(pq.read_metadata(path).num_rows)
    except pa.ArrowInvalid:
        # A broken file is `stickerworks validate`'s to judge; here it just holds no rows.
        return 0


_P = "p, permuted truth"
_APART = ("difference", "margin asked")
_NUMBERS = (
    ("real", "real labels"),
    ("control", "shuffled control"),
    ("difference", "difference"),
    ("margin", "margin asked"),
    ("p_value", _P),
)
