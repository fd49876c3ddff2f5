"""Gold whose first answers the ledger keeps: only of those is anything told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from annotation.human.gateway.holdings import OwnTask
from annotation.human.studio.ledger import read_ledger

_KEPT = "SELECT DISTINCT task FROM annotations WHERE origin = 'server' AND project = ?"


def kept_gold_batches(root: Path, tasks: Sequence[OwnTask]) -> frozenset[str]:
    """Batches with gold all of whose gold was answered before the last import.

    Who heard the label before could change an answer that nobody had read, and score with it.
    """
    gold = [task for task in tasks if task.gold]
    with read_ledger(root) as ledger:
        kept = {
            (project, row["task"])
            for project in {task.project for task in gold}
            for row in ledger.rows(_KEPT, project)
        }
    open_ = {task.batch for task in gold if (task.project, task.task) not in kept}
    return frozenset(task.batch for task in gold) - open_
