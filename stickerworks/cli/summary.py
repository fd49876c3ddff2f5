"""The end of `run` and `demo`: all that was made, for somebody who has not read the log."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow.compute as pc

from pipeline.engine.counting import count_rules, count_values
from pipeline.engine.figures import is_share, tell
from pipeline.engine.text import plain
from pipeline.engine.workspace import Workspace
from stickerworks.cli.session import Session

_WIDTH, _LABEL = 80, 12


def say_summary(session: Session) -> None:
    """Print the summary and put it into the JSON answer as ``summary``."""
    found = summarise(session)
    session.results["summary"] = found
    session.say()
    for line in summary_lines(found):
        session.say(line)


def summarise(session: Session) -> dict[str, Any]:
    """The figures of a finished run, from its results and the table ``labels``."""
    results = session.results
    decisions, release = results["decisions"], results["release"]
    labels = session.workspace.read("labels", columns=["status", "simulated"])
    statuses = count_values(labels["status"])
    validation = results.get("validation", {})
    told = ("verdict", "figure", "real", "control", "reasons")
    reasons = _reasons(session.workspace)
    return {
        "workspace": session.workspace.name,
        "read": decisions["read"],
        "unfetched": results.get("crawl", {}).get("unfetched", {}),
        "kept": decisions["kept"],
        "dropped": decisions["dropped"],
        "dropped_by": dict(reasons["dropped"]),
        "failed": decisions["failed"],
        "failed_by": dict(reasons["failed"]),
        "labels": {status: count for status, count in statuses.items() if status != "dropped"},
        "simulated": bool(pc.any(labels["simulated"]).as_py()),
        "splits": release["rows"],
        "gate": {name: validation[name] for name in told if name in validation},
        "release": release["path"],
        "report": results["report"],
    }


def _reasons(workspace: Workspace) -> dict[str, Counter[str]]:
    """How many stickers each rule has dropped or failed; one may fall to several."""
    found = {"dropped": Counter[str](), "failed": Counter[str]()}
    for parts in workspace.blocks:
        rows = workspace.read("decisions", parts, ["outcome", "reasons"])
        for outcome, rules in found.items():
            mine = rows.filter(pc.equal(rows["outcome"], outcome))
            rules.update(count_rules(mine["reasons"])[0])
    return found


def summary_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Lines of at most 80 columns, but for paths, which stay whole to be copied."""
    yield f"Workspace {plain(found['workspace'])}"
    unfetched = _counts(found["unfetched"])
    yield from _row("Stickers", f"{found['read']:,}", unfetched and f"not fetched: {unfetched}")
    yield from _row("Kept", f"{found['kept']:,}")
    yield from _row("Dropped", f"{found['dropped']:,}", _counts(found["dropped_by"]))
    yield from _row("Failed", f"{found['failed']:,}", _counts(found["failed_by"]))
    effective = found["labels"].get("effective", 0)
    others = {status: count for status, count in found["labels"].items() if status != "effective"}
    notes = ["simulated votes"] if found["simulated"] else []
    notes += [_counts(others)] if others else []
    yield from _row("Labelled", f"{effective:,}", "; ".join(notes))
    yield from _row(
        "Released", f"{sum(found['splits'].values()):,}", _counts(found["splits"], ordered=False)
    )
    yield from _gate(found["gate"])
    yield f"Release  {plain(found['release'])}"
    yield f"Report   {plain(found['report'])}"
    yield "Load it:"
    yield "    from datasets import load_dataset"
    yield f"    stickers = load_dataset({found['release']!r})"


def _gate(gate: Mapping[str, Any]) -> Iterator[str]:
    note = "; ".join(gate.get("reasons", ()))
    if gate.get("real") is not None and gate.get("control") is not None:
        share = is_share(gate["figure"], (gate["real"], gate["control"]))
        real, control = (tell(gate[run], share) for run in ("real", "control"))
        said = f"{gate['figure']} {real}, on shuffled labels {control}"
        note = f"{said}; {note}" if note else said
    yield from _row("Gate", gate.get("verdict", "not run"), note)


def _row(label: str, value: str, note: str = "") -> Iterator[str]:
    head = f"  {label:<{_LABEL}}{value:>10}"
    hanging = " " * (len(head) + 2)
    lines = textwrap.wrap(
        plain(note), _WIDTH - len(hanging), break_long_words=False, break_on_hyphens=False
    )
    yield f"{head}  {lines[0]}" if lines else head
    for line in lines[1:]:
        yield hanging + line


def _counts(counts: Mapping[str, int], *, ordered: bool = True) -> str:
    shown = sorted(counts.items(), key=lambda item: -item[1]) if ordered else counts.items()
    return ", ".join(f"{name} {count:,}" for name, count in shown)
