"""The executor on Ray: an actor a slot, one task in flight in each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.engine.cluster.connection import Ray, check_nodes, connect, plain, room
from pipeline.engine.cluster.worker import ShardWorker, Surroundings
from pipeline.engine.driving import Outcome, Progress, drive
from pipeline.engine.errors import StickerworksError
from pipeline.engine.local import count_pieces
from pipeline.engine.stage import Needs
from pipeline.engine.store.location import address_of
from pipeline.engine.task import ShardReport, ShardTask
from pipeline.engine.watching import Death
from schemas.config import EngineConfig, RayConfig

_POLL_S, _PING_S, _CLOSE_S = 0.05, 2.0, 10.0
# An actor that says nothing for so long hangs, or its node does.
_SILENT_S = 60.0
# Other jobs may fill the cluster, or it may have to grow first.
_NO_ROOM_S = 600.0
_FAILED_STARTS = 3


def run_on_ray(
    tasks: Sequence[ShardTask], engine: EngineConfig, progress: Progress
) -> Iterator[ShardReport]:
    """Run the tasks of one stage on the cluster, yielding each shard's report as it ends.

    Raises StickerworksError where Ray is missing, out of reach, too small, or a node differs.
    """
    ray = connect(engine)
    if engine.ray.address is not None:
        check_nodes(ray)
    # A node's working folder is another.
    root = tasks[0].context.root.absolute()
    tasks = [replace(task, context=replace(task.context, root=root)) for task in tasks]
    with _ray_slots(ray, tasks, engine) as slots:
        yield from drive(tasks, slots, progress)


@contextmanager
def _ray_slots(ray: Ray, tasks: Sequence[ShardTask], engine: EngineConfig) -> Iterator[RaySlots]:
    pieces = count_pieces(tasks)
    needs, settings = tasks[0].stage.needs, tasks[0].context.settings
    if not tasks[0].stage.on_gpu(settings):
        needs = replace(needs, gpus=0)
    size = _size(ray, needs, engine.ray)
    most = room(ray, size["num_cpus"], size["num_gpus"], size["memory"])
    if not most:
        raise StickerworksError(
            f"No node of the Ray cluster has room for a worker of {tasks[0].stage.name}: "
            f"{size['num_cpus']} cores, {size['num_gpus']:g} GPUs, {size['memory'] >> 20} MB.",
            "Add a larger node, or lower engine.ray.gpus_per_worker.",
        )
    actor = ray.remote(ShardWorker).options(
        **size, max_concurrency=2, max_restarts=0, max_task_retries=0
    )
    surroundings = Surroundings.here() if engine.ray.address is None else Surroundings()
    arguments = {
        "in_pieces": pieces > len(tasks),
        "gpus": size["num_gpus"],
        "bucket": address_of(tasks[0].context.root),
    }
    count = min(engine.ray.workers or most, pieces)
    slots = RaySlots(
        ray,
        count,
        lambda: actor.remote(engine, surroundings, **arguments),
        tasks[0],
        foreign=engine.ray.address is not None,
    )
    try:
        yield slots
        slots.close()
    finally:
        slots.kill()


def _size(ray: Ray, needs: Needs, config: RayConfig) -> dict[str, Any]:
    """What a worker takes; a stage with a model does without GPUs where there are none."""
    gpus: float = needs.gpus if config.gpus_per_worker is None else config.gpus_per_worker
    if not needs.gpus or not ray.cluster_resources().get("GPU"):
        gpus = 0
    return {"num_cpus": needs.cpus, "num_gpus": gpus, "memory": needs.memory_mb << 20}


@dataclass(eq=False)
class _Slot:
    """An actor, the calls of it that are not answered yet, and when it was last heard."""

    actor: Any
    task: ShardTask | None = None
    up: bool = False
    rows_done: int = 0
    heard: float = field(default_factory=time.monotonic)
    pinged: float = 0.0

    @property
    def free(self) -> bool:
        return self.up and self.task is None


class RaySlots:
    """Actors, each with one task in flight; one that is lost is made anew."""

    def __init__(self, ray: Ray, count: int, make: Any, probe: ShardTask, *, foreign: bool) -> None:
        self._ray, self._make, self._probe, self._foreign = ray, make, probe, foreign
        self._slots: list[_Slot] = []
        self._calls: dict[Any, tuple[str, _Slot]] = {}
        self._lost: list[tuple[ShardTask, Outcome]] = []
        self._failed_starts = 0
        self._heard = time.monotonic()
        for _ in range(count):
            self._add()

    @property
    def free(self) -> int:
        return sum(slot.free for slot in self._slots)

    @property
    def rows_done(self) -> int:
        return sum(slot.rows_done for slot in self._slots if slot.task)

    def start(self, task: ShardTask) -> None:
        slot = next(slot for slot in self._slots if slot.free)
        slot.task, slot.rows_done = task, 0
        slot.heard = slot.pinged = time.monotonic()
        self._call(slot, "run", task)

    def wait(self) -> list[tuple[ShardTask, Outcome]]:
        self._ping()
        calls = list(self._calls)
        self._ray.wait(calls, num_returns=1, timeout=_POLL_S)
        answered, _ = self._ray.wait(calls, num_returns=len(calls), timeout=0)
        ended = [outcome for ref in answered if (outcome := self._take(ref)) is not None]
        self._check_silence()
        ended += self._lost
        self._lost.clear()
        return ended

    def close(self) -> None:
        """Have each actor end its child and sweep its folder."""
        closing = [slot.actor.close.remote() for slot in self._slots if slot.up]
        if closing:
            self._ray.wait(closing, num_returns=len(closing), timeout=_CLOSE_S)

    def kill(self) -> None:
        for slot in self._slots:
            self._ray.kill(slot.actor)

    def _add(self) -> None:
        slot = _Slot(self._make())
        self._slots.append(slot)
        self._call(slot, "ready", self._probe)

    def _call(self, slot: _Slot, name: str, *arguments: object) -> None:
        self._calls[getattr(slot.actor, name).remote(*arguments)] = (name, slot)

    def _take(self, ref: Any) -> tuple[ShardTask, Outcome] | None:
        """Note an actor's answer; what became of its task, if it is that."""
        if ref not in self._calls:  # of an actor that was given up meanwhile
            return None
        name, slot = self._calls.pop(ref)
        try:
            answer = self._ray.get(ref)
        except self._ray.exceptions.RayTaskError as error:
            return (slot.task or self._probe), error.cause or error
        except self._ray.exceptions.RayError as error:
            self._replace(slot, f"lost: {plain(error)}")
            return None
        self._heard = slot.heard = time.monotonic()
        if name == "rows_done":
            slot.rows_done = answer
        elif name == "ready":
            return self._begin(slot, *answer)
        elif slot.task is not None:
            task, slot.task = slot.task, None
            return task, answer
        return None

    def _begin(
        self, slot: _Slot, node: str, error: StickerworksError | None
    ) -> tuple[ShardTask, Outcome] | None:
        if error is not None:
            return self._probe, error
        if self._foreign:  # it may have joined since the others were looked at
            check_nodes(self._ray, [node])
        slot.up, self._failed_starts = True, 0
        return None

    def _replace(self, slot: _Slot, reason: str) -> None:
        """Give up an actor for another, which Ray may start elsewhere; its task runs again."""
        if slot.task is not None:
            self._lost.append((slot.task, Death(reason)))
        elif not slot.up:
            self._failed_starts += 1
            if self._failed_starts > _FAILED_STARTS:
                raise StickerworksError(
                    f"Ray can't start workers: {reason}.", "Look at it with `ray status`."
                )
        self._slots.remove(slot)
        self._calls = {ref: call for ref, call in self._calls.items() if call[1] is not slot}
        self._ray.kill(slot.actor)
        self._add()

    def _ping(self) -> None:
        now = time.monotonic()
        waiting = {slot for name, slot in self._calls.values() if name == "rows_done"}
        for slot in self._slots:
            if slot.task and slot not in waiting and now - slot.pinged > _PING_S:
                slot.pinged = now
                self._call(slot, "rows_done")

    def _check_silence(self) -> None:
        now = time.monotonic()
        for slot in list(self._slots):
            if slot.task and now - slot.heard > _SILENT_S:
                self._replace(slot, f"said nothing for {_SILENT_S:g} s")
        if not any(slot.up for slot in self._slots) and now - self._heard > _NO_ROOM_S:
            raise StickerworksError(
                f"Ray started no worker within {_NO_ROOM_S / 60:g} minutes.",
                "`ray status` says what the cluster is busy with.",
            )
