"""What is shown of the stickers that a search finds: labels, votes, texts, and what they match."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.merge import current_votes
from annotation.human.migration import migrate, read_changes
from annotation.human.review.block import Block
from annotation.human.review.conditions import fold
from annotation.human.review.labels import LabelNow, read_labels
from annotation.human.review.wanted import Wanted
from pipeline.engine.storage import scan_table
from pipeline.engine.text import one_line
from pipeline.engine.withheld import withheld_stickers
from pipeline.engine.workspace import Workspace

_TEXTS = ("caption_en", "caption_zh", "description_en", "description_zh", "content")
_VOTE = [
    "id", "annotator", "skipped", "tags", "domain", "caption", "answers", "tagset", "sequence",
    "annotation", "quarantined",
]  # fmt: skip
_MOST_CHARACTERS, _AROUND = 600, 40
Row = Mapping[str, Any]


@dataclass(frozen=True)
class ShownSticker:
    """A sticker with all that helps to judge its label.

    ``votes`` are what people say now, in no order that tells who; ``texts`` (where it stands, the
    text); ``why`` says what of it matches the search. ``hidden`` ones are seen after a click.
    """

    id: str
    label: LabelNow
    agreement: float | None
    provenance: str | None
    split: str | None
    counts: tuple[tuple[str, int], ...]
    votes: tuple[Row, ...]
    texts: tuple[tuple[str, str], ...]
    pack: str
    flags: tuple[str, ...]
    score: float | None
    hidden: bool
    why: tuple[str, ...]


def read_shown(
    workspace: Workspace,
    ids: Sequence[str],
    wanted: Wanted,
    screening: tuple[str, float],
    *,
    names: bool = False,
) -> list[ShownSticker]:
    """The stickers of those ids, in their order.

    ``screening`` is the measure that says how unsafe one is, and its value from which it is
    hidden; so is what people flagged, and what looks like that. ``names`` tells who voted.
    """
    chosen = pa.array(sorted(ids), pa.string())
    votes = _votes(workspace, chosen, names=names)
    flags = _flags_given(workspace, chosen)
    withheld = withheld_stickers(workspace)
    found: dict[str, ShownSticker] = {}
    for parts in workspace.blocks:
        block = Block(workspace, parts)
        here = block.among(chosen)
        if not here.any():
            continue
        scores = _scores(workspace, parts, chosen, screening[0])
        texts, packs = _texts(block, here), _packs(block)
        labels = workspace.read("labels", parts)
        agreement = dict(zip(block.ids.to_pylist(), block.agreement().to_pylist(), strict=True))
        rows = labels.filter(pc.is_in(labels["id"], value_set=chosen))
        splits = _values(block, "splits", "split")
        for (id_, label), row in zip(read_labels(rows), rows.to_pylist(), strict=True):
            score, given = scores.get(id_), flags.get(id_, ())
            one = ShownSticker(
                id=id_,
                label=label,
                agreement=agreement[id_],
                provenance=row["provenance"],
                split=splits.get(id_),
                counts=tuple((c["tag"], c["votes"]) for c in row["counts"] or ()),
                votes=tuple(votes.get(id_, ())),
                texts=tuple(texts[id_]),
                pack=packs.get(id_, ""),
                flags=given,
                score=score,
                hidden=id_ in withheld or bool(given) or (score or 0.0) >= screening[1],
                why=(),
            )
            found[id_] = _explained(one, wanted)
    return [found[id_] for id_ in ids if id_ in found]


def _explained(one: ShownSticker, wanted: Wanted) -> ShownSticker:
    """The sticker with what of it matches, as far as that isn't plain to see."""
    texts = (*one.texts, *(("a vote's caption", vote["caption"]) for vote in one.votes))
    why = [
        f"{where}: {_around(text, sought)}"
        for sought in wanted.text
        for where, text in texts
        if fold(sought) in fold(text)
    ]
    why += [f"{votes} gave {tag}" for tag, votes in one.counts if tag in wanted.given]
    why += [line for line in wanted.lines() if not line.startswith(("text", "agreement", "drawn"))]
    return ShownSticker(**{**vars(one), "why": tuple(dict.fromkeys(why))})


def _around(text: str, sought: str) -> str:
    start = fold(text).find(fold(sought))
    begin = max(0, start - _AROUND)
    cut = text[begin : start + len(sought) + _AROUND]
    return ("…" if begin else "") + one_line(cut, None)


