"""Headline counts, sources, failures and what was never fetched."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.counting import count_together, count_values, filled
from pipeline.engine.page.cards import Card
from pipeline.engine.page.missing_tables import missing
from pipeline.engine.text import one_line
from pipeline.engine.workspace import Workspace
from pipeline.report.reading import SmallestKeys, read_blocks, say_reason, smallest
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
    for tables in read_blocks(workspace, wanted):
        for name, counter in (("decisions", outcomes), ("splits", splits)):
            if name in tables:
                counter.update(count_values(tables[name][wanted[name][0]]))
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
    for parts in workspace.blocks:
        table = workspace.read("observations", parts, keys)
        found.update(count_together(table.columns))
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
    for tables in read_blocks(workspace, wanted):
        if "decisions" not in tables:
            continue
        joined = tables["decisions"].append_column("format", tables["stickers"]["format"])
        joined = joined.append_column("nbytes", tables["stickers"]["nbytes"])
        nothing = pa.nulls(len(joined), pa.string())
        error = tables["signals"]["error"] if "signals" in tables else nothing
        joined = joined.append_column("error", error)
        failed = joined.filter(pc.equal(joined["outcome"], "failed"))
        failed = failed.append_column("why", _why(failed))
        for why, count in count_values(failed["why"]).items():
            reasons[_kind(why)] += count
        for row in smallest(failed, _FAILURES):
            sample.add(row["id"], {**row, "why": one_line(row["why"], 200)})
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
    for tables in read_blocks(workspace, wanted):
        if "decisions" not in tables:
            continue
        known = tables["decisions"]
        for name, column in (("signals", "animated"), ("ocr", "text"), ("labels", "tags")):
            nothing = pa.nulls(len(known))
            known = known.append_column(column, tables[name][column] if name in tables else nothing)
        known = known.filter(known["kept"])
        kept += len(known)
        for row in smallest(known, size):
            sample.add(row["id"], (row["animated"], row["text"], row["tags"]))
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


def _why(failed: pa.Table) -> pa.Array:
    """What to say of each failure: its error, or the reasons where none was recorded."""
    errors = filled(failed["error"], None).combine_chunks()
    unsaid = pc.is_null(errors)
    said = [
        "; ".join(map(say_reason, reasons or ())) or "no reason was recorded"
        for reasons in failed["reasons"].filter(unsaid).to_pylist()
    ]
    return pc.replace_with_mask(errors, unsaid, pa.array(said, pa.string()))


def _kind(why: str) -> str:
    # The part before numbers and names: "truncated after 3 of 9 frames" is one kind.
    words = one_line(why, 200).split(":")[0].split()
    return " ".join("N" if word.strip("(),.;").isdigit() else word for word in words) or "unknown"


def _rows(workspace: Workspace, table: str) -> int:
    if table == "unfetched":
        return workspace.rows(table) if workspace.has(table) else 0
    return sum(workspace.rows(table, part) for part in workspace.parts_of(table))
