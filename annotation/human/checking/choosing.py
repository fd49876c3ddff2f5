"""Which machine texts people are asked about, and what is shown beside each."""

from __future__ import annotations

import hashlib
import heapq
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from annotation.machine.checked import COLUMNS as CHECKS
from annotation.machine.checked import Key, last_checks
from pipeline.engine.text import one_line
from pipeline.engine.workspace import Workspace

MOST_TEXTS = 3
_CAPTION = ["id", "field", "language", "text", "flags", "error"]
_BESIDE = 300


@dataclass(frozen=True)
class WantedTexts:
    """Of which field and language (None: any), of how many stickers (None: all), whether only
    flagged texts, and whether those that somebody checked already as well."""

    field: str | None = None
    language: str | None = None
    stickers: int | None = 50
    flagged: bool = False
    checked: bool = False


@dataclass(frozen=True)
class MachineText:
    """A text as it is shown, without who wrote it."""

    text: str
    flags: tuple[str, ...]


@dataclass(frozen=True)
class SideBySide:
    """Texts of one field, in one language, of a sticker; ``beside`` are its other texts (what it
    is, the text)."""

    id: str
    field: str
    language: str
    texts: tuple[MachineText, ...]
    beside: tuple[tuple[str, str], ...]


def choose_texts(workspace: Workspace, wanted: WantedTexts, identity: str) -> list[SideBySide]:
    """What to ask about: kept stickers in the order of their ids, which is a random one.

    Equal texts of several models are one. Texts stand in an order that the ledger's ``identity``
    and the sticker decide, so that a place tells nothing of a model.
    """
    checks = last_checks(workspace.read("text_checks", columns=CHECKS))
    chosen = _stickers(workspace, wanted, set(checks))
    found: list[SideBySide] = []
    for parts in workspace.blocks:
        rows = _candidates(workspace, parts, wanted)
        rows = rows.filter(pc.is_in(rows["id"], value_set=chosen))
        if not len(rows):
            continue
        beside = _beside(workspace, parts, chosen)
        for (id_, field, language), texts in _grouped(rows, wanted, set(checks)).items():
            order = sorted(texts, key=lambda text: _draw(identity, id_, field, language, text))
            shown = tuple(MachineText(text, texts[text]) for text in order[:MOST_TEXTS])
            others = tuple(
                (name, text) for name, text in beside[id_] if name != f"{field} {language}"
            )
            found.append(SideBySide(id_, field, language, shown, others))
    return sorted(found, key=lambda one: (one.id, one.field, one.language))


def _stickers(workspace: Workspace, wanted: WantedTexts, checked: Collection[Key]) -> pa.Array:
    """The first stickers with texts to ask about."""
    ids: list[str] = []
    for parts in workspace.blocks:
        rows = _candidates(workspace, parts, wanted)
        if not wanted.checked and checked:
            about = pa.array(sorted({key[0] for key in checked}), pa.string())
            looked = pc.is_in(rows["id"], value_set=about)
            open_ = _grouped(rows.filter(looked), wanted, checked)
            here = pc.unique(rows.filter(pc.invert(looked))["id"]).to_pylist()
            ids += [*here, *{id_ for id_, *_ in open_}]
        else:
            ids += pc.unique(rows["id"]).to_pylist()
        if wanted.stickers is not None:
            ids = heapq.nsmallest(wanted.stickers, ids)
    return pa.array(sorted(ids), pa.string())


def _candidates(workspace: Workspace, parts: Sequence[int], wanted: WantedTexts) -> pa.Table:
    """Texts of kept stickers that are asked about, checked or not."""
    rows = workspace.read("captions", parts, _CAPTION)
    kept = workspace.read("decisions", parts, ["id", "kept"])
    kept_ids = kept.filter(kept["kept"])["id"].combine_chunks()
    said = pc.and_(pc.is_valid(rows["text"]), pc.is_null(rows["error"]))
    said = pc.and_(said, pc.not_equal(rows["text"], ""))
    said = pc.and_(said, pc.is_in(rows["id"], value_set=kept_ids))
    for name, value in (("field", wanted.field), ("language", wanted.language)):
        if value is not None:
            said = pc.and_(said, pc.equal(rows[name], value))
    if wanted.flagged:
        said = pc.and_(said, pc.greater(pc.list_value_length(rows["flags"]), 0))
    return rows.filter(pc.fill_null(said, False))


def _grouped(
    rows: pa.Table, wanted: WantedTexts, checked: Collection[Key]
) -> dict[tuple[str, str, str], dict[str, tuple[str, ...]]]:
    """Texts and their flags by sticker, field and language."""
    groups: dict[tuple[str, str, str], dict[str, tuple[str, ...]]] = {}
    for row in rows.to_pylist():
        key = (row["id"], row["field"], row["language"])
        if wanted.checked or (*key, row["text"]) not in checked:
            texts = groups.setdefault(key, {})
            flags = {*texts.get(row["text"], ()), *(row["flags"] or ())}
            texts[row["text"]] = tuple(sorted(flags))
    return groups


def _beside(
    workspace: Workspace, parts: Sequence[int], chosen: pa.Array
) -> Mapping[str, list[tuple[str, str]]]:
    """What else is known of the stickers: the text on them, their keywords, other languages."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in _about(workspace, "ocr", parts, ["text"], chosen):
        if row["text"]:
            found[row["id"]].append(("ocr", one_line(row["text"], _BESIDE)))
    words: dict[str, dict[str, None]] = defaultdict(dict)
    for row in _about(workspace, "observations", parts, ["query", "title"], chosen):
        said = (row["query"], row["title"])
        words[row["id"]].update(dict.fromkeys(one_line(word) for word in said if word))
    for id_, several in words.items():
        found[id_].append(("keywords", one_line(" · ".join(several), _BESIDE)))
    columns = [f"caption_{name}" for name in ("en", "zh")]
    for row in _about(workspace, "descriptions", parts, columns, chosen):
        for name in columns:
            if row[name]:
                found[row["id"]].append((name.replace("_", " "), one_line(row[name], _BESIDE)))
    return found


def _about(
    workspace: Workspace, table: str, parts: Sequence[int], columns: list[str], chosen: pa.Array
) -> Iterator[dict[str, Any]]:
    rows = workspace.read(table, parts, ["id", *columns])
    yield from rows.filter(pc.is_in(rows["id"], value_set=chosen)).to_pylist()


def _draw(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).digest()
