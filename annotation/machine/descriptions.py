"""The preferred text of each field: one row a sticker, of all that captioners ever said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from annotation.machine.captions import load_captioner
from annotation.machine.chat import Model
from annotation.machine.checked import COLUMNS as CHECKS
from annotation.machine.checked import PEOPLE, UNCHECKED, WRONG, judged
from annotation.machine.checks import TRIMMED
from annotation.machine.imported import IMPORTED, with_imported
from pipeline.engine.columns import known_numbers, lists_of
from pipeline.engine.stage import Output, Reader, Step
from schemas.config import Config
from schemas.tables import DESCRIPTION_FIELDS
from schemas.tables import DESCRIPTIONS as TABLE

Row = Mapping[str, Any]
Rows = npt.NDArray[np.int64]

TEMPLATE = "template"
LANGUAGES = ("en", "zh")
SOURCES: Mapping[str, tuple[str, ...]] = {
    "caption": ("vsd2m caption", "caption", "sticker820k description", "template description"),
    "description": ("vsd2m description", "sticker820k description"),
}
"""Where a column comes from, the best first, as prompt set and field; or the field of any set.

A column that isn't named here comes from the field of its own name. What an imported data set says
comes behind all that models say. The template's sentence is a caption of last resort, and no
description: it looks at nothing.
"""


_KIND = ["captioner", "model", "revision", "prompt", "field", "language"]
_ASKED = ["asked_at", "error"]
_COLUMNS = ["id", *_KIND, "text", "flags", *_ASKED]
_LAST = 1000  # behind every place among SOURCES


@dataclass(frozen=True)
class Preference:
    """Which of several texts is taken: see ``annotate.prefer`` and ``annotate.accept_flags``."""

    prefer: tuple[str, ...]
    accept: frozenset[str]
    captioner: str
    model: str | None
    revision: str | None
    text_model: Model | None = None


def choose(
    captions: pa.Table,
    ids: pa.ChunkedArray,
    preference: Preference,
    checks: pa.Table | None = None,
) -> pa.Table:
    """The rows of ``descriptions`` of some stickers, from their rows of ``captions``.

    Of ``checks``, which has columns of ``text_checks``: what people corrected comes before all
    else and what they found right next, flagged or not; what they found wrong is left out.
    """
    verdicts: Rows = np.full(len(captions), UNCHECKED)
    if checks is not None:
        captions, verdicts = judged(captions, checks)
    wanted = _usable(captions, preference.accept).to_numpy() | (verdicts < UNCHECKED)
    wanted &= verdicts != WRONG
    usable, verdicts = captions.filter(pa.array(wanted)), verdicts[wanted]
    kinds, kind_of = _kinds(usable)
    stickers = pc.index_in(usable["id"], value_set=ids.combine_chunks()).to_numpy()
    # The newest among equals, and of those of one time the first.
    newest = pc.rank(pc.fill_null(usable["asked_at"], ""), "descending", tiebreaker="first")
    columns: dict[str, pa.ChunkedArray] = {"id": ids}
    best: dict[str, Rows] = {}
    for column, _ in DESCRIPTION_FIELDS:
        ranks = _ranks(column, kinds, preference)[kind_of]
        ranks = np.where(ranks < 0, ranks, ranks + verdicts * (len(kinds) + 1))
        best[column] = _first(len(ids), stickers, ranks, newest.to_numpy())
        columns[column] = usable["text"].take(known_numbers(best[column]))
    chosen = [known_numbers(best[f"caption_{name}"]) for name in LANGUAGES]
    columns["captioner"] = pc.coalesce(*map(usable["captioner"].take, chosen))
    names = sorted({_writer(kind) for kind in kinds})
    writer_of = np.array([names.index(_writer(kind)) for kind in kinds], np.int64)
    # The last one stands for a text that nobody wrote.
    writers = np.append(writer_of[kind_of], -1)
    columns["written_by"] = _distinct([writers[rows] for rows in best.values()], names)
    return pa.table(columns).select(TABLE.schema.names).cast(TABLE.schema)


def _usable(captions: pa.Table, accept: frozenset[str]) -> pa.ChunkedArray:
    """Whether a caption has a text, no error and no flag that isn't accepted."""
    flags = captions["flags"].combine_chunks()
    accepted = pc.is_in(pc.list_flatten(flags), value_set=pa.array(sorted(accept), pa.string()))
    barred = np.zeros(len(captions), bool)
    barred[pc.list_parent_indices(flags).filter(pc.invert(accepted)).to_numpy()] = True
    said = pc.and_(pc.is_valid(captions["text"]), pc.is_null(captions["error"]))
    return pc.and_(said, pa.chunked_array([pa.array(~barred)]))


def _kinds(captions: pa.Table) -> tuple[list[Row], Rows]:
    """What tells captions apart but for their sticker and text, once, and each row's place in it.

    There are as many as models, prompts and fields, however many the stickers are.
    """
    codes: Rows = np.zeros(len(captions), np.int64)
    for name in _KIND:
        column = captions[name].combine_chunks().dictionary_encode("encode")
        # Numbered anew each time, so that no product grows beyond an integer.
        codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
        codes = codes * (len(column.dictionary) + 1) + column.indices.to_numpy()
    _, first, places = np.unique(codes, return_index=True, return_inverse=True)
    return captions.select(_KIND).take(pa.array(first)).to_pylist(), places


