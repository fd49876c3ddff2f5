"""The rooms in the order in which a dataset is made, each with its stages and steps."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.engine.stage import Stage, Step

Plan = tuple[Stage | Step, ...]


def plan_of(room: str) -> Plan:
    """Stages and steps of a room; imports just that room."""
    return _PLANS[room]()


def _filter() -> Plan:
    from crawlers.local.imported import IMPORTED
    from pipeline.filter.stages import PLAN

    return (IMPORTED, *PLAN)


def _tags() -> Plan:
    from pipeline.tags.stages import PLAN

    return PLAN


def _annotate() -> Plan:
    from annotation.machine.stages import PLAN
    from pipeline.filter.stages import CLIPS

    return (CLIPS, *PLAN)


def _merge() -> Plan:
    from annotation.human.stages import PLAN

    return PLAN


def _split() -> Plan:
    from pipeline.split.stages import PLAN

    return PLAN


_PLANS: dict[str, Callable[[], Plan]] = {
    "filter": _filter,
    "tags": _tags,
    "annotate": _annotate,
    "merge": _merge,
    "split": _split,
}
ROOMS = tuple(_PLANS)
COMMANDS = ("crawl", *ROOMS, "release", "validate", "report")
"""All that `run` does, in order."""
