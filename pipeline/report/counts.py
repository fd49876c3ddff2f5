"""Headline counts, sources, failures and what was never fetched."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow.compute as pc

from pipeline.engine.page.cards import Card
from pipeline.engine.page.missing_tables import missing
from pipeline.engine.text import one_line
from pipeline.engine.workspace import Workspace
from pipeline.report.reading import SmallestKeys, read_shards, say_reason
from schemas.release import SPLITS

_FAILURES = 12
_ROWS = 20


def headline(workspace: Workspace) -> dict[str, Any]:
    """Numbers of the whole workspace, and whether kept + dropped + failed is what was read."""
    read = sum(workspace.rows("stickers", part) for part in workspace.parts)
    outcomes: Counter[str] = Counter()
    labelled = 0
    splits: Counter[str] = Counter()
    wanted = {"decisions": ["outcome"], "labels": ["status"], "splits": ["split"]}
    for _, tables in read_shards(workspace, wanted):
        for name, counter in (("decisions", outcomes), ("splits", splits)):
            if name in tables:
                counter.update(_counted(tables[name][wanted[name][0]]))
        if "labels" in tables:
            labelled += pc.sum(pc.equal(tables["labels"]["status"], "effective")).as_py() or 0
    decided = sum(outcomes[name] for name in ("kept", "dropped", "failed"))
    return {
        "observations": _rows(workspace, "observations"),
        "read": read,
        "outcomes": {name: outcomes[name] for name in ("kept", "dropped", "failed")},
        "decided": decided,
        "adds_up": decided == read,
        "unfetched": _rows(workspace, "unfetched"),
        "labelled": labelled,
        "splits": {name: splits[name] for name in SPLITS},
        "undecided": missing(workspace, "decisions"),
    }


def sources(workspace: Workspace) -> dict[str, Any]:
    """Observations by source and licence."""
    found: Counter[tuple[Any, ...]] = Counter()
    keys = ["source", "licence", "licence_basis", "redistribute"]
    for part in workspace.parts:
        table = workspace.read("observations", part, keys)
        for row in table.group_by(keys).aggregate([([], "count_all")]).to_pylist():
            found[tuple(row[key] for key in keys)] += row["count_all"]
    ranked = sorted(found.items(), key=lambda item: (-item[1], str(item[0])))
    rows = [dict(zip(keys, key, strict=True), observations=n) for key, n in ranked]
    return {
        "missing": missing(workspace, "observations"),
        "rows": rows[:_ROWS],
        "more": max(0, len(rows) - _ROWS),
    }


def failures(workspace: Workspace) -> dict[str, Any]:
    """Stickers that could not be measured, by reason, with a sample."""
    reasons: Counter[str] = Counter()
    sample: SmallestKeys[dict[str, Any]] = SmallestKeys(_FAILURES)
    wanted = {
        "stickers": ["format", "nbytes"],
        "signals": ["error"],
        "decisions": ["outcome", "reasons"],
    }
    for _, tables in read_shards(workspace, wanted):
        if "decisions" not in tables:
            continue
        joined = tables["decisions"].append_column("format", tables["stickers"]["format"])
        joined = joined.append_column("nbytes", tables["stickers"]["nbytes"])
        if "signals" in tables:
            joined = joined.append_column("error", tables["signals"]["error"])
        for row in joined.filter(pc.equal(joined["outcome"], "failed")).to_pylist():
            said = [say_reason(reason) for reason in row["reasons"] or ()]
            why = row.get("error") or "; ".join(said) or "no reason was recorded"
            reasons[_kind(why)] += 1
            sample.add(row["id"], {**row, "why": one_line(why, 200)})
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return {
        "missing": missing(workspace, "decisions"),
        "total": sum(reasons.values()),
        "reasons": ranked[:_ROWS],
        "more": max(0, len(ranked) - _ROWS),
        "sample": [row for _, row in sample.ranked()],
    }


def unfetched(workspace: Workspace) -> dict[str, Any]:
    """Observations without bytes, by state and error class, with the first few."""
    columns = ["source", "source_id", "state", "error_class", "error", "attempts"]
    table = workspace.read("unfetched", columns=columns)
    keys = ["source", "state", "error_class"]
    groups = table.group_by(keys).aggregate([([], "count_all")]).to_pylist()
    groups.sort(key=lambda row: (-row["count_all"], str([row[key] for key in keys])))
    first = table.slice(0, _ROWS).to_pylist()
    return {
        "total": len(table),
        "groups": groups[:_ROWS],
        "rows": [{**row, "error": one_line(row["error"] or "", 160)} for row in first],
        "more": max(0, len(table) - _ROWS),
    }


def gallery(workspace: Workspace, size: int) -> dict[str, Any]:
    """A random sample of kept stickers."""
    sample: SmallestKeys[tuple[Any, ...]] = SmallestKeys(size)
    kept = 0
    wanted = {"decisions": ["kept"], "signals": ["animated"], "ocr": ["text"], "labels": ["tags"]}
    for _, tables in read_shards(workspace, wanted):
        if "decisions" not in tables:
            continue
        chosen = tables["decisions"]["kept"].fill_null(False)
        kept += pc.sum(chosen).as_py() or 0
        shown = tables["decisions"].filter(chosen)["id"].to_pylist()
        columns = [
            tables[name].filter(chosen)[column].to_pylist()
            if name in tables
            else [None] * len(shown)
            for name, column in (("signals", "animated"), ("ocr", "text"), ("labels", "tags"))
        ]
        for key, animated, text, tags in zip(shown, *columns, strict=True):
            sample.add(key, (animated, text, tags))
    cards = [_gallery_card(key, known) for key, known in sample.ranked()]
    return {
        "missing": missing(workspace, "decisions"),
        "cards": cards,
        "total": kept,
    }


def _gallery_card(key: str, known: Any) -> Card:
    animated, text, tags = known
    lines = (one_line(", ".join(tags or ()), 40), one_line(text or "", 30))
    return Card(key, tuple(line for line in lines if line), motion=bool(animated))


def _kind(why: str) -> str:
    # The part before numbers and names: "truncated after 3 of 9 frames" is one kind.
    words = one_line(why, 200).split(":")[0].split()
    return " ".join("N" if word.strip("(),.;").isdigit() else word for word in words) or "unknown"


def _rows(workspace: Workspace, table: str) -> int:
    if table == "unfetched":
        return workspace.rows(table) if workspace.path(table).exists() else 0
    paths = [part for part in workspace.parts if workspace.path(table, part).exists()]
    return sum(workspace.rows(table, part) for part in paths)


def _counted(column: Any) -> dict[str, int]:
    counted = pc.value_counts(column.combine_chunks())
    return {row["values"]: row["counts"] for row in counted.to_pylist()}
