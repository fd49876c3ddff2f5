"""The review page: what a search found, to be looked at and changed, each change with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotation.human.review.labels import DOMAINS, Vocabulary
from annotation.human.review.shown import ShownSticker
from pipeline.engine.page.embedded import data_json
from pipeline.engine.page.pictures import animated_among, load_pictures
from pipeline.engine.page.render import SCRIPTED, Page, write_page
from pipeline.engine.workspace import Workspace

FILE = "review.json"
_SIDE = 160
_MOVING = 500


@dataclass(frozen=True)
class PageFacts:
    """What a page says of itself: whose labels these are (the ledger's identity), what was looked
    for, and how many there are."""

    identity: str
    lines: Sequence[str]
    found: int


def write_review_page(
    workspace: Workspace,
    target: Path,
    stickers: Sequence[ShownSticker],
    vocabulary: Vocabulary,
    facts: PageFacts,
) -> Path:
    """Write the page; what is changed there is saved as a file for ``label review --apply``."""
    ids = [one.id for one in stickers]
    pictures = load_pictures(workspace, ids, animated_among(workspace, ids)[:_MOVING], _SIDE)
    data = {
        "workspace": facts.identity,
        "place": f"stickerworks review {facts.identity}",
        "file": FILE,
        "tags": None if vocabulary.tags is None else list(vocabulary.tags),
        "domains": list(DOMAINS),
        "questions": [
            {"name": one.name, "title": one.title, "kind": one.kind, "values": list(one.values)}
            for one in vocabulary.questions
        ],
        "stickers": [_shown(one, vocabulary) for one in stickers],
    }
    page = Page(
        folder=Path(__file__).parent,
        title="Labels, looked at again",
        kind="stickerworks label review",
        lead="",
        contents=(),
        scripts=(SCRIPTED, "page.js"),
    )
    shown = {id_: {"still": one.still, "motion": one.motion} for id_, one in pictures.items()}
    values = {
        "data": data_json(data),
        "pictures": data_json(shown),
        "file": FILE,
        "lines": facts.lines,
        "found": facts.found,
        "count": len(ids),
    }
    return write_page(target, page, values)


def _shown(one: ShownSticker, vocabulary: Vocabulary) -> dict[str, Any]:
    fields = ("tags", "domain", *(question.name for question in vocabulary.questions))
    return {
        "id": one.id,
        "status": one.label.status,
        "provenance": one.provenance,
        "split": one.split,
        "agreement": one.agreement,
        "values": {field: list(one.label.of(field)) for field in fields},
        "counts": [list(pair) for pair in one.counts],
        "votes": list(one.votes),
        "texts": [list(pair) for pair in one.texts],
        "pack": one.pack,
        "flags": list(one.flags),
        "score": one.score,
        "hidden": one.hidden,
        "why": list(one.why),
    }
