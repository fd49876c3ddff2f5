"""Tasks as the server gets them: what is shown of a sticker, and what the machine suggests."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

from annotation.human.studio.interface import OBJECT

_FILES = "/data/local-files/?d="
_LONGEST = 200


@dataclass(frozen=True)
class Shown:
    """What a task shows of a sticker; paths are relative to the folder that the server shows.

    ``domain_probability`` is that of ``domain``; ``model`` says who suggests.
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


@dataclass(frozen=True)
class AnonymousVote:
    """A vote as the lead sees it: without a name."""

    tags: tuple[str, ...]
    domain: str | None
    caption: str | None
    skipped: bool


def labelling_task(shown: Shown, *, blind: bool, hints: bool) -> dict[str, Any]:
    """Task of the labelling project. Nothing in it tells a gold sticker from another."""
    keywords = shown.keywords if hints else ()
    task = _task(shown, _sticker(shown) + _frames(shown) + _keywords(keywords))
    prediction = None if blind else _prediction(shown)
    return task if prediction is None else {**task, "predictions": [prediction]}


def adjudication_task(shown: Shown, votes: Sequence[AnonymousVote]) -> dict[str, Any]:
    """Task of the adjudication project: the votes as A, B, C in the given order."""
    task = _task(shown, _sticker(shown) + _frames(shown))
    rows = "".join(_vote(chr(ord("A") + n), vote) for n, vote in enumerate(votes))
    return {**task, "data": {**task["data"], "votes": f"<table>{rows}</table>"}}


def screening_task(shown: Shown, *, score: float | None, blurred: bool) -> dict[str, Any]:
    """Task of the screening project; a blurred sticker is clear while it is pressed or chosen."""
    said = "" if score is None else f"<p>safety score {score:.2f}</p>"
    html = _sticker(shown, blurred=blurred) + ("" if blurred else _frames(shown)) + said
    return _task(shown, html + _keywords(() if blurred else shown.keywords))


def _task(shown: Shown, html: str) -> dict[str, Any]:
    data = {"html": html, "sticker_id": shown.id, "sha256": shown.id, "batch": shown.batch}
    return {"data": data, "meta": {"batch": shown.batch}}


def _sticker(shown: Shown, *, blurred: bool = False) -> str:
    image = f'<img src="{_address(shown.path)}" alt="" style="{_SIZE}'
    if not blurred:
        return f'<div>{image}"></div>'
    # Without a script: a closed <details> hides what it holds until it is clicked.
    cover = f'{image};filter:blur(28px)">'
    return (
        f'<div>{cover}</div><details><summary>click to see it clearly</summary>{image}"></details>'
    )


_SIZE = "max-width:400px;max-height:340px;min-width:160px;object-fit:contain"


def _frames(shown: Shown) -> str:
    if len(shown.frames) < 2:
        return ""
    style = "height:72px;margin:6px 6px 0 0"
    return "<div>" + "".join(
        f'<img src="{_address(name)}" alt="" style="{style}">' for name in shown.frames
    ) + "</div>"  # fmt: skip


def _keywords(keywords: Iterable[str]) -> str:
    words = "".join(
        f'<span style="background:#eee;border-radius:4px;padding:1px 6px;margin:0 6px 4px 0;'
        f'display:inline-block">{_text(word)}</span>'
        for word in keywords
    )
    return f'<p style="margin-top:8px">{words}</p>' if words else ""


def _vote(name: str, vote: AnonymousVote) -> str:
    if vote.skipped:
        said = "<i>skipped</i>"
    else:
        tags = ", ".join(map(_text, vote.tags)) or "<i>no tag</i>"
        said = f"<b>{tags}</b><br>{_text(vote.domain or '')} {_text(vote.caption or '')}"
    cell = "padding:4px 10px;border-bottom:1px solid #ddd;vertical-align:top"
    return f'<tr><td style="{cell}">{name}</td><td style="{cell}">{said}</td></tr>'


def _prediction(shown: Shown) -> dict[str, Any] | None:
    regions = []
    if shown.tags:
        regions.append(_region("tags", "taxonomy", [[tag] for tag in shown.tags], None))
    if shown.domain:
        regions.append(_region("domain", "choices", [shown.domain], shown.domain_probability))
    if shown.caption:
        regions.append(_region("caption", "textarea", [shown.caption], None))
    if shown.ocr:
        regions.append(_region("ocr", "textarea", [shown.ocr], shown.ocr_score))
    if not regions:
        return None
    scores = [region["score"] for region in regions if "score" in region]
    score = {"score": min(scores)} if scores else {}
    return {"model_version": shown.model[:255], "result": regions, **score}


def _region(name: str, kind: str, value: list[Any], score: float | None) -> dict[str, Any]:
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


def _text(text: str) -> str:
    """Text of a stranger: short, on one line, without markup or control characters."""
    clean = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text)
    return escape(" ".join(clean.split())[:_LONGEST])