def _votes(
    workspace: Workspace, chosen: pa.Array, *, names: bool
) -> dict[str, list[dict[str, Any]]]:
    parts = [
        rows.filter(pc.is_in(rows["id"], value_set=chosen))
        for rows in scan_table(workspace.path("votes"), _VOTE)
    ]
    if not parts:
        return {}
    votes = current_votes(pa.concat_tables(parts))
    votes = migrate(votes, read_changes(workspace.read("tag_changes")))
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in votes.to_pylist():
        found[row["id"]].append(
            {
                "who": row["annotator"] if names else None,
                "skipped": bool(row["skipped"]),
                "tags": sorted(row["tags"] or ()),
                "domain": row["domain"],
                "caption": one_line(row["caption"] or "", 300),
                "answers": [
                    f"{one['question']}: {one_line(', '.join(one['values'] or ()), 120)}"
                    for one in row["answers"] or ()
                ],
            }
        )
    # By what they say, so that their order tells nothing of who said it.
    return {
        id_: sorted(cast, key=lambda vote: (vote["skipped"], vote["tags"], str(vote["domain"])))
        for id_, cast in found.items()
    }


def _flags_given(workspace: Workspace, chosen: pa.Array) -> dict[str, tuple[str, ...]]:
    """What people flagged, in the last of their words on each sticker."""
    rows = workspace.read("flags", columns=["id", "flags", "skipped", "quarantined", "sequence"])
    rows = rows.filter(pc.is_in(rows["id"], value_set=chosen)).sort_by("sequence")
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows.to_pylist():
        if row["quarantined"] is None and not row["skipped"]:
            found[row["id"]] |= set(row["flags"] or ())
    return {id_: tuple(sorted(flags)) for id_, flags in found.items() if flags}


def _scores(
    workspace: Workspace, parts: Sequence[int], chosen: pa.Array, measure: str
) -> dict[str, float]:
    found: dict[str, float] = {}
    for table in ("measures", "expensive_measures"):
        rows = workspace.read(table, parts, ["id", "name", "value"])
        about = pc.and_(pc.equal(rows["name"], measure), pc.is_in(rows["id"], value_set=chosen))
        for row in rows.filter(pc.fill_null(about, False)).to_pylist():
            if row["value"] is not None:
                found[row["id"]] = row["value"]
    return found


def _values(block: Block, table: str, column: str) -> dict[str, Any]:
    return dict(zip(block.ids.to_pylist(), block.column(table, column).to_pylist(), strict=True))


def _texts(block: Block, here: Any) -> dict[str, list[tuple[str, str]]]:
    """Texts of the chosen stickers: captions, OCR, keywords."""
    mask = pa.array(here)
    ids = block.ids.filter(mask).to_pylist()
    found: dict[str, list[tuple[str, str]]] = {id_: [] for id_ in ids}
    columns = [("descriptions", name) for name in _TEXTS] + [("ocr", "text")]
    for table, name in columns:
        title = name if table == "descriptions" else "ocr"
        for id_, text in zip(ids, block.column(table, name).filter(mask).to_pylist(), strict=True):
            if text:
                found[id_].append((title, _short(text)))
    words: dict[str, dict[str, None]] = defaultdict(dict)
    for row in _observed(block, ids, ["query", "title", "tags"]):
        said = (row["query"], row["title"], *(row["tags"] or ()))
        words[row["id"]].update(dict.fromkeys(one_line(word) for word in said if word))
    for id_, all_of in words.items():
        found[id_].append(("keywords", _short(" · ".join(all_of))))
    return found


def _packs(block: Block) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in _observed(block, block.ids.to_pylist(), ["pack_title", "pack_id"]):
        name = row["pack_title"] or row["pack_id"]
        if name:
            found.setdefault(row["id"], one_line(name))
    return found


def _observed(block: Block, ids: Collection[str], columns: list[str]) -> Iterator[Row]:
    _, rows = block.rows("observations", columns)
    chosen = pa.array(sorted(ids), pa.string())
    yield from rows.filter(pc.is_in(rows["id"], value_set=chosen)).to_pylist()


def _short(text: str) -> str:
    return one_line(text, _MOST_CHARACTERS)
