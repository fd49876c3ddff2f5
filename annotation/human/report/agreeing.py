"""How far the annotators agree, and which tags they take for one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from annotation.human.answers_status import questions_progress
from annotation.human.quality import Quality
from annotation.human.report.working import NAME
from pipeline.engine.page.missing_tables import missing
from pipeline.engine.text import one_line
from pipeline.engine.workspace import Workspace

_TAGS, _PEOPLE, _PAIRS = 40, 12, 20
# An alpha of a tag that hardly any sticker got says nothing.
_LEAST_STICKERS = 5
_SHADES = 10


def agreement(workspace: Workspace) -> dict[str, Any]:
    """Alpha and kappa over all, of each tag with the worst first, and of each pair."""
    rows = workspace.read("agreement").to_pylist()
    whole = {row["measure"]: row for row in rows}
    tags = [row for row in rows if row["measure"] == "tag"]
    known = [row for row in tags if row["alpha"] is not None]
    often = [row for row in known if row["stickers"] >= _LEAST_STICKERS]
    worst = sorted(often, key=lambda row: (row["alpha"], -row["stickers"], row["tag"]))
    return {
        "missing": missing(workspace, "agreement"),
        "tag_sets": whole.get("tag_sets"),
        "domain": whole.get("domain"),
        "questions": _questions(workspace, rows),
        "tags": [{**row, "tag": one_line(row["tag"], 40)} for row in worst[:_TAGS]],
        "least": _LEAST_STICKERS,
        "rare": len(tags) - len(often),
        "more": max(0, len(often) - _TAGS),
        "matrix": _matrix([row for row in rows if row["measure"] == "pair"]),
    }


def _questions(workspace: Workspace, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each question beside how far its answers are."""
    measured = {row["question"]: row for row in rows if row["measure"] == "question"}
    return [
        {**measured.get(found.name, {}), **asdict(found), "title": one_line(found.title, 80)}
        for found in questions_progress(workspace)
    ]


def _matrix(pairs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """MASI similarity of each two annotators; a cell is None where they share no sticker."""
    names = sorted({name for pair in pairs for name in pair["annotators"]})
    shown = names[:_PEOPLE]
    cells = {tuple(pair["annotators"]): pair for pair in pairs}
    return {
        "names": [one_line(name, NAME) for name in shown],
        "rows": [
            [_cell(cells.get((one, other)) or cells.get((other, one))) for other in shown]
            for one in shown
        ],
        "more": len(names) - len(shown),
    }


def _cell(pair: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if pair is None or pair["masi"] is None:
        return None
    shade = min(_SHADES - 1, max(0, int(pair["masi"] * _SHADES)))
    return {**pair, "shade": shade}


def confused(workspace: Workspace, quality: Quality) -> dict[str, Any]:
    """Pairs of tags given in each other's place, the most confused first."""
    return {
        "missing": missing(workspace, "votes"),
        "pairs": [
            {
                "first": one_line(pair.first, 40),
                "second": one_line(pair.second, 40),
                "stickers": pair.stickers,
                "either": pair.either,
                "lift": pair.lift,
            }
            for pair in quality.confused[:_PAIRS]
        ],
        "more": max(0, len(quality.confused) - _PAIRS),
    }
