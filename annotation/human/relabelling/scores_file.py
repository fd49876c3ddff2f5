"""Scores of a baseline, as `stickerworks predict --json` tells them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from annotation.human.relabelling.scored import Scores
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import read_regular
from pipeline.engine.text import plain

_MOST_BYTES = 500_000_000
_MOST_SCORES = 200_000_000
_ID = re.compile(r"[0-9a-f]{64}")
_FORM = (
    "Write it with `stickerworks predict --run RUN --json --top 1000 FILES > scores.json`, with "
    "files named by their ids, as those in media/ are."
)


def read_scores(path: Path) -> tuple[Scores, Path | None]:
    """The scores of each sticker whose file is named by its id, and the folder of the run that
    gave them, where that is said; other files are passed over.

    Raises StickerworksError where the file is none of scores, or names no sticker.
    """
    try:
        said = json.loads(read_regular(path, _MOST_BYTES).decode("utf-8-sig"))
    except OSError as error:
        raise StickerworksError(
            f"{plain(str(path))} can't be read: {error.strerror}.", _FORM
        ) from error
    except (ValueError, RecursionError) as error:
        raise StickerworksError(f"{plain(str(path))} is no JSON.", _FORM) from error
    rows: dict[str, dict[str, float]] = {}
    for id_, scores in _images(said, path):
        if id_ in rows:
            raise StickerworksError(f"{plain(str(path))} scores {id_} twice.", _FORM)
        rows[id_] = scores
    if not rows:
        raise StickerworksError(
            f"{plain(str(path))} has scores of no file that is named by a sticker's id.", _FORM
        )
    run = said.get("run")
    return _matrix(rows, path), Path(run) if isinstance(run, str) and "\0" not in run else None


def _matrix(rows: dict[str, dict[str, float]], path: Path) -> Scores:
    tags = tuple(sorted({tag for scores in rows.values() for tag in scores}))
    if len(rows) * len(tags) > _MOST_SCORES:
        raise StickerworksError(
            f"{plain(str(path))} has {len(rows):,} stickers and {len(tags):,} tags: too many.",
            "Give the scores of fewer stickers.",
        )
    place = {tag: column for column, tag in enumerate(tags)}
    values = np.full((len(rows), len(tags)), np.nan)
    for row, scores in enumerate(rows.values()):
        values[row, [place[tag] for tag in scores]] = list(scores.values())
    return Scores(tuple(rows), tags, values)


def _images(said: Any, path: Path) -> Iterator[tuple[str, dict[str, float]]]:
    images = said.get("images") if isinstance(said, dict) else None
    if not isinstance(images, list):
        raise StickerworksError(f"{plain(str(path))} has no scores of images.", _FORM)
    for number, image in enumerate(images, start=1):
        try:
            stem = Path(str(image["file"])).name.partition(".")[0]
            scores = {_tag(one["tag"]): _score(one["score"]) for one in image["tags"]}
        except (TypeError, KeyError, ValueError, OverflowError) as error:
            raise StickerworksError(
                f"{plain(str(path))}: image {number} has no file, or no tags with scores.", _FORM
            ) from error
        if _ID.fullmatch(stem):
            yield stem, scores


def _tag(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _score(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("no number")
    if not math.isfinite(value):
        raise ValueError("not finite")
    return float(value)
