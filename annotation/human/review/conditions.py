"""Each condition of a search as a function of a block: which of its stickers meet it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.merge import current_votes
from annotation.human.migration import migrate, read_changes
from annotation.human.review.block import Block, Flags
from annotation.human.review.wanted import Wanted
from pipeline.engine.columns import entries
from pipeline.engine.storage import scan_table
from pipeline.engine.workspace import Workspace

Condition = Callable[[Block], Flags]

_TEXTS = (
    *(("descriptions", name) for name in ("caption_en", "caption_zh")),
    *(("descriptions", name) for name in ("description_en", "description_zh", "content")),
    ("ocr", "text"),
)
_WORDS = ("query", "title")
_CAST = ["id", "annotator", "skipped", "tags", "tagset", "sequence", "annotation", "quarantined"]


def conditions(workspace: Workspace, wanted: Wanted) -> list[Condition]:
    """The conditions of a search, those that cost least first.

    Stickers that the filter dropped are found where their status is asked for, and nowhere else.
    """
    return [*_of_labels(wanted), *_of_votes(workspace, wanted), *_of_texts(workspace, wanted)]


def _of_labels(wanted: Wanted) -> Iterator[Condition]:
    if wanted.status != "dropped":
        yield _kept
    if wanted.id is not None:
        yield partial(_starts, wanted.id.lower())
    for column, value in (("status", wanted.status), ("provenance", wanted.provenance)):
        if value is not None:
            yield partial(_equals, "labels", column, value)
    if wanted.split is not None:
        yield partial(_equals, "splits", "split", wanted.split)
    if wanted.disagreement is not None:
        yield partial(_disagrees, wanted.disagreement)
    for tag in wanted.tag:
        yield partial(_lists, "labels", "tags", None, tag)
    for tag in wanted.given:
        yield partial(_lists, "labels", "counts", "tag", tag)
    for question, value in wanted.answer:
        yield partial(_answers, question, value)


def _of_votes(workspace: Workspace, wanted: Wanted) -> Iterator[Condition]:
    if wanted.batch is not None:
        yield partial(_among, _of_batch(workspace, wanted.batch))
    for name in wanted.annotator:
        yield partial(_among, _voted(workspace, name)["id"].combine_chunks())
    for name in wanted.against:
        yield partial(_differs, _voted(workspace, name))


def _of_texts(workspace: Workspace, wanted: Wanted) -> Iterator[Condition]:
    for flag in wanted.flag:
        yield partial(_flagged, _given_flags(workspace, flag), flag)
    if wanted.pack is not None:
        yield partial(_in_pack, fold(wanted.pack))
    for text in wanted.text:
        yield partial(_says, _written(workspace, fold(text)), fold(text))


def fold(text: str) -> str:
    """Text as it is compared: no case, no full-width forms."""
    return str(_folded(pa.array([text]))[0].as_py())


def _folded(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return pc.utf8_lower(pc.utf8_normalize(texts, "NFKC"))


def _flags(found: pa.Array | pa.ChunkedArray) -> Flags:
    filled = pc.fill_null(found, False)
    whole = filled.combine_chunks() if isinstance(filled, pa.ChunkedArray) else filled
    return np.array(whole.to_numpy(zero_copy_only=False))


def _kept(block: Block) -> Flags:
    return ~_flags(pc.equal(block.column("labels", "status"), "dropped"))


def _starts(prefix: str, block: Block) -> Flags:
    return _flags(pc.starts_with(block.ids, prefix))


def _equals(table: str, column: str, value: str, block: Block) -> Flags:
    return _flags(pc.equal(block.column(table, column), value))


def _disagrees(most: float, block: Block) -> Flags:
    return _flags(pc.less_equal(block.agreement(), most + 1e-9))


def _lists(table: str, column: str, inner: str | None, value: str, block: Block) -> Flags:
    """Which stickers' lists hold a value, as it is folded."""
    owner, values = entries(block.column(table, column))
    names = values if inner is None else pc.struct_field(values, inner)
    return block.marked(owner[_flags(pc.equal(_folded(names), fold(value)))])


def _answers(question: str, value: str, block: Block) -> Flags:
    owner, said = entries(block.column("labels", "answers"))
    asked = _flags(pc.equal(pc.struct_field(said, "question"), question))
    given, values = entries(pa.chunked_array([pc.struct_field(said, "values")]))
    same = _flags(pc.equal(_folded(values), fold(value)))
    holds = np.zeros(len(said), bool)
    holds[given[same]] = True
    return block.marked(owner[asked & holds])


