"""What the workspace says of stickers as rows of a release: column by column, a block at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.columns import entries, lists_of
from pipeline.engine.counting import filled
from pipeline.engine.errors import StickerworksError
from pipeline.release.answers import answered_columns
from pipeline.release.imported import imported_texts
from pipeline.release.inputs import Block
from pipeline.release.lists import distinct_words, first_of, sorted_lists
from pipeline.release.redact import public_texts, public_urls
from schemas.config import ReleaseConfig
from schemas.release import AskedQuestion
from schemas.tables import DESCRIPTION_FIELDS, REASON, REASONS

DECISIONS = pa.schema(
    [("id", pa.string()), ("outcome", pa.string()), ("reasons", REASONS), ("split", pa.string())]
)
"""Columns of a release's ``decisions.parquet``."""


NO_PICTURES = ("mp4", "tgs", "webm")
"""Formats that no reader of pictures opens: such rows carry everything but their bytes."""


def outcomes(block: Block, config: ReleaseConfig) -> pa.Table:
    """Outcome, reasons and split (null when left out) of every sticker of a block.

    ``outcome`` is ``released``, ``dropped`` or ``failed`` by the decisions, or ``left_out`` with
    our own reason when a kept sticker is not part of this release.
    """
    ids, decisions = block["stickers"]["id"], block["decisions"]
    kept, split, status = decisions["kept"], block["splits"]["split"], label_status(block)
    assigned = pc.is_valid(split)
    _check_decided(ids, kept, split, status)
    unsplit = pc.and_(kept, pc.invert(assigned))
    unlabelled = pc.and_(pc.and_(kept, assigned), pc.not_equal(status, "effective"))
    unwanted = pc.and_(unlabelled, config.labelled_only)
    left_out = pc.or_(unsplit, unwanted)
    released = pc.and_(kept, pc.invert(left_out))
    outcome = pc.if_else(kept, pc.if_else(left_out, "left_out", "released"), decisions["outcome"])
    added = [
        (unsplit, "no_split", _where(unsplit, "no split was assigned")),
        (unwanted, "labelled_only", status),
    ]
    columns = [ids, outcome, _reasons(decisions["reasons"], added), _where(released, split)]
    return pa.table(columns, schema=DECISIONS)


def release_rows(block: Block, questions: Sequence[AskedQuestion] = ()) -> pa.Table:
    """A row of the release for every sticker of a block, but for its image."""
    signals, labels, descriptions = block["signals"], block["labels"], block["descriptions"]
    voted = filled(labels["domain"], None)
    classified = filled(block["domain"]["domain"], None)
    # Without any answer of people, a label says what a data set says.
    answered = pc.or_(
        pc.is_in(labels["provenance"], value_set=pa.array(["votes", "adjudication", "review"])),
        pc.greater(pc.fill_null(labels["votes"], 0), 0),
    )
    # Who changed the label of a sticker that nobody voted on looked at all of it.
    unvoted = pc.equal(pc.fill_null(labels["votes"], 0), 0)
    whole = pc.and_(unvoted, pc.fill_null(pc.equal(labels["provenance"], "review"), False))
    reviewed = pc.or_(whole, pc.fill_null(labels["domain_reviewed"], False))
    said_by = pc.if_else(reviewed, "review", pc.if_else(answered, "votes", "imported"))
    count = len(signals)
    return pa.table(
        {
            "id": block["stickers"]["id"],
            "format": block["stickers"]["format"],
            **{name: signals[name] for name in signals.schema.names if name != "flags"},
            "tags": _sorted(labels["tags"]),
            "label_status": label_status(block),
            "label_provenance": labels["provenance"],
            "suggested_tags": _sorted(block["suggestions"]["tags"]),
            "domain": pc.coalesce(voted, classified),
            "domain_provenance": pc.coalesce(
                _where(pc.is_valid(voted), said_by),
                _where(pc.is_valid(classified), "classifier"),
            ),
            **{name: descriptions[name] for name, _ in DESCRIPTION_FIELDS},
            "captioner": descriptions["captioner"],
            "written_by": lists_of(*entries(descriptions["written_by"]), count),
            "ocr_text": block["ocr"]["text"],
            **_provenance(block["observations"], count),
            "test_sets": _sorted(block["splits"]["test_sets"]),
            "duplicate_group": block["duplicates"]["group"],
            "template_id": block["duplicates"]["template_id"],
            "annotators": pc.fill_null(labels["votes"], 0),
            "simulated": pc.fill_null(labels["simulated"], False),
            "imported": imported_texts(block["imported"], count),
            "flags": _sorted(signals["flags"]),
            **answered_columns(labels["answers"], questions),
        }
    )


