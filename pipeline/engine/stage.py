"""The contract between rooms and the runner: a stage or a step is a value."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.media import MediaReader
from pipeline.engine.workspace import Workspace
from schemas.config import Config

Tables = Mapping[str, pa.Table]
"""Rows of several tables for the same stickers, by table name."""

Process = Callable[[Tables], dict[str, pa.Table]]
"""Maps the rows of a few stickers in every table read to their rows in every table written."""


@dataclass(frozen=True)
class Needs:
    """What one worker of a stage takes: cores, GPUs where there are any, megabytes, and seconds
    for a row."""

    cpus: int = 1
    gpus: int = 0
    memory_mb: int = 1024
    seconds_per_row: float = 0.01


@dataclass(frozen=True)
class Late:
    """A function by its import path, ``package.module:name``, imported when it is called.

    Every command reads all stages, and what they run on takes seconds to import.
    """

    path: str

    def __call__(self, *arguments: Any) -> Any:
        module, _, name = self.path.partition(":")
        return getattr(importlib.import_module(module), name)(*arguments)


def _unheard(_: Any) -> None:
    """What callbacks are set to where nobody needs them."""


@dataclass(frozen=True)
class Context:
    """What a worker may know: the settings in the stage's fingerprint, and where the files are.

    In the main process ``advance`` takes the number of rows of the batch that are done so far, and
    ``at_end`` what is to be called when the last shard is done or the run breaks off.
    """

    settings: Any
    root: Path
    advance: Callable[[int], None] = _unheard
    at_end: Callable[[Callable[[], object]], object] = _unheard

    def media(self) -> MediaReader:
        """Reads stickers' bytes by their rows of ``media``."""
        return Workspace(self.root).media_reader()


def no_models(config: Config) -> Mapping[str, str]:
    """For stages without a model; a named function, since stages are pickled for workers."""
    return {}


def all_rows(settings: Any) -> Mapping[str, Sequence[object]]:
    """For stages that write no rows but their own."""
    return {}


def in_workers(config: Config) -> bool:
    """For stages that always run in worker processes."""
    return False


def never_idle(settings: Any) -> bool:
    """For stages that always have something to do."""
    return False


def always_on_gpu(settings: Any) -> bool:
    """For stages that take the GPUs of ``needs`` whatever their settings."""
    return True


@dataclass(frozen=True)
class Stage:
    """A function from the rows of stickers to rows, run shard by shard in worker processes.

    ``open`` runs once a worker, loads what is heavy and returns the function for rows. Only
    ``settings`` (JSON-able or pydantic) reaches it, and the fingerprint covers all of it, so a
    result can't depend on configuration that the fingerprint doesn't see. ``models`` adds what
    else decides the result: model names, digests, library versions.

    ``reads[0]`` must be a table of scope ``sticker``: its ids, in order, are the rows. ``selects``
    names a table read whose ``kept`` column says which rows are worth measuring; the others get
    a row of nulls (and ``measured`` false). An ``expensive`` stage takes over the rows that an
    earlier run measured from the same inputs, whatever else in the shard has changed; the table
    that selects is not among those inputs, so loosening a rule measures just the newly kept.

    The function must return, for every sticker given, exactly one row in each written table of
    scope ``sticker`` and any number in those of scope ``detail``, in order. A row that can't be
    measured sets ``error``; an exception costs the row, which is then quarantined.

    ``in_main_process`` says whether the main process itself runs the stage: where work is mostly
    waiting for a server, or one model fills the device, more processes would only be in each
    other's way. No one watches such a stage's time and memory.

    ``own`` says, from the settings, which values of columns mark the rows that the stage makes,
    where its first table also holds what earlier models said: failures of these are not counted.

    ``adds`` is the key of the settings that names values with rows of their own (measures, with
    their versions). Where an earlier run differs in these alone, its rows are completed: the
    function also gets them, under the names of the tables written, and returns them with what
    was missing. An ``idle`` stage has nothing to do, by its settings: its tables
    are written without reading more than the ids. ``on_gpu`` says, from the settings, whether the
    GPUs of ``needs`` are used at all.
    """

    name: str
    version: int
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    needs: Needs
    settings: Callable[[Config], Any]
    open: Callable[[Context], Process]
    selects: str | None = None
    batch_rows: int = 1
    models: Callable[[Config], Mapping[str, str]] = no_models
    in_main_process: Callable[[Config], bool] = in_workers
    own: Callable[[Any], Mapping[str, Sequence[object]]] = all_rows
    adds: str | None = None
    idle: Callable[[Any], bool] = never_idle
    on_gpu: Callable[[Any], bool] = always_on_gpu

    @property
    def expensive(self) -> bool:
        """Whether rows are worth taking over from an earlier run of the same shard."""
        return self.selects is not None or self.needs.seconds_per_row >= 0.005


def own_rows(table: pa.Table, own: Mapping[str, Sequence[object]]) -> pa.Table:
    """The rows whose columns have one of the values that ``Stage.own`` names."""
    for column, values in own.items():
        chosen = pa.array(values, table.schema.field(column).type)
        table = table.filter(pc.is_in(table[column], value_set=chosen))
    return table


class Reader(Protocol):
    """How a step reads tables."""

    @property
    def parts(self) -> tuple[int, ...]:
        """Numbers of the sticker shards, ascending."""

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """The same in blocks: as much as a step should hold in memory at a time."""

    def read(
        self,
        table: str,
        parts: int | Sequence[int] | None = None,
        columns: list[str] | None = None,
    ) -> pa.Table:
        """Rows of one shard, of several in order, or of the whole table; a missing optional
        table is empty."""


Output = tuple[str, int | tuple[int, ...] | None, pa.Table]
"""Table name, shards (one, those of a block, or None for a global table) and rows."""


@dataclass(frozen=True)
class Step:
    """A plain function from whole tables to tables, on columns, run in the main process.

    ``optional`` names the tables read that may not exist yet; they read as empty. ``run`` gets a
    reader and the settings, and yields what it writes: the rows of every block (or shard) of a
    ``sticker`` table, in order, and each global table once. The same inputs must give the same
    rows.

    ``each_block`` says that the rows of a block depend on that block's inputs, and global tables,
    alone: then only blocks whose inputs changed are made again, each with a reader that shows no
    other. ``models`` is that of a stage.
    """

    name: str
    version: int
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    settings: Callable[[Config], Any]
    run: Callable[[Reader, Any], Iterator[Output]]
    optional: tuple[str, ...] = ()
    each_block: bool = False
    models: Callable[[Config], Mapping[str, str]] = no_models


def is_idle(work: Stage | Step, config: Config) -> bool:
    """Whether, by the configuration, there is nothing to do but to write empty tables."""
    return isinstance(work, Stage) and work.idle(work.settings(config))
