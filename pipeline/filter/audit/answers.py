"""People's answers to an audit: files of theirs, read with care, and all that were ever given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError
from pipeline.engine.options import describe_invalid
from pipeline.engine.page.saved import Moment, Sticker, read_saved, somebody
from pipeline.engine.paths import read_regular
from schemas.section import Section

ANSWERS = "answers.jsonl"
_MOST_KEPT = 1 << 30

Given = Literal["drop", "keep", "unsure"]


Drawn = Annotated[str, Field(max_length=64, pattern=r"^[0-9a-f-]*$")]


class _PageAnswer(Section):
    id: Sticker
    answer: Given
    at: Moment


class AnswerFile(Section):
    """What the review page saves."""

    stickerworks_audit: Literal[1]
    rule: str = Field(max_length=500)
    drawn: Drawn
    who: Annotated[str, AfterValidator(somebody)]
    answers: list[_PageAnswer] = Field(max_length=100_000)


class Answer(Section):
    """One person's word on one sticker: whether the rule should drop it.

    ``drawn`` is that of the sample which asked, empty where that isn't known.
    """

    id: Sticker
    answer: Given
    who: str
    at: Moment
    drawn: Drawn = ""


def read_answers(path: Path, rule: str) -> list[Answer]:
    """Answers of a file that the review page saved, or that Label Studio exported as JSON.

    StickerworksError for what is neither, or about another rule.
    """
    try:
        content = read_saved(path, "--answers")
    except ValueError as error:
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
    return [
        Answer(id=a.id, answer=a.answer, who=found.who, at=a.at, drawn=found.drawn)
        for a in found.answers
    ]


def keep_answers(folder: Path, answers: Sequence[Answer]) -> int:
    """Add what isn't known yet to all that were kept; returns how many that were."""
    known = all_answers(folder)
    every = list(dict.fromkeys([*known, *answers]))
    if len(every) > len(known):
        # Whole or not at all: what a full disk cuts off would be no answer.
        with atomic_file(folder / ANSWERS) as temporary:
            lines = (f"{answer.model_dump_json()}\n" for answer in every)
            temporary.write_text("".join(lines), encoding="utf-8")
    return len(every) - len(known)


def all_answers(folder: Path) -> list[Answer]:
    """Every answer that was ever kept, in the order in which they came.

    StickerworksError for a line that holds something else.
    """
    path = folder / ANSWERS
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(read_regular(path, _MOST_KEPT).splitlines(), 1):
        try:
            found.append(Answer.model_validate_json(line))
        except ValidationError as error:
            raise StickerworksError(
                f"Line {number} of {path} is no answer.", "Correct or delete that line."
            ) from error
    return found


def _exported(tasks: Sequence[Any]) -> list[Answer]:
    """Answers of a project of Label Studio that was made from our tasks."""
    found = []
    for task in _TASKS.validate_python(tasks):
        for annotation in task.annotations:
            by = annotation.completed_by
            who = str(by.get("email") or by.get("id")) if isinstance(by, dict) else f"user {by}"
            found += [
                Answer(
                    id=task.data.sticker_id,
                    answer=region.value.choices[0],
                    who=somebody(who),
                    at=annotation.updated_at,
                    drawn=task.data.drawn,
                )
                for region in annotation.result
                if region.value.choices and not annotation.was_cancelled
            ]
    return found


# Of what Label Studio exports, that which is looked at; it says much more.
class _Choices(BaseModel):
    choices: list[Given] = []


class _Region(BaseModel):
    value: _Choices


class _Annotation(BaseModel):
    completed_by: int | dict[str, Any] | None = None
    was_cancelled: bool = False
    updated_at: Moment
    result: list[_Region]


class _Shown(BaseModel):
    sticker_id: Sticker
    drawn: Drawn = ""


class _Task(BaseModel):
    data: _Shown
    annotations: list[_Annotation]


_TASKS = TypeAdapter(list[_Task])


def _strange(path: Path, why: str) -> StickerworksError:
    return StickerworksError(
        f"{path} holds no answers of an audit: {why}.",
        "Name the file that the review page saved, or a project exported from Label Studio "
        "as JSON.",
    )
