"""The configuration of human annotation: its server, its people, and what they are asked."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from schemas.questions import Language, Question
from schemas.section import Fraction, Positive, Section

_MOST_PEOPLE = 50


class AnnotatorConfig(Section):
    """One who votes: the account is an e-mail address, which stands in the table of votes."""

    account: str = Field(min_length=1, max_length=254, description="e-mail address")
    name: str = Field("", max_length=60, description="how people call them [the account]")
    quota: Positive | None = Field(
        None, description="stickers that they vote on at most [as many as come to them]"
    )
    language: Language | None = Field(
        None, description="language of what they see [label.language]"
    )

    @property
    def key(self) -> str:
        """The account as the server and all tables write it."""
        return self.account.strip().casefold()


def _account(value: Any) -> Any:
    return {"account": value} if isinstance(value, str) else value


Annotator = Annotated[AnnotatorConfig, BeforeValidator(_account)]


class LabelConfig(Section):
    """Human annotation: the Label Studio server, its people, and what they are shown."""

    url: str | None = Field(
        None,
        pattern=r"^https?://[^@\s]+$",
        description="a server that others run; its token is read from STICKERWORKS_LABEL_TOKEN. "
        "null means ours, on loopback",
    )
    port: int = Field(
        8090, gt=0, lt=65536, description="port that people's browsers reach, on 127.0.0.1"
    )
    host: str | None = Field(
        None,
        pattern=r"^https?://[A-Za-z0-9.:\[\]-]+/?$",
        description="address that people type when a proxy (with TLS) stands before our server, "
        "such as https://label.example.org; null means this machine alone",
    )
    server: str | None = Field(
        None,
        description="the label-studio program, from --set or --config alone; null looks where "
        "`make label-studio` put it",
    )
    lead: str = Field("lead@example.org", description="account that owns the projects")
    annotators: tuple[Annotator, ...] = Field(
        (
            AnnotatorConfig(account="annotator-1@example.org"),
            AnnotatorConfig(account="annotator-2@example.org"),
            AnnotatorConfig(account="annotator-3@example.org"),
        ),
        min_length=1,
        max_length=_MOST_PEOPLE,
        description="people whose votes count, each an account or {account, name, quota, "
        "language}; every sticker goes to as many of them as merge.annotators says",
    )
    language: Language = Field("en", description="language of the screens, en or zh")
    questions: tuple[Question, ...] = Field(
        (),
        max_length=20,
        description="what is asked beside tags, domain, caption and text: emotion, style, or "
        "questions of your own",
    )
    guidelines: str | None = Field(
        None, description="a Markdown file that people read before they begin, and any time after"
    )
    show: tuple[Literal["keywords", "suggestions"], ...] = Field(
        (),
        description="what people see beside the sticker once the calibration is done: the keywords "
        "it was found under, and what the machine suggests, filled in; nothing by default, since "
        "votes lean on what is shown",
    )
    calibration: int = Field(
        30, ge=0, description="stickers with all their votes, given blind, before anything is shown"
    )
    batch_size: Positive = Field(500, description="stickers of one batch")
    max_tags: Positive = Field(6, description="tags that one vote may give")
    gold: str | None = Field(
        None,
        description="JSON lines of stickers whose label is known: id, tags, domain; mixed in",
    )
    gold_share: Fraction = Field(0.05, description="share of gold stickers in a batch")
    gold_feedback: bool = Field(
        True, description="tell people on their page how they did on gold, once a batch is done"
    )
    reconcile_hours: float = Field(
        24, ge=0, description="an import reads everything again when the last time was earlier"
    )
    screening_sample: int | Literal["all"] = Field(
        100, description="stickers drawn for screening whatever their safety score, or all"
    )
    screening_measure: str = Field(
        "safety", description="measure (see filter.measures) that says how unsafe a sticker is"
    )
    screening_score: float = Field(0.5, description="its value from which a sticker is screened")

    @property
    def accounts(self) -> tuple[str, ...]:
        """The annotators' accounts."""
        return tuple(annotator.key for annotator in self.annotators)

    def language_of(self, account: str) -> Language:
        """What a person reads."""
        own = {annotator.key: annotator.language for annotator in self.annotators}
        return own.get(account) or self.language

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        people = [self.lead.strip().casefold(), *self.accounts]
        if len(set(people)) < len(people):
            raise ValueError("lead and annotators must be different accounts")
        names = [question.name for question in self.questions]
        if len(set(names)) < len(names):
            raise ValueError("two questions have the same name")
        if isinstance(self.screening_sample, int) and self.screening_sample < 0:
            raise ValueError("screening_sample is a number of stickers, or all")
        return self
