"""People's answers to an audit: files of theirs, read with care, and all that were ever given."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from pipeline.engine.errors import StickerworksError, disk_errors
from pipeline.engine.options import describe_invalid
from pipeline.engine.paths import named_path, read_regular
from pipeline.engine.text import storable
from schemas.config import Section

ANSWERS = "answers.jsonl"
_MOST_BYTES = 64 << 20

Given = Literal["drop", "keep", "unsure"]


def _somebody(name: str) -> str:
    return storable(name, 100) or "somebody"


def _moment(text: str) -> str:
    """A time in ISO 8601, as UTC, so that texts sort as times do."""
    found = datetime.fromisoformat(text)
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found.isoformat(timespec="milliseconds")


Moment = Annotated[str, Field(max_length=40), AfterValidator(_moment)]
Sticker = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _PageAnswer(Section):
    id: Sticker
    answer: Given
    at: Moment


class AnswerFile(Section):
    """What the review page saves."""

    stickerworks_audit: Literal[1]
    rule: str = Field(max_length=500)
    drawn: str = Field(max_length=64)
    who: Annotated[str, AfterValidator(_somebody)]
    answers: list[_PageAnswer] = Field(max_length=100_000)


class Answer(Section):
    """One person's word on one sticker: whether the rule should drop it."""

    id: Sticker
    answer: Given
    who: str
    at: Moment


def read_answers(path: Path, rule: str) -> list[Answer]:
    """Answers of a file that the review page saved, or that Label Studio exported as JSON.

    StickerworksError for what is neither, or about another rule.
    """
    try:
        content = json.loads(read_regular(named_path(path, "--answers"), _MOST_BYTES))
    except OSError as error:
        raise StickerworksError(
            f"{path} can't be read: {error.strerror or error}.", "Name the file that was saved."
        ) from error
    except (ValueError, RecursionError) as error:
        raise _strange(path, "it is no JSON") from error
    try:
        if isinstance(content, list):
            return _exported(content)
        found = AnswerFile.model_validate(content)
    except ValidationError as error:
        raise _strange(path, describe_invalid(error, "", AnswerFile)[0]) from error
    if found.rule != rule:
        raise StickerworksError(
            f"{path} has answers about the rule {found.rule!r}, not {rule!r}.",
            "Name the rule that the page was made for.",
        )
    return [Answer(id=a.id, answer=a.answer, who=found.who, at=a.at) for a in found.answers]


def keep_answers(folder: Path, answers: Sequence[Answer]) -> int:
    """Append what isn't known yet; returns how many that were."""
    known = set(all_answers(folder))
    new = [answer for answer in dict.fromkeys(answers) if answer not in known]
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ANSWERS).open("a", encoding="utf-8") as file:
            file.writelines(f"{answer.model_dump_json()}\n" for answer in new)
    return len(new)


def all_answers(folder: Path) -> list[Answer]:
    """Every answer that was ever kept, in the order in which they came.

    StickerworksError for a line that holds something else, but for a last one that broke off.
    """
    path = folder / ANSWERS
    if not path.exists():
        return []
    lines = read_regular(path, 1 << 30).decode("utf-8", "replace").splitlines()
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(Answer.model_validate_json(line))
        except ValidationError as error:
            if number == len(lines):
                break
            raise StickerworksError(
                f"Line {number} of {path} is no answer.", "Correct or delete that line."
            ) from error
    return found


_CHOICE = TypeAdapter(Given)


def _exported(tasks: Sequence[Any]) -> list[Answer]:
    """Answers of a project of Label Studio, see ``studio_tasks``."""
    found = []
    for task in tasks:
        data = _mapping(task).get("data")
        for annotation in _mapping(task).get("annotations") or []:
            if annotation.get("was_cancelled"):
                continue
            by = _mapping(annotation).get("completed_by")
            who = by.get("email") if isinstance(by, Mapping) else f"user {by}"
            for region in _mapping(annotation).get("result") or []:
                choices = _mapping(_mapping(region).get("value")).get("choices") or [None]
                found.append(
                    Answer(
                        id=_mapping(data).get("sticker_id", ""),
                        answer=_CHOICE.validate_python(choices[0]),
                        who=_somebody(str(who)),
                        at=str(annotation.get("updated_at") or annotation.get("created_at")),
                    )
                )
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _strange(path: Path, why: str) -> StickerworksError:
    return StickerworksError(
        f"{path} holds no answers of an audit: {why}.",
        "Name the file that the review page saved, or a project exported from Label Studio "
        "as JSON.",
    )