def _among(ids: pa.Array, block: Block) -> Flags:
    return block.among(ids)


def _of_batch(workspace: Workspace, batch: str) -> pa.Array:
    found = [
        rows.filter(_named(rows["batch"], batch))["id"]
        for rows in scan_table(workspace.path("tasks"), ["id", "batch"])
    ]
    return _ids(found)


def _named(column: pa.ChunkedArray, value: str) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(column, value), False)


def _ids(found: list[pa.ChunkedArray]) -> pa.Array:
    chunks = [chunk for column in found for chunk in column.chunks]
    return pc.unique(pa.chunked_array(chunks, pa.string()))


def _voted(workspace: Workspace, annotator: str) -> pa.Table:
    """What somebody's votes say now, in today's tags; skips left out."""
    found = [
        rows.filter(_named(rows["annotator"], annotator))
        for rows in scan_table(workspace.path("votes"), _CAST)
    ]
    if not found:
        return workspace.read("votes", columns=_CAST)
    votes = current_votes(pa.concat_tables(found))
    votes = votes.filter(pc.invert(pc.fill_null(votes["skipped"], False)))
    return migrate(votes, read_changes(workspace.read("tag_changes")))


def _differs(votes: pa.Table, block: Block) -> Flags:
    """Which stickers have labels of other tags than a person's votes on them give.

    Only what votes, the lead or a review settled says tags; nobody is against a label that is
    still open.
    """
    here = pc.is_in(votes["id"], value_set=block.ids)
    votes = votes.filter(here)
    places = pc.index_in(votes["id"], value_set=block.ids).to_numpy().astype(np.int64)
    theirs, ours = votes["tags"], block.column("labels", "tags").take(pa.array(places))
    status = block.column("labels", "status").take(pa.array(places))
    settled = _flags(pc.is_in(status, value_set=pa.array(["effective", "rejected"])))
    return block.marked(places[settled & (_sets(theirs) != _sets(ours))])


def _sets(lists: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """The lists as sorted texts, so that sets compare as one value."""
    return np.array(["\0".join(sorted(set(tags or ()))) for tags in lists.to_pylist()], object)


def _given_flags(workspace: Workspace, flag: str) -> pa.Array:
    """Stickers on which people found a flag."""
    found = []
    for said in scan_table(workspace.path("flags"), ["id", "flags", "quarantined"]):
        rows = said.filter(pc.is_null(said["quarantined"]))
        owner, flags = entries(rows["flags"])
        found.append(rows["id"].take(pa.array(owner[_flags(pc.equal(flags, flag))])))
    return _ids(found)


def _flagged(by_people: pa.Array, flag: str, block: Block) -> Flags:
    measured = _lists("signals", "flags", None, flag, block)
    return measured | _lists("reviews", "flags", None, flag, block) | block.among(by_people)


def _in_pack(pack: str, block: Block) -> Flags:
    places, rows = block.rows("observations", ["pack_title", "pack_id"])
    named = [
        _flags(pc.equal(_folded(rows[name].combine_chunks()), pack))
        for name in rows.column_names[1:]
    ]
    return block.marked(places[named[0] | named[1]])


def _written(workspace: Workspace, text: str) -> pa.Array:
    """Stickers on which people wrote a text: a caption, or what stands on the sticker."""
    found = []
    for rows in scan_table(workspace.path("votes"), ["id", "caption", "ocr", "quarantined"]):
        said = [
            _flags(pc.match_substring(_folded(rows[name]), text)) for name in ("caption", "ocr")
        ]
        counts = _flags(pc.is_null(rows["quarantined"]))
        found.append(rows["id"].filter(pa.array((said[0] | said[1]) & counts)))
    return _ids(found)


def _says(by_people: pa.Array, text: str, block: Block) -> Flags:
    found = block.among(by_people)
    for table, column in _TEXTS:
        found |= _flags(pc.match_substring(_folded(block.column(table, column)), text))
    places, rows = block.rows("observations", [*_WORDS, "tags"])
    for name in _WORDS:
        found |= block.marked(places[_flags(pc.match_substring(_folded(rows[name]), text))])
    owner, tags = entries(rows["tags"])
    return found | block.marked(places[owner[_flags(pc.match_substring(_folded(tags), text))]])
