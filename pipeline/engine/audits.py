"""What people found when they audited a rule of the filter: files that two rooms read."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from pydantic import ValidationError

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import read_regular
from pipeline.engine.workspace import Workspace
from schemas.section import Section

RESULT = "result.json"
_MOST_BYTES = 1 << 20


class Finding(Section):
    """A share of a population, from a sample of it: an estimate and its 95% interval.

    Of the ``population``, ``asked`` were shown, ``answered`` got an answer and ``agreed`` were to
    be dropped. The share is null where a part of the sample has no answers that count.
    """

    population: int
    asked: int
    answered: int
    agreed: int
    share: float | None
    low: float
    high: float


class SuggestedBound(Section):
    """The bound that drops most of those whose estimated precision is at least ``wanted``.

    ``bound`` is null where none is, or the sample can't tell; ``why`` says so in a line.
    ``sure`` when the interval's lower end is also at least ``wanted``.
    """

    wanted: float
    bound: float | None
    share: float | None
    low: float | None
    high: float | None
    drops: int | None
    sure: bool
    why: str


class AuditResult(Section):
    """What the answers so far say of one rule: how much of what it drops should be dropped, and
    how much of what is kept near its bound.

    ``earlier`` counts stickers of the sample whose answers don't count, since they were asked about
    among others, such as under another bound.
    """

    rule: str
    unit: str
    drawn: str
    min: float | None
    max: float | None
    near: float | None
    withheld: int
    dropped: Finding
    kept: Finding | None
    suggested: SuggestedBound | None
    unsure: int
    earlier: int = 0
    people: int
    last_answer: str | None


def audit_folder(workspace: Workspace, rule: str) -> Path:
    """Where an audit's sample, page, answers and result lie."""
    safe = re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,60}", rule) is not None
    folder = rule if safe else hashlib.sha256(rule.encode()).hexdigest()[:16]
    return workspace.reports / "audits" / folder


def write_result(workspace: Workspace, result: AuditResult) -> None:
    """Keep a rule's result in place of its earlier one."""
    with atomic_file(audit_folder(workspace, result.rule) / RESULT) as temporary:
        temporary.write_text(result.model_dump_json(indent=1), encoding="utf-8")


def read_results(workspace: Workspace) -> list[AuditResult]:
    """All results, by rule. StickerworksError for a file that holds something else."""
    paths = sorted((workspace.reports / "audits").glob(f"*/{RESULT}"))
    return sorted(map(_read, paths), key=lambda result: result.rule)


def _read(path: Path) -> AuditResult:
    try:
        return AuditResult.model_validate_json(read_regular(path, _MOST_BYTES))
    except (OSError, ValidationError) as error:
        raise StickerworksError(
            f"{path} holds no result of an audit.",
            "Delete it; `stickerworks filter audit RULE` makes it from the answers again.",
        ) from error
