"""What `stickerworks tags` says of clusters, and the curve that their number was read from."""

from __future__ import annotations

import base64
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.counting import count_values
from pipeline.tags.named import read_named
from stickerworks.cli.session import Session
from stickerworks.cli.tags_named import say_naming


def say_tags(session: Session) -> None:
    """Tell what became of the keywords and whether people named the tags."""
    say_clusters(session)
    say_naming(session)


def say_clusters(session: Session) -> None:
    """Tell how many clusters there are and why; write the curve as reports/elbow.png and .csv."""
    states = count_values(session.workspace.read("clusters", columns=["state"])["state"])
    elbow = session.workspace.read("elbow").sort_by("k").to_pylist()
    session.results["clusters"] = {**states, **_figures(elbow)}
    if states:
        told = ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()))
        session.say(f"  {sum(states.values()):,} keywords: {told}")
    if not elbow:
        return
    named = read_named(session.workspace).number > 0
    for line in _lines(elbow, session.config.tags.clusters, named):
        session.say(f"  {line}")
    if len(elbow) > 1:
        table, plot = write_elbow(elbow, session.workspace.reports)
        session.say(f"  curve        {plot} and {table.name}")


def write_elbow(elbow: list[dict[str, Any]], folder: Path) -> tuple[Path, Path]:
    """The table and the plot of inertia over the numbers that were tried, as files."""
    from pipeline.report.plots import draw_elbow

    table, plot = folder / "elbow.csv", folder / "elbow.png"
    with (
        atomic_file(table) as path,
        path.open("w", encoding="utf-8", newline="") as file,
    ):
        rows = csv.DictWriter(file, list(elbow[0]), lineterminator="\n")
        rows.writeheader()
        rows.writerows(elbow)
    with atomic_file(plot) as path:
        path.write_bytes(base64.b64decode(draw_elbow(elbow).partition(",")[2]))
    return table, plot


def _figures(elbow: list[dict[str, Any]]) -> dict[str, Any]:
    chosen = next((row for row in elbow if row["chosen"]), None)
    if chosen is None:
        return {}
    lowest, highest = _defensible(elbow, clear=bool(chosen["clear"]))
    return {
        **{name: chosen[name] for name in ("k", "height", "clear", "stability")},
        "defensible": [lowest, highest],
        "k_by_seed": [row["k"] for row in elbow for _ in range(row["seeds"] or 0)],
    }


def _lines(
    elbow: list[dict[str, Any]], asked: int | None = None, named: bool = False
) -> Iterator[str]:
    figures = _figures(elbow)
    if not figures:
        return
    if named:
        # Nobody chooses their number any more, so there is no advice on it either.
        yield "This is the curve behind the clusters that people named:"
    agree = ""
    if figures["stability"] is not None:
        agree = f"; seeds agree to {figures['stability']:.2f} (adjusted Rand index)"
    if figures["clear"] is None:
        yield f"K = {figures['k']:,}, as configured{agree}"
        if asked is not None and asked > figures["k"] and not named:
            yield (
                f"WARNING: tags.clusters asks for {asked:,} clusters, but the keywords have only "
                f"{figures['k']:,} different sets of words"
            )
        return
    lowest, highest = figures["defensible"]
    if figures["clear"]:
        yield f"K = {figures['k']:,}: a clear elbow (height {figures['height']:.2f}){agree}"
    else:
        yield (
            f"K = {figures['k']:,}, but there is NO CLEAR ELBOW (height "
            f"{figures['height']:.2f}){agree}"
        )
    by_seed = ", ".join(f"{k:,}" for k in figures["k_by_seed"])
    yield f"{lowest:,} to {highest:,} are as defensible; by seed: {by_seed}"
    if not figures["clear"] and not named:
        yield "Where people know how many they want: --set tags.clusters=N"


def _defensible(elbow: list[dict[str, Any]], *, clear: bool) -> tuple[int, int]:
    """The range of numbers that are nearly as good as the chosen one."""
    from pipeline.tags.elbow import find_elbow

    found = find_elbow(
        [row["k"] for row in elbow], [row["inertia"] for row in elbow], 0 if clear else 1
    )
    return found.lowest, found.highest
