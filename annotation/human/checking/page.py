"""The page on which people say of machine texts, side by side, which are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from annotation.human.checking.choosing import SideBySide
from annotation.human.checking.saved import MOST_CHARACTERS
from annotation.human.checking.words import WORDS
from pipeline.engine.page.embedded import data_json
from pipeline.engine.page.pictures import animated_among, load_pictures
from pipeline.engine.page.render import SCRIPTED, Page, write_page
from pipeline.engine.withheld import withheld_stickers
from pipeline.engine.workspace import Workspace
from schemas.questions import Language

FILE = "texts.json"
_SIDE = 240
_MOVING = 500


def write_texts_page(
    workspace: Workspace,
    target: Path,
    groups: Sequence[SideBySide],
    identity: str,
    language: Language,
) -> Path:
    """Write the page; what people say there is saved as a file for ``label texts --apply``."""
    ids = sorted({group.id for group in groups})
    pictures = load_pictures(workspace, ids, animated_among(workspace, ids)[:_MOVING], _SIDE)
    withheld = withheld_stickers(workspace)
    words = WORDS[language]
    data = {
        "workspace": identity,
        "place": f"stickerworks texts {identity}",
        "file": FILE,
        "most": MOST_CHARACTERS,
        "language": language,
        "words": words,
        "groups": [{**asdict(group), "hidden": group.id in withheld} for group in groups],
    }
    page = Page(
        folder=Path(__file__).parent,
        title=words["title"],
        kind="stickerworks label texts",
        lead="",
        contents=(),
        scripts=(SCRIPTED, "page.js"),
    )
    shown = {id_: {"still": one.still, "motion": one.motion} for id_, one in pictures.items()}
    values = {
        "data": data_json(data),
        "pictures": data_json(shown),
        "words": words,
        "file": FILE,
        "stickers": len(ids),
    }
    return write_page(target, page, values)
