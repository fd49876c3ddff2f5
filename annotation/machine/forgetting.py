"""Takes stickers out of the ledger of answers."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from annotation.machine.answers import DATABASE, FILE
from pipeline.engine.database import choose, compact, transaction


def forget_answers(root: Path, ids: Collection[str]) -> None:
    """Forget what models said of some stickers; StickerworksError where the ledger is in use."""
    path = root / FILE
    if not path.exists():
        return
    with DATABASE.open(path) as connection, DATABASE.errors(path):
        choose(connection, ids)
        with transaction(connection):
            for table in ("answers", "captions"):
                connection.execute(
                    f"DELETE FROM {table} WHERE sticker IN (SELECT value FROM chosen)"  # noqa: S608
                )
        compact(connection)
