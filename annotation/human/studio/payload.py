"""Tasks as the server gets them: what is shown of a sticker, and what the machine suggests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any
from urllib.parse import quote

from annotation.human.studio.interface import OBJECT
from annotation.human.studio.question_controls import DOMAIN_KEYS, answer_keys, titles
from annotation.human.studio.words import word
from pipeline.engine.text import JOINER, html_text, visible
from schemas.questions import Language, QuestionConfig, say

_FILES = "/data/local-files/?d="
_VIDEOS = (".webm", ".mp4")


@dataclass(frozen=True)
class Shown:
    """What a task shows of a sticker; paths are relative to the folder that the server shows.

    ``domain_probability`` is that of ``domain``; ``answers`` are suggested values by question;
    ``model`` says who suggests.
    """

    id: str
    path: str
    frames: tuple[str, ...]
    keywords: tuple[str, ...]
    batch: str
    ocr: str | None
    ocr_score: float | None
    domain: str | None
    domain_probability: float | None
    tags: tuple[str, ...]
    caption: str | None
    model: str
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AnonymousVote:
    """A vote as the lead sees it: without a name."""

    tags: tuple[str, ...]
    domain: str | None
    caption: str | None
    skipped: bool
    answers: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, vote: Mapping[str, Any]) -> AnonymousVote:
        """From a row of the table ``votes``."""
        answers = {one["question"]: one["values"] or () for one in vote["answers"] or ()}
        tags = tuple(vote["tags"] or ())
        return cls(tags, vote["domain"], vote["caption"], bool(vote["skipped"]), answers)


def labelling_task(
    shown: Shown,
    *,
    blind: bool,
    hints: bool,
    questions: Sequence[QuestionConfig] = (),
    language: Language = "en",
) -> dict[str, Any]:
    """Task of the labelling project. Nothing in it tells a gold sticker from another."""
    keywords = shown.keywords if hints and not blind else ()
    task = _task(shown, _sticker(shown, language) + _frames(shown) + _keywords(keywords))
    prediction = None if blind else _prediction(shown, questions)
    return task if prediction is None else {**task, "predictions": [prediction]}


def adjudication_task(
    shown: Shown,
    votes: Sequence[AnonymousVote],
    questions: Sequence[QuestionConfig] = (),
    language: Language = "en",
) -> dict[str, Any]:
    """Task of the adjudication project: the votes as A, B, C in the given order."""
    task = _task(shown, _sticker(shown, language) + _frames(shown) + _keywords(shown.keywords))
    lettered = list(zip(ascii_uppercase, votes, strict=False))
    tables = _table(_vote(letter, vote, language) for letter, vote in lettered)
    tables += _table(_answers(lettered, questions, language))
    return {**task, "data": {**task["data"], "votes": tables}}


def screening_task(
    shown: Shown, *, score: float | None, blurred: bool, language: Language = "en"
) -> dict[str, Any]:
    """Task of the screening project; a blurred sticker gets clear, and blurred, by a click."""
    style = ' style="filter:blur(32px)"' if blurred else ""
    html = _sticker(shown, language, style) + _frames(shown, style) + _keywords(shown.keywords)
    if blurred:  # no script: a checkbox that can't be seen holds whether it is clear
        html = (
            f'<label class="sw-cover"><input type="checkbox" autocomplete="off">{html}</label>'
            f'<p class="sw-said">{word("blurred", language)}</p>'
        )
    if score is not None:
        html += f'<p class="sw-said">{word("safety", language, f"{score:.2f}")}</p>'
    return _task(shown, html)


def _task(shown: Shown, html: str) -> dict[str, Any]:
    data = {"html": html, "sticker_id": shown.id, "sha256": shown.id, "batch": shown.batch}
    return {"data": data, "meta": {"batch": shown.batch}}


def _sticker(shown: Shown, language: Language, style: str = "") -> str:
    if not shown.path:
        inner = word("not_shown", language)
    elif shown.path.endswith(_VIDEOS):
        inner = (
            f'<video src="{_address(shown.path)}"{style} autoplay loop muted playsinline></video>'
        )
    else:
        inner = f'<img src="{_address(shown.path)}" alt=""{style}>'
    return f'<span class="sw-sticker">{inner}</span>'


def _frames(shown: Shown, style: str = "") -> str:
    if len(shown.frames) < 2:
        return ""
    images = (f'<img src="{_address(name)}" alt=""{style}>' for name in shown.frames)
    return f'<span class="sw-frames">{"".join(images)}</span>'


def _keywords(keywords: Iterable[str]) -> str:
    words = "".join(f"<span>{word}</span>" for word in map(html_text, keywords) if word)
    return f'<span class="sw-words">{words}</span>' if words else ""


def _table(rows: Iterable[str]) -> str:
    written = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<table class="sw-votes">{written}</table>' if written else ""


def _vote(letter: str, vote: AnonymousVote, language: Language) -> str:
    if vote.skipped:
        said = f"<i>{word('skipped', language)}</i>"
    else:
        nothing = f"<i>{word('no_tag', language)}</i>"
        domain = vote.domain or ""
        if domain in DOMAIN_KEYS:
            domain = word(f"voted_{domain}", language)
        parts = (
            "<b>" + (", ".join(map(html_text, vote.tags)) or nothing) + "</b>",
            html_text(domain),
            html_text(vote.caption or ""),
        )
        said = "<br>".join(part for part in parts if part)
    return f"<td>{letter}</td><td>{said}</td>"


def _answers(
    lettered: Sequence[tuple[str, AnonymousVote]],
    questions: Sequence[QuestionConfig],
    language: Language,
) -> Iterator[str]:
    """A row for each question that somebody answered, a column for each vote."""
    answered = [q for q in questions if any(vote.answers.get(q.name) for _, vote in lettered)]
    if answered:
        yield "<td></td>" + "".join(f"<td><b>{letter}</b></td>" for letter, _ in lettered)
    for question in answered:
        named = titles(question, language)
        given = (
            ", ".join(
                html_text(named.get(value, value)) for value in vote.answers.get(question.name, ())
            )
            for _, vote in lettered
        )
        cells = "".join(f"<td>{answer}</td>" for answer in given)
        yield f"<td>{html_text(say(question.title, language, question.name))}</td>{cells}"


def _prediction(shown: Shown, questions: Sequence[QuestionConfig]) -> dict[str, Any] | None:
    # Lines are kept: people correct these texts.
    caption, ocr = (
        visible(text or "", keep=f"\n{JOINER}").strip() for text in (shown.caption, shown.ocr)
    )
    regions = []
    if shown.tags:
        regions.append(_region("tags", "taxonomy", [[tag] for tag in shown.tags]))
    if shown.domain:
        regions.append(_region("domain", "choices", [shown.domain], shown.domain_probability))
    keys = answer_keys(questions)
    for question in questions:
        value = shown.answers.get(question.name)
        if value in question.values:
            listed = keys[question.name] is None
            held = [[value]] if listed else [value]
            regions.append(_region(question.name, "taxonomy" if listed else "choices", held))
    if caption:
        regions.append(_region("caption", "textarea", [caption]))
    if ocr:
        regions.append(_region("ocr", "textarea", [ocr], shown.ocr_score))
    if not regions:
        return None
    scores = [region["score"] for region in regions if "score" in region]
    score = {"score": min(scores)} if scores else {}
    return {"model_version": shown.model, "result": regions, **score}


def _region(name: str, kind: str, value: list[Any], score: float | None = None) -> dict[str, Any]:
    held = "text" if kind == "textarea" else kind
    region = {
        "id": name,
        "from_name": name,
        "to_name": OBJECT,
        "type": kind,
        "value": {held: value},
    }
    return region if score is None else {**region, "score": round(float(score), 4)}


def _address(path: str) -> str:
    return _FILES + quote(path)
