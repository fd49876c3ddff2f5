"""Making damaged tables again: by the stage or step that makes them, or from the crawl's ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pipeline.engine.damage import DamagedFile, damaged_file, set_aside
from pipeline.engine.errors import DamagedTableError
from pipeline.engine.run_log import RunLog
from pipeline.engine.stage import Stage, Step
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig
from schemas.tables import TABLES
from stickerworks.cli.rooms import ROOMS, plan_of

Result = TypeVar("Result")


class Mender:
    """Sets damaged tables aside and has them made again, each file once in a command.

    ``check`` refuses, before a file is set aside, what may not ``make`` it again.
    """

    def __init__(
        self,
        workspace: Workspace,
        log: RunLog,
        say: Callable[[str], None],
        check: Callable[[Stage | Step], None],
        make: Callable[[Stage | Step], None],
        crawl: CrawlConfig,
    ) -> None:
        self._workspace, self._log, self._say = workspace, log, say
        self._check, self._make, self._crawl = check, make, crawl
        self._mended: set[DamagedFile] = set()

    def mending(self, act: Callable[[], Result], doing: Stage | Step | None = None) -> Result:
        """What ``act`` returns, done again after each damaged table that it met was made anew.

        ``doing`` is the stage or step that ``act`` itself runs. Raises DamagedTableError for a
        file that is damaged twice, and for tables that nothing here can make.
        """
        while True:
            try:
                return act()
            except DamagedTableError as error:
                self._mend(error, doing)

    def _mend(self, error: DamagedTableError, doing: Stage | Step | None) -> None:
        file = damaged_file(error)
        if file is None or file in self._mended:
            raise error  # made anew and damaged again: that is the disk's fault
        self._mended.add(file)
        makers = [w for room in ROOMS for w in plan_of(room) if file.table in w.writes]
        if not makers and not self._is_in_ledger(file.table):
            raise error
        if makers:
            self._check(makers[0])
        aside = set_aside(self._workspace, file)
        self._log.add("damaged", table=file.table, shard=file.part, aside=str(aside or ""))
        where = f"lies in {aside} now" if aside else "could not even be copied"
        self._say(f"{error.message} It is damaged, {where}, and is made again.")
        if not makers:
            self.mending(self._export_again)
        elif doing is None or doing.name != makers[0].name:
            self._make(makers[0])

    def _is_in_ledger(self, table: str) -> bool:
        from crawlers.ledger.ledger import LEDGER

        return TABLES[table].command == "crawl" and (self._workspace.root / LEDGER).exists()

    def _export_again(self) -> None:
        from crawlers.crawl import export_again

        export_again(self._workspace, self._crawl)
