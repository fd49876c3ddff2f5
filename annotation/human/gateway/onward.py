"""What somebody does next where Label Studio hands them a sticker that was taken back from them.

Label Studio knows nothing of what was taken back, and hands it out before whatever was made later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from annotation.human.gateway.answers import is_theirs
from annotation.human.gateway.holdings import OwnTask
from annotation.human.gateway.visitors import Proof, Visitor, understood

_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=5)


@dataclass(frozen=True)
class Onward:
    """One who asks what is next, as Label Studio ``inside`` knows them."""

    client: aiohttp.ClientSession
    inside: str
    proof: Proof
    visitor: Visitor

    async def next_task(self, tasks: Sequence[OwnTask], done: Iterable[int]) -> Any:
        """The first of their tasks that they haven't answered, None when there is none.

        ``done`` may be some seconds old, so that each task is asked about before it is given. What
        they postponed comes when nothing else is left.
        """
        answered, postponed = frozenset(done), None
        for task in tasks:
            if task.task in answered:
                continue
            said = await self._task(task)
            if said is None or any(is_theirs(row, self.visitor) for row in said["annotations"]):
                continue
            if not any(row.get("was_postponed") for row in said["drafts"]):
                return said
            postponed = postponed or said
        return postponed

    async def _task(self, task: OwnTask) -> Any:
        """The task in the shape in which Label Studio gives the next one, whose answers it leaves
        out; None when it is gone from the server."""
        address = f"{self.inside}/api/tasks/{task.task}/?project={task.project}"
        async with self.client.get(
            address, headers=self.proof.headers(), timeout=_TIMEOUT, allow_redirects=False
        ) as answer:
            if answer.status == 404:
                return None
            answer.raise_for_status()
            with understood():
                said = await answer.json()
                return {**said, "annotations": said.get("annotations") or [],
                        "drafts": said.get("drafts") or [], "queue": ""}  # fmt: skip
