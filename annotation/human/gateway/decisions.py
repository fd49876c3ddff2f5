"""What is asked, what somebody has on the server, and what becomes of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Role = Literal["nobody", "lead", "annotator", "left", "stranger"]
Verdict = Literal["forward", "ourselves", "home", "stream", "login", "refuse"]
TaskState = Literal["own", "withdrawn", "foreign"]


@dataclass(frozen=True)
class Asked:
    """A request: its path as it came (not decoded), the pairs of its query (decoded)."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()

    def value(self, name: str) -> str | None:
        """The only value of that name; None when there is none, or two that may differ."""
        values = {value for key, value in self.query if key == name}
        return values.pop() if len(values) == 1 else None


class Holdings(Protocol):
    """What somebody has on the server."""

    def project(self, number: int) -> bool:
        """Whether they label in it."""

    def task(self, number: int) -> tuple[TaskState, int]:
        """Whether it is for them, and its project (0 for another's)."""


@dataclass(frozen=True)
class Decision:
    """What becomes of a request.

    ``forward`` sends it on with ``query``; ``ourselves`` is answered by the gateway under the
    ``rule``'s name; ``home``, ``stream`` and ``login`` lead to another page; ``refuse`` says the
    ``rule`` why. ``body`` names what of a JSON body goes on (None: the body as it is; empty:
    none). ``confirm`` is a path whose answer has to be theirs before anything goes on.
    ``theirs`` says that what others gave is taken out of the answer.
    """

    verdict: Verdict
    rule: str
    query: tuple[tuple[str, str], ...] = ()
    project: int = 0
    task: int = 0
    body: frozenset[str] | None = frozenset()
    confirm: str = ""
    theirs: bool = False
