"""The Ray actor: it supervises one worker process on its node, as the local executor does."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.engine.driving import Outcome
from pipeline.engine.errors import StickerworksError
from pipeline.engine.folders import has_ended
from pipeline.engine.local import local_slots
from pipeline.engine.store.location import Location, open_address
from pipeline.engine.task import ShardTask
from pipeline.engine.workspace import Workspace
from schemas.config import EngineConfig
from schemas.storage import StorageConfig

_PREFIX = "stickerworks-worker-"


@dataclass(frozen=True)
class Surroundings:
    """The environment and import path of the driver, for workers on its own machine."""

    environment: Mapping[str, str] = field(default_factory=dict)
    path: Sequence[str] = ()

    @staticmethod
    def here() -> Surroundings:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RAY_", "CUDA_VISIBLE"))
        }
        return Surroundings(kept, tuple(sys.path))

    def enter(self) -> None:
        if self.environment:
            for name in ("http_proxy", "no_proxy"):
                os.environ.pop(name, None)
        os.environ.update(self.environment)
        sys.path[:0] = [entry for entry in self.path if entry not in sys.path]


class ShardWorker:
    """Runs one task at a time in a child process, which a bad row may kill at will."""

    def __init__(
        self,
        engine: EngineConfig,
        surroundings: Surroundings,
        *,
        in_pieces: bool,
        gpus: float,
        bucket: tuple[Location, StorageConfig] | None,
    ) -> None:
        surroundings.enter()
        if not gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        # The child would import the program that it thinks this to be, which is Ray's.
        vars(sys.modules["__main__"]).pop("__file__", None)
        self._folder = _own_folder()
        self._bucket, self._root = bucket, Path()
        self._open = ExitStack()
        self._slots = self._open.enter_context(local_slots(engine, 1, in_pieces=in_pieces))

    def ready(self, task: ShardTask) -> tuple[str, StickerworksError | None]:
        """The node's id once it's up, and why it can't see what tasks read, if so."""
        import ray

        return ray.get_runtime_context().get_node_id(), self._open_workspace(task)

    def _open_workspace(self, task: ShardTask) -> StickerworksError | None:
        self._root = task.context.root
        name = socket.gethostname()
        try:
            if self._bucket is not None:
                # A node has a working folder of its own for a workspace in a bucket.
                self._root = open_address(str(self._bucket[0]), self._bucket[1])
            workspace = Workspace(self._root)
            if workspace.proof(task.stage.reads[0], task.part) is not None:
                return None
        except StickerworksError as error:
            return StickerworksError(f"The node {name} says: {error.message}", error.remedy)
        return StickerworksError(
            f"The node {name} doesn't see the workspace {workspace.name}.",
            "Put it where every node finds it under the same path (NFS), or on an object store.",
        )

    def run(self, task: ShardTask) -> Outcome:
        """What became of the task; heartbeats stay on this node."""
        context = replace(task.context, root=self._root)
        self._slots.start(replace(task, context=context, marker=self._folder / task.marker.name))
        while True:
            for _, outcome in self._slots.wait():
                return outcome

    def rows_done(self) -> int:
        """Rows that the task under way has behind it; that this is answered shows life."""
        return self._slots.rows_done

    def close(self) -> None:
        """End the child; the actor is of no use afterwards."""
        self._open.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _own_folder() -> Path:
    """A folder for heartbeats, after sweeping those of processes that were killed."""
    root = Path(tempfile.gettempdir())
    for folder in root.glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and has_ended(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
