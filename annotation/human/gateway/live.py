"""How far people are, as Label Studio says it now, asked with the lead's token and kept shortly."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from annotation.human.gateway.visitors import understood
from annotation.human.studio.regions import read_result

_KEEP_S, _PAGE, _MOST_PAGES = 10.0, 500, 100
_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=5)


@dataclass(frozen=True)
class Answer:
    """What somebody said of a sticker; ``skipped`` when they passed it on."""

    tags: tuple[str, ...]
    domain: str | None
    skipped: bool


class LiveProgress:
    """Answers by task, of a project at a time."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client
        self._done: dict[int, tuple[float, frozenset[int]]] = {}

    async def done(self, inside: str, token: str, project: int) -> frozenset[int]:
        """Tasks of a project that somebody answered or skipped."""
        held = self._done.get(project)
        if held is not None and time.monotonic() - held[0] < _KEEP_S:
            return held[1]
        found: set[int] = set()
        seen = 0
        for page in range(1, _MOST_PAGES + 1):
            said = await self._get(
                f"{inside}/api/tasks?project={project}&page={page}&page_size={_PAGE}"
                "&include=id,total_annotations,cancelled_annotations",
                token,
            )
            with understood():
                rows, total = said["tasks"], int(said["total"])
                found |= {
                    int(row["id"])
                    for row in rows
                    if (row["total_annotations"] or 0) + (row["cancelled_annotations"] or 0) > 0
                }
            seen += len(rows)
            if not rows or seen >= total:
                break
        self._done[project] = (time.monotonic(), frozenset(found))
        return self._done[project][1]

    def note(self, project: int, task: int) -> None:
        """Know at once that a task was answered, if the others of its project are known."""
        held = self._done.get(project)
        if held is not None:
            self._done[project] = (held[0], held[1] | {task})

    async def answer(self, inside: str, token: str, task: int, user: int) -> Answer | None:
        """What a user said last of a task; None when they didn't."""
        said = await self._get(f"{inside}/api/tasks/{task}/", token)
        with understood():
            own = [row for row in said.get("annotations", ()) if _by(row) == user]
            if not own:
                return None
            return _read(max(own, key=lambda row: (row.get("updated_at") or "", row["id"])))

    async def _get(self, address: str, token: str) -> Any:
        headers = {"Authorization": f"Token {token}"}
        async with self._client.get(address, headers=headers, timeout=_TIMEOUT) as answer:
            answer.raise_for_status()
            with understood():
                return await answer.json()


def _by(row: Mapping[str, Any]) -> Any:
    by = row.get("completed_by")
    return by.get("id") if isinstance(by, Mapping) else by


def _read(row: Mapping[str, Any]) -> Answer:
    # Questions of other sets may have been answered beside these two.
    asked = [one for one in row.get("result") or () if one.get("from_name") in ("tags", "domain")]
    said = read_result(asked)
    return Answer(said.tags, said.domain, bool(row.get("was_cancelled")))
