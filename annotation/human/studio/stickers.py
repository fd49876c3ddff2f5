"""Which stickers can be asked about, and what the tables know to show of each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.errors import StickerworksError
from pipeline.engine.media import COLUMNS as MEDIA_COLUMNS
from pipeline.engine.media import MediaReader
from pipeline.engine.workspace import Workspace

_KEYWORDS = 12
_TEMPLATE = "template"
_ANSWERS = {"emotion": "emotion", "style": "style_class"}
"""Fields of descriptions that answer questions."""

_COLUMNS = {
    "stickers": ["id", "format"],
    "media": MEDIA_COLUMNS,
    "frames": ["id", "key_frames"],
    "ocr": ["id", "text", "lines"],
    "domain": ["id", "domain", "probability"],
    "suggestions": ["id", "tags", "scored", "tagset"],
    "observations": ["id", "query", "title"],
    "descriptions": ["id", "captioner", "caption_en", "caption_zh", *_ANSWERS.values()],
}


@dataclass(frozen=True)
class TaskSource:
    """A sticker's file (its bytes where they lie in a pack) and key frames, and what the machine
    says of it; ``tags`` the likeliest first, ``answers`` to questions by their names."""

    id: str
    format: str
    media: Path | bytes
    key_frames: tuple[bytes, ...]
    keywords: tuple[str, ...]
    ocr: str | None
    ocr_score: float | None
    domain: str | None
    domain_probability: float | None
    tags: tuple[str, ...]
    tagset: str | None
    caption: str | None
    answers: Mapping[str, str] = field(default_factory=dict)


def kept_stickers(workspace: Workspace) -> list[str]:
    """Ids of the kept stickers, sorted; ids are hashes, so this order is a random one."""
    kept: list[str] = []
    for part in workspace.parts:
        decisions = workspace.read("decisions", part, ["id", "kept"])
        kept += decisions.filter(decisions["kept"])["id"].to_pylist()
    return sorted(kept)


def read_sources(
    workspace: Workspace, wanted: Collection[str], language: str
) -> Iterator[TaskSource]:
    """What there is to show of the ``wanted`` stickers, shard by shard.

    Captions are those of a model in ``language``; a template's are left out. Raises
    StickerworksError for a sticker whose file is gone.
    """
    chosen, reader = pa.array(sorted(wanted), pa.string()), workspace.media_reader()
    for part in workspace.parts:
        ids = workspace.read("stickers", part, ["id"])["id"]
        if not pc.any(pc.is_in(ids, value_set=chosen)).as_py():
            continue
        tables = {
            name: _by_id(workspace.read(name, part, columns), chosen)
            for name, columns in _COLUMNS.items()
        }
        for sticker in tables["stickers"]:
            rows = {name: found.get(sticker, []) for name, found in tables.items()}
            yield _source(workspace, reader, sticker, rows, language)


def _by_id(table: pa.Table, chosen: pa.Array) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in table.filter(pc.is_in(table["id"], value_set=chosen)).to_pylist():
        grouped.setdefault(row["id"], []).append(row)
    return grouped


def _source(
    workspace: Workspace,
    reader: MediaReader,
    sticker: str,
    rows: Mapping[str, list[dict[str, Any]]],
    language: str,
) -> TaskSource:
    one = {name: found[0] if found else {} for name, found in rows.items()}
    media = _media(workspace, reader, one["media"])
    if media is None:
        raise StickerworksError(
            f"The file of sticker {sticker} is gone.", "Run `stickerworks crawl` again."
        )
    domain, probability = one["domain"].get("domain"), one["domain"].get("probability")
    if probability is not None and domain == "cartoon":
        probability = 1 - probability
    return TaskSource(
        id=sticker,
        format=one["stickers"]["format"],
        media=media,
        key_frames=tuple(frame["jpeg"] for frame in one["frames"].get("key_frames") or ()),
        keywords=_keywords(rows["observations"]),
        ocr=one["ocr"].get("text") or None,
        ocr_score=_mean([line["score"] for line in one["ocr"].get("lines") or ()]),
        domain=domain,
        domain_probability=probability,
        tags=_best_first(one["suggestions"]),
        tagset=one["suggestions"].get("tagset"),
        caption=_caption(one["descriptions"], language),
        answers=_answers(one["descriptions"]),
    )


def _best_first(suggested: Mapping[str, Any]) -> tuple[str, ...]:
    """Suggested tags, those without a score last."""
    scored = (one["tag"] for one in suggested.get("scored") or ())
    return tuple(dict.fromkeys((*scored, *(suggested.get("tags") or ()))))


def _media(
    workspace: Workspace, reader: MediaReader, place: Mapping[str, Any]
) -> Path | bytes | None:
    """A file can be linked to; bytes of a pack are written anew."""
    if place and place["pack"] is not None:
        return reader.read(place)
    path = place.get("path")
    return None if path is None else workspace.root / path


def _caption(texts: Mapping[str, Any], language: str) -> str | None:
    text: str | None = texts.get(f"caption_{language}")
    return None if texts.get("captioner") == _TEMPLATE else text


def _answers(texts: Mapping[str, Any]) -> dict[str, str]:
    """Classes that a machine named, in the form of values."""
    said = {name: texts.get(column) for name, column in _ANSWERS.items()}
    return {name: "_".join(text.casefold().split()) for name, text in said.items() if text}


def _keywords(observations: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    said = (row[name] for row in observations for name in ("query", "title") if row[name])
    return tuple(dict.fromkeys(said))[:_KEYWORDS]


def _mean(scores: Sequence[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known else None
