"""How many rows may be quarantined before the stage itself is taken for broken."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.engine.errors import StickerworksError
from schemas.config import EngineConfig


@dataclass(frozen=True)
class Allowance:
    """Rows of a stage that may be quarantined: ``most`` of them, ``before`` by earlier runs among
    them, and once a run has more than ``floor``, no more than half of the rows that it saw.

    A broken stage is stopped by the second bound within its first rows, whatever the stage's size.
    """

    most: int
    floor: int
    before: int = 0

    def check(self, name: str, part: int, quarantined: int, seen: int, reason: str) -> None:
        """StickerworksError when too many of the rows seen so far were quarantined."""
        if self.before + quarantined > self.most:
            many = f"more than {self.most:,} rows"
        elif quarantined > self.floor and 2 * quarantined > seen:
            many = f"{quarantined:,} of the first {seen:,} rows"
        else:
            return
        raise StickerworksError(
            f"{name} stopped at shard {part}: {many} were quarantined, the last because it "
            f"{reason}.",
            "This looks like a fault of the stage, not of the rows; raise engine.max_quarantined "
            "(a share of all rows) and engine.quarantine_floor (rows) to go on all the same.",
        )


def allow(engine: EngineConfig, rows: int, quarantined: int) -> Allowance:
    """What a stage may quarantine of ``rows`` in all, when so many are quarantined already."""
    most = max(engine.quarantine_floor, int(engine.max_quarantined * rows))
    return Allowance(most, engine.quarantine_floor, quarantined)
