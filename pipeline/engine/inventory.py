"""What a workspace holds of each table: shards, rows, bytes, age, and what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.engine.workspace import Workspace
from schemas.tables import TABLES


@dataclass(frozen=True)
class TableState:
    """One table: shards (files, where it has none) that there are to be and are there, rows,
    bytes, and when the newest of its files was written, in seconds since 1970.

    ``failed`` rows carry an error, ``quarantined`` ones among them. ``stale`` shards would be
    made again now; None where no stage or step makes the table.
    """

    name: str
    command: str
    shards: int
    done: int
    rows: int
    nbytes: int
    newest: float | None
    failed: int
    quarantined: int
    stale: int | None = None

    @property
    def missing(self) -> int:
        """Shards that are yet to be made; all of them where nobody ran the command."""
        return self.shards - self.done

    @property
    def started(self) -> bool:
        """Whether anything of it is there."""
        return self.done > 0


def take_stock(workspace: Workspace, table: str) -> TableState:
    """What is there of a table, from the proofs and footers of its files alone."""
    shards: Sequence[int | None]
    found: Sequence[int | None]
    shards, found = workspace.parts, sorted({*workspace.parts_of(table)} & {*workspace.parts})
    if TABLES[table].scope == "global":
        shards, found = (None,), [None] if workspace.path(table).exists() else []
    counts = Counter[str]()
    for part in found:
        proof = workspace.proof(table, part)
        counts.update(proof.counts if proof else {})
    files = list(workspace.files(table))
    return TableState(
        name=table,
        command=TABLES[table].command,
        shards=len(shards),
        done=len(found),
        rows=sum(workspace.rows(table, part) for part in found),
        nbytes=sum(nbytes for nbytes, _ in files),
        newest=max((modified for _, modified in files), default=None),
        failed=counts["failed"],
        quarantined=counts["quarantined"],
    )
