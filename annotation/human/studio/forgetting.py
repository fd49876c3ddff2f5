"""Takes stickers out of what annotators were asked: the ledger, files shown, the server's tasks."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

from annotation.human.studio import ledger_sql as sql
from annotation.human.studio.client import FOLDER, connect, server_errors
from annotation.human.studio.ledger import LEDGER, VoteLedger, open_ledger
from annotation.human.studio.process import serving
from annotation.human.studio.server_paths import ServerPaths
from pipeline.engine.database import choose, compact, transaction
from schemas.labelling import LabelConfig


def forget_tasks(root: Path, ids: Collection[str]) -> None:
    """Forget what people were asked and said of some stickers, and remove the files shown of them.

    The numbers of their tasks on the server are kept until ``delete_tasks`` has deleted those.
    """
    for path in _shown(root / FOLDER / "files", frozenset(ids)):
        path.unlink(missing_ok=True)
    if not (root / LEDGER).exists():
        return
    with open_ledger(root) as ledger:
        connection = ledger.connection
        choose(connection, ids)
        with transaction(connection):
            # Raw votes are append-only for everyone else.
            connection.execute("DROP TRIGGER IF EXISTS annotations_are_kept")
            for statement in sql.FORGET:
                connection.execute(statement)
            connection.execute(sql.KEPT)
        compact(connection)


def delete_tasks(root: Path, config: LabelConfig) -> tuple[int, int]:
    """Delete forgotten tasks on the server where it runs: how many were, and how many are left."""
    if not (root / LEDGER).exists():
        return 0, 0
    with open_ledger(root) as ledger:
        left = _left(ledger)
        if not left:
            return 0, 0
        if config.url is None and not serving(ServerPaths(root / FOLDER).data.absolute()):
            return 0, len(left)
        connection = connect(root, config)
        with server_errors(connection.url):
            for task in left:
                _delete(connection.client, task)
                ledger.connection.execute("DELETE FROM taken_down WHERE task = ?", (task,))
    return len(left), 0


def _delete(client: object, task: int) -> None:
    from label_studio_sdk.core.api_error import ApiError

    try:
        client.tasks.delete(id=str(task))  # type: ignore[attr-defined]
    except ApiError as error:
        if error.status_code != 404:  # somebody deleted it there
            raise


def _left(ledger: VoteLedger) -> list[int]:
    with closing(ledger.connection.execute("SELECT task FROM taken_down ORDER BY task")) as rows:
        return [int(row["task"]) for row in rows]


def _shown(files: Path, ids: frozenset[str]) -> Iterator[Path]:
    for folder in sorted({id_[:2] for id_ in ids}):
        for path in files.glob(f"*/{folder}/*"):
            if path.name[:64] in ids:
                yield path