def _ranks(column: str, kinds: Sequence[Row], preference: Preference) -> Rows:
    """How well each kind of caption fits a column, 0 the best; -1 where it doesn't."""
    field, _, ending = column.rpartition("_")
    languages = (ending,) if ending in LANGUAGES else LANGUAGES
    name = field if ending in LANGUAGES else column
    keys = [
        (source, *_rank(kind, preference), languages.index(kind["language"]))
        if kind["language"] in languages and (source := _source(name, kind)) is not None
        else None
        for kind in kinds
    ]
    known = sorted({key for key in keys if key is not None})
    order = {key: place for place, key in enumerate(known)}
    return np.array([-1 if key is None else order[key] for key in keys], np.int64)


def _first(stickers: int, of: Rows, ranks: Rows, newest: Rows) -> Rows:
    """The row of each sticker whose rank is best, the newest of equals; -1 where none has one."""
    rows = np.flatnonzero(ranks >= 0)
    rows = rows[np.lexsort((newest[rows], ranks[rows], of[rows]))]
    found = np.full(stickers, -1, np.int64)
    owners, places = np.unique(of[rows], return_index=True)
    found[owners] = rows[places]
    return found


def _distinct(columns: Sequence[Rows], names: Sequence[str]) -> pa.ListArray:
    """Names of each sticker over all columns, each at its first place; -1 is no name."""
    kept = [column >= 0 for column in columns]
    for place, column in enumerate(columns):
        for earlier in columns[:place]:
            kept[place] &= column != earlier
    mask = np.stack(kept, axis=1)
    texts = pa.array(list(names), pa.string()).take(pa.array(np.stack(columns, axis=1)[mask]))
    return lists_of(np.nonzero(mask)[0], texts, len(mask))


def is_caption(row: Row) -> bool:
    """Whether a row of ``captions`` may be a sticker's caption."""
    return _source("caption", row) is not None


def _source(name: str, row: Row) -> int | None:
    """Place of a caption's field among the sources of a column; None where it is none of them."""
    if row["captioner"] == IMPORTED:
        return _LAST if row["field"] == name else None
    writer = TEMPLATE if row["captioner"] == TEMPLATE else str(row["prompt"]).partition("/")[0]
    known = enumerate(SOURCES.get(name, (name,)))
    fields = (row["field"], f"{writer} {row['field']}")
    place = next((place for place, source in known if source in fields), None)
    return place if place is None or writer != TEMPLATE else _LAST + 1 + place


def _rank(row: Row, preference: Preference) -> tuple[int, bool]:
    names = (row["captioner"], row["model"], f"{row['model']}@{row['revision']}")
    places = [preference.prefer.index(name) for name in names if name in preference.prefer]
    now = [(preference.captioner, preference.model, preference.revision)]
    if preference.text_model is not None:
        text = preference.text_model
        now.append((preference.captioner, text.name, text.revision))
    is_now = (row["captioner"], row["model"], row["revision"]) in now
    return min(places, default=len(preference.prefer)), not is_now


def _writer(row: Row) -> str:
    if row["captioner"] == PEOPLE:
        return PEOPLE
    if row["model"] is None:
        return str(row["prompt"])
    return f"{Model(row['model'], row['revision']).title} {row['prompt']}"


def _settings(config: Config) -> dict[str, Any]:
    chosen = config.annotate
    captioner = load_captioner(config)
    model, text = captioner.model(), captioner.text()
    other = text.model() if text else None
    return {
        **({"text_model": [other.name, other.revision]} if other else {}),
        "prefer": list(chosen.prefer),
        "accept": sorted({*chosen.accept_flags, TRIMMED}),
        "captioner": chosen.captioner,
        "model": model.name if model else None,
        "revision": model.revision if model else None,
    }


def _describe(reader: Reader, settings: Mapping[str, Any]) -> Iterator[Output]:
    preference = Preference(
        tuple(settings["prefer"]),
        frozenset(settings["accept"]),
        settings["captioner"],
        settings["model"],
        settings["revision"],
        Model(*settings["text_model"]) if "text_model" in settings else None,
    )
    checks = reader.read("text_checks", columns=CHECKS)
    for block in reader.blocks:
        ids = reader.read("stickers", block, ["id"])["id"]
        captions = reader.read("captions", block, _COLUMNS)
        captions = with_imported(captions, reader.read("imported", block), TEMPLATE)
        yield TABLE.name, block, choose(captions, ids, preference, checks)


DESCRIPTIONS = Step(
    name="descriptions",
    version=2,
    reads=("stickers", "captions", "imported", "text_checks"),
    writes=("descriptions",),
    settings=_settings,
    run=_describe,
    optional=("imported", "text_checks"),
    each_block=True,
)