def label_status(block: Block) -> pa.ChunkedArray:
    """Status of each sticker's labels; ``unlabelled`` before any merge."""
    return filled(block["labels"]["status"], "unlabelled")


def carries_image(block: Block) -> pa.Array:
    """Whether a release carries a sticker's bytes: any source that showed them allows it, and
    they are a picture, so that whoever loads the column ``image`` gets pictures or nothing."""
    observations, allowed = block["observations"], np.zeros(len(block["stickers"]), bool)
    # An unknown (null) permission is none.
    allowed[observations.filter(observations["redistribute"])["row"].to_numpy()] = True
    moving = pc.is_in(block["stickers"]["format"], value_set=pa.array(NO_PICTURES, pa.string()))
    return pc.and_not(pa.array(allowed), moving.combine_chunks())


def _check_decided(ids: Any, kept: Any, split: Any, status: Any) -> None:
    dropped = pc.and_(pc.invert(kept), pc.is_valid(split))
    for number in pc.indices_nonzero(dropped).to_pylist():
        raise StickerworksError(
            f"Sticker {ids[number]} has the split {split[number].as_py()!r} but was not kept: "
            "splits are out of date.",
            "Run `stickerworks split` again.",
        )
    stale = pc.and_(pc.and_(kept, pc.is_valid(split)), pc.equal(status, "dropped"))
    for number in pc.indices_nonzero(stale).to_pylist():
        raise StickerworksError(
            f"Sticker {ids[number]} is kept, but its label is from when it wasn't: labels are out "
            "of date.",
            "Run `stickerworks merge` again.",
        )


def _reasons(column: Any, added: list[tuple[Any, str, Any]]) -> pa.ListArray:
    """Reasons without secrets, and behind a sticker's own what we add: where, rule and detail."""
    rows, own = entries(column)
    rule, value, threshold, detail = (pc.struct_field(own, field.name) for field in REASON)
    found = [(rows, rule, value, threshold, public_texts(detail))]
    for where, name, details in added:
        places = pc.indices_nonzero(where)
        nothing = pa.nulls(len(places), pa.float64())
        rules = pa.array([name] * len(places), pa.string())
        found.append(
            (places.to_numpy(), rules, nothing, nothing, details.combine_chunks().take(places))
        )
    order = np.argsort(np.concatenate([rows for rows, *_ in found]), kind="stable")
    whole = [pa.concat_arrays(parts) for parts in list(zip(*found, strict=True))[1:]]
    reasons = pa.StructArray.from_arrays(whole, fields=list(REASON)).take(pa.array(order))
    return lists_of(np.concatenate([rows for rows, *_ in found])[order], reasons, len(column))


def _provenance(observations: pa.Table, count: int) -> dict[str, Any]:
    rows = observations["row"].to_numpy()
    tagged, tags = entries(observations["tags"])
    pack = pc.coalesce(*(filled(observations[name], None) for name in ("pack_title", "pack_id")))
    named = pc.is_valid(pack)
    deciding = _deciding(observations)
    urls = [(rows, public_urls(observations[name])) for name in ("media_url", "page_url")]
    return {
        "keywords": distinct_words(
            [(rows, observations["query"]), (rows, observations["title"]), (rows[tagged], tags)],
            count,
        ),
        "trigger_words": distinct_words([(rows, observations["query"])], count),
        "pack": first_of(rows[named.to_numpy()], pack.filter(named), count),
        "sources": distinct_words([(rows, observations["source"])], count),
        "source_urls": distinct_words(urls, count),
        "authors": distinct_words([(rows, public_texts(observations["author"]))], count),
        **{
            name: first_of(deciding["row"].to_numpy(), values, count)
            for name, values in (
                ("licence", deciding["licence"]),
                ("licence_basis", deciding["licence_basis"]),
                ("licence_url", public_urls(deciding["licence_url"])),
            )
        },
    }


def _deciding(observations: pa.Table) -> pa.Table:
    """Observations by sticker, first the one whose licence is the release's.

    One that allows redistribution, a licence stated for the item, then for the site; the first
    in the table among equals.
    """
    allowed = pc.fill_null(observations["redistribute"], False).to_numpy()
    basis = pc.fill_null(pc.index_in(observations["licence_basis"], pa.array(["item", "site"])), 2)
    return observations.take(
        pa.array(np.lexsort((basis.to_numpy(), ~allowed, observations["row"].to_numpy())))
    )


def _sorted(column: Any) -> pa.ListArray:
    return sorted_lists(*entries(column), len(column))


def _where(condition: Any, values: Any) -> Any:
    return pc.if_else(condition, values, pa.scalar(None, pa.string()))
