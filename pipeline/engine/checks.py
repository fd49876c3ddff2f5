"""One line of a verdict on a release: what was measured, its bound, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["passed", "warned", "failed", "not judged"]
OUTCOMES: tuple[Outcome, ...] = ("passed", "warned", "failed", "not judged")


@dataclass(frozen=True)
class Check:
    """What one check of the gate found; JSON-able through ``dataclasses.asdict``.

    ``figure`` was measured and ``bound`` is what it is held against, both as people read them;
    ``reason`` says what is wrong, ``remedy`` what to do; both are empty where it passed.
    """

    name: str
    outcome: Outcome
    figure: str = ""
    bound: str = ""
    reason: str = ""
    remedy: str = ""


def failures(checks: Iterable[Check]) -> list[str]:
    """Reasons of those that failed, in order."""
    return [check.reason for check in checks if check.outcome == "failed"]
