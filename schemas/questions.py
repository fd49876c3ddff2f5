"""Questions that people are asked about a sticker, beside its tags, domain, caption and text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from schemas.section import Section

Language = Literal["en", "zh"]
Texts = dict[Language, Annotated[str, Field(min_length=1, max_length=300)]]
"""The same words in each language; where one lacks, the other's are shown."""

Kind = Literal["single", "several", "text", "scale"]
RESERVED = frozenset({"tags", "domain", "caption", "ocr", "flags", "note", "sticker", "votes"})
_MOST_OPTIONS = 100


def _in_english(value: Any) -> Any:
    return {"en": value} if isinstance(value, str) else value


SaidIn = Annotated[Texts, BeforeValidator(_in_english)]


def say(texts: Texts, language: Language, otherwise: str = "") -> str:
    """The words in a language, else in the other one."""
    return texts.get(language) or next(iter(texts.values()), otherwise)


class OptionConfig(Section):
    """One answer that may be chosen: ``value`` stands in tables and releases."""

    value: str = Field(
        pattern=r"^\w[\w .+-]{0,59}$", description="as it stands in tables and releases"
    )
    title: SaidIn = Field({}, description="words on the screen, by language [the value]")


def _option(value: Any) -> Any:
    return {"value": value} if isinstance(value, str) else value


class QuestionConfig(Section):
    """A question about every sticker: one choice, several, a text, or a scale of points."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,30}$",
        description="its name in tables; a release's column is voted_NAME",
    )
    kind: Kind = Field("single", description="single, several, text or scale")
    title: SaidIn = Field({}, description="the question, by language [the name]")
    hint: SaidIn = Field({}, description="what helps to answer it, by language")
    options: tuple[Annotated[OptionConfig, BeforeValidator(_option)], ...] = Field(
        (), max_length=_MOST_OPTIONS, description="answers of single and several"
    )
    points: int = Field(5, ge=2, le=10, description="points of a scale, from 1")
    low: SaidIn = Field({}, description="what 1 means, by language")
    high: SaidIn = Field({}, description="what the highest point means, by language")
    required: bool = Field(True, description="whether a vote must answer it")

    @property
    def values(self) -> tuple[str, ...]:
        """All answers that may be given; empty for a text."""
        if self.kind == "scale":
            return tuple(str(point) for point in range(1, self.points + 1))
        return tuple(option.value for option in self.options)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.name in RESERVED:
            raise ValueError(f"{self.name} is asked already; choose another name")
        if self.name.endswith(("_status", "_agreement")):  # as further columns of a question do
            raise ValueError(f"{self.name} ends in a word that releases add; choose another name")
        choices = self.kind in ("single", "several")
        if choices and len(self.options) < 2:
            raise ValueError(f"the question {self.name} needs at least two options")
        if not choices and self.options:
            raise ValueError(f"the question {self.name} is a {self.kind} and takes no options")
        folded = [option.value.casefold() for option in self.options]
        if len(set(folded)) < len(folded):
            raise ValueError(f"the question {self.name} has two options of the same value")
        return self


def _options(**titles: str) -> tuple[OptionConfig, ...]:
    return tuple(
        OptionConfig(value=value, title={"en": value.replace("_", " "), "zh": chinese})
        for value, chinese in titles.items()
    )


SHIPPED: dict[str, QuestionConfig] = {
    question.name: question
    for question in (
        QuestionConfig(
            name="emotion",
            title={"en": "Emotion that it expresses", "zh": "它表达的情绪"},
            hint={
                "en": "What the sender feels, not what the figure looks like.",
                "zh": "指发送者想表达的感受，而不是画面里角色的样子。",
            },
            options=_options(
                anger="愤怒",
                disgust="厌恶",
                fear="害怕",
                happiness="高兴",
                neutral="中性",
                sadness="悲伤",
                surprise="惊讶",
            ),
        ),
        QuestionConfig(
            name="style",
            title={"en": "Style that it is made in", "zh": "画面的风格"},
            options=_options(
                cartoon="卡通",
                anime="动漫",
                sketch="手绘",
                pixel_art="像素画",
                **{"3d_render": "三维渲染"},
                photo="照片",
                edited_photo="改过的照片",
                text_only="纯文字",
                emoji="表情符号",
                other="其他",
            ),
        ),
    )
}
"""``emotion``: SER30K's seven; ``style``: the classes of the prompt set sticker820k."""


def questions_version(questions: Sequence[QuestionConfig]) -> str:
    """What a set of questions is known by: a hash of all that they say, "" for none."""
    content = questions_json(questions).encode()
    return hashlib.sha256(content).hexdigest()[:12] if questions else ""


def questions_json(questions: Sequence[QuestionConfig]) -> str:
    """All that questions say, as JSON."""
    said = [question.model_dump(mode="json") for question in questions]
    return json.dumps(said, ensure_ascii=False)


def question_rows(questions: Sequence[QuestionConfig]) -> list[dict[str, Any]]:
    """Rows of the table ``questions`` for a set."""
    version = questions_version(questions)
    return [
        {
            "version": version,
            "name": question.name,
            "kind": question.kind,
            "title_en": question.title.get("en"),
            "title_zh": question.title.get("zh"),
            "values": list(question.values),
            "required": question.required,
        }
        for question in questions
    ]


def _shipped(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value not in SHIPPED:
        raise ValueError(
            f"there is no question {value!r}: name {' or '.join(SHIPPED)}, or define one "
            "(name, kind, title, options)"
        )
    return SHIPPED[value]


Question = Annotated[QuestionConfig, BeforeValidator(_shipped)]
"""One of ours by its name, or one that is defined."""
