"""How somebody did on gold: only on stickers of batches that they have finished."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from annotation.human.gateway.holdings import OwnTask
from annotation.human.gateway.live import Answer
from annotation.human.studio.gold_file import GoldLabel

Verdict = Literal["same", "partly", "other", "skipped"]
_SHOWN = (".gif", ".png", ".jpeg", ".webp", ".avif", ".bmp", ".webm", ".mp4")


@dataclass(frozen=True)
class GoldAnswer:
    """A gold sticker: its picture below the files that are shown, what was said, what is known."""

    picture: str
    said: Answer
    known: GoldLabel
    verdict: Verdict


def finished_batches(tasks: Sequence[OwnTask], done: Collection[int]) -> list[str]:
    """Batches in which all of somebody's tasks are answered, in order.

    >>> finished_batches([OwnTask(1, 5, "a", "b001", True), OwnTask(1, 6, "b", "b002", False)], {5})
    ['b001']
    """
    open_ = {task.batch for task in tasks if task.task not in done}
    return [batch for batch in dict.fromkeys(task.batch for task in tasks) if batch not in open_]


def compare(said: Answer, known: GoldLabel) -> Verdict:
    """How what was said meets what is known.

    >>> compare(Answer(("joy",), None, False), GoldLabel(("joy", "cat"), None))
    'partly'
    """
    if said.skipped:
        return "skipped"
    domain = known.domain is None or known.domain == said.domain
    if set(said.tags) == set(known.tags) and domain:
        return "same"
    return "partly" if set(said.tags) & set(known.tags) or not known.tags else "other"


def gold_answers(
    files: Path, answers: Mapping[str, Answer], known: Mapping[str, GoldLabel]
) -> list[GoldAnswer]:
    """Answers to gold stickers, those that differ first."""
    order = ("other", "partly", "skipped", "same")
    found = [
        GoldAnswer(_picture(files, sticker), said, known[sticker], compare(said, known[sticker]))
        for sticker, said in answers.items()
        if sticker in known
    ]
    return sorted(found, key=lambda row: order.index(row.verdict))


def _picture(files: Path, sticker: str) -> str:
    if not (sticker.isascii() and sticker.isalnum()):
        return ""
    for ending in _SHOWN:
        name = f"stickers/{sticker[:2]}/{sticker}{ending}"
        if (files / name).is_file():
            return name
    frame = f"frames/{sticker[:2]}/{sticker}-0.jpeg"
    return frame if (files / frame).is_file() else ""
