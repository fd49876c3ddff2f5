"""An audit from its sample to its result, kept in the workspace's reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.audits import AuditResult, audit_folder, write_result
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import read_regular
from pipeline.engine.workspace import Workspace
from pipeline.filter.audit.answers import Answer, all_answers, keep_answers
from pipeline.filter.audit.estimate import judge
from pipeline.filter.audit.review import PAGE, write_review, write_studio
from pipeline.filter.audit.sampling import Sample

SAMPLE = "sample.json"
_MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class Asked:
    """What people are to look at, and what earlier answers already say."""

    page: Path
    studio: tuple[Path, Path] | None
    result: AuditResult


@dataclass(frozen=True)
class Heard:
    """What new answers changed: how many are new, how many are about others than the sample."""

    new: int
    elsewhere: int
    result: AuditResult


def ask(workspace: Workspace, sample: Sample, wanted: float, *, studio: bool) -> Asked:
    """Keep the sample, and write the page that asks about it."""
    folder = audit_folder(workspace, sample.rule)
    with atomic_file(folder / SAMPLE) as temporary:
        temporary.write_text(sample.model_dump_json(), encoding="utf-8")
    known = all_answers(folder)
    page = write_review(workspace, sample, known, folder / PAGE)
    tasks = write_studio(workspace, sample, folder) if studio else None
    return Asked(page, tasks, _judge(workspace, sample, known, wanted))


def hear(workspace: Workspace, rule: str, answers: Sequence[Answer], wanted: float) -> Heard:
    """Keep answers for good, and judge the rule by all there are about its sample.

    StickerworksError where no sample was drawn.
    """
    folder = audit_folder(workspace, rule)
    sample = _sample(folder, rule)
    new = keep_answers(folder, answers)
    asked = {sticker.id for sticker in sample.stickers}
    elsewhere = len({answer.id for answer in answers} - asked)
    return Heard(new, elsewhere, _judge(workspace, sample, all_answers(folder), wanted))


def _judge(
    workspace: Workspace, sample: Sample, answers: Sequence[Answer], wanted: float
) -> AuditResult:
    result = judge(sample, answers, wanted)
    write_result(workspace, result)
    return result


def _sample(folder: Path, rule: str) -> Sample:
    path = folder / SAMPLE
    again = f"Run `stickerworks filter audit {rule}` first."
    if not path.exists():
        raise StickerworksError(f"No sample of {rule!r} has been drawn here.", again)
    try:
        return Sample.model_validate_json(read_regular(path, _MOST_BYTES))
    except (OSError, ValidationError) as error:
        raise StickerworksError(f"{path} holds no sample of an audit.", again) from error
