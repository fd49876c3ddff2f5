"""Screening and decisions: bounds applied to measurements; nothing is decoded here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.earlier import QUARANTINED
from pipeline.engine.plugins import plugin_faults
from pipeline.engine.stage import Output, Reader, Tables
from pipeline.filter.configured import load_measure, load_rule
from pipeline.filter.reasons import Reasons
from pipeline.filter.rules.rule import Rule
from schemas.config import DuplicatesConfig, RuleConfig
from schemas.tables import DECISIONS, SCREENING, TABLES

Bounds = Mapping[str, RuleConfig]

_REFUSED = "Pillow can't open the file as it is: the end or the EXIF block is damaged"
_DAMAGE = ("error", "flags", "frames", "declared_frames")
_KINDS = pa.array(["pixels", "perceptual", "mirror", "crop", "watermark", "motion"])
_COPIES = pa.array(
    ["equal pixels", "looks the same", "mirrored", "cropped, or with a border",
     "with a watermark", "with other timing"]
)  # fmt: skip
_MEASURED = ["id", "name", "value", "error"]


def screen(reader: Reader, settings: Mapping[str, Any]) -> Iterator[Output]:
    """Drop what the cheap rules drop, and what could not be decoded as a whole.

    Settings: ``rules`` (bounds by name) and ``keep_truncated``. A sticker on which a bounded
    measure failed is dropped here, and has failed when all is decided.
    """
    bounds: Bounds = settings["rules"]
    for block in reader.blocks:
        tables = _read(reader, block, bounds, {"signals": _DAMAGE})
        reasons = Reasons(len(tables["stickers"]))
        _add_failures(tables["signals"], "decode", reasons)
        measured = _add_measured(reader, block, bounds, tables["stickers"]["id"], reasons)
        _add_outside(bounds, tables, measured, reasons)
        _add_damaged(tables["signals"], settings["keep_truncated"], reasons)
        kept = pa.array(~reasons.any())
        rows = [tables["stickers"]["id"], kept, reasons.lists()]
        yield SCREENING.name, block, pa.table(rows, schema=SCREENING.schema)


def decide(reader: Reader, settings: Mapping[str, Any]) -> Iterator[Output]:
    """Decide: failed, dropped by a rule, as damaged, as a duplicate or by people who reviewed it,
    or kept.

    Settings: ``rules`` (bounds by name), ``keep_truncated`` and ``duplicates``.
    """
    bounds: Bounds = settings["rules"]
    for block in reader.blocks:
        tables = _read(reader, block, bounds, {"signals": _DAMAGE, "ocr": ("error",)})
        reasons = Reasons(len(tables["stickers"]))
        _add_failures(tables["signals"], "decode", reasons)
        _add_failures(tables["ocr"], "ocr", reasons)
        measured = _add_measured(reader, block, bounds, tables["stickers"]["id"], reasons)
        failed = reasons.any()
        _add_outside(bounds, tables, measured, reasons)
        _add_damaged(tables["signals"], settings["keep_truncated"], reasons)
        _add_duplicates(reader.read("duplicates", block), settings["duplicates"], reasons)
        _add_reviews(reader.read("reviews", block), reasons)
        against = reasons.any()
        outcomes = np.select([failed, against], ["failed", "dropped"], "kept")
        rows = [tables["stickers"]["id"], pa.array(~against), pa.array(outcomes), reasons.lists()]
        yield DECISIONS.name, block, pa.table(rows, schema=DECISIONS.schema)


def rule_values(
    reader: Reader, block: tuple[int, ...], bounds: Bounds
) -> dict[str, pa.ChunkedArray]:
    """What each bounded rule says of the stickers of a block: a number, or null."""
    tables = _read(reader, block, bounds, {})
    reasons = Reasons(len(tables["stickers"]))
    measured = _add_measured(reader, block, bounds, tables["stickers"]["id"], reasons)
    return {name: _values_of(load_rule(name), tables, measured) for name in bounds}


def _read(
    reader: Reader, block: tuple[int, ...], bounds: Bounds, also: Mapping[str, Sequence[str]]
) -> dict[str, pa.Table]:
    """The columns that are looked at: those of ``also``, and those that the rules name."""
    wanted = {"stickers": {"id"}} | {table: {"id", *columns} for table, columns in also.items()}
    for name in bounds:
        rule = load_rule(name)
        for table in rule.reads:
            every = TABLES[table].schema.names
            looked_at = [column for column in every if column in rule.columns] or every
            wanted.setdefault(table, {"id"}).update(looked_at)
    return {table: reader.read(table, block, sorted(names)) for table, names in wanted.items()}


def _add_failures(table: pa.Table, rule: str, reasons: Reasons) -> None:
    rows = pc.indices_nonzero(pc.is_valid(table["error"]))
    reasons.add(rows, rule, detail=table["error"].take(rows))


def _add_measured(
    reader: Reader,
    block: tuple[int, ...],
    bounds: Bounds,
    ids: pa.ChunkedArray,
    reasons: Reasons,
) -> pa.Table:
    """The bounded measures as columns, a row a sticker; what failed is added to ``reasons``."""
    columns = {"id": ids}
    names = sorted({name for rule in bounds for name in load_rule(rule).measures})
    if not names:
        return pa.table(columns)
    cheap = reader.read("measures", block, _MEASURED)
    expensive = any(load_measure(name).expensive for name in names)
    more = [reader.read("expensive_measures", block, _MEASURED)] if expensive else []
    rows = pa.concat_tables([cheap, *more])
    for name in names:
        given_up = pc.is_null(rows["name"])
        own = rows.filter(pc.or_kleene(pc.equal(rows["name"], name), given_up))
        own = own.take(pc.index_in(ids, value_set=own["id"].combine_chunks()))
        columns[name] = own["value"]
        failed = pc.indices_nonzero(pc.is_valid(own["error"]))
        told = pc.replace_substring_regex(own["error"].take(failed), f"^{QUARANTINED}", "")
        reasons.add(failed, name, detail=told)
    return pa.table(columns)


def _add_outside(bounds: Bounds, tables: Tables, measured: pa.Table, reasons: Reasons) -> None:
    for name, wanted in bounds.items():
        values = _values_of(load_rule(name), tables, measured)
        for threshold, compare in ((wanted.min, pc.less), (wanted.max, pc.greater)):
            if threshold is not None:
                rows = pc.indices_nonzero(compare(values, threshold).fill_null(False))
                reasons.add(rows, name, values.take(rows), threshold)


def _values_of(rule: Rule, tables: Tables, measured: pa.Table) -> pa.ChunkedArray:
    """The rule's values, from no more than it says that it reads."""
    seen = {table: tables[table] for table in rule.reads}
    return _values(rule, {**seen, "measures": measured.select(["id", *rule.measures])})


def _values(rule: Rule, tables: Tables) -> pa.ChunkedArray:
    """A number or null a sticker; PluginError for anything else, or for one too few."""
    ids = tables["measures"]["id"]
    with plugin_faults("rules", rule.name, f"on {len(ids):,} stickers"):
        values = rule.values(tables)
        if not isinstance(values, pa.Array | pa.ChunkedArray):
            values = pa.array(values)
        if len(values) != len(ids):
            raise ValueError(f"it gave {len(values):,} values for {len(ids):,} stickers")
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            raise TypeError("it gave texts, and no numbers")
        values = pc.cast(values, pa.float64())
        strange = pc.indices_nonzero(pc.invert(pc.is_finite(values)).fill_null(False))
        if len(strange):
            row = strange[0].as_py()
            raise ValueError(f"it gave {values[row]} for the sticker {ids[row]}")
    return values


def _add_damaged(signals: pa.Table, keep_truncated: bool, reasons: Reasons) -> None:
    """Drop what nobody could load from a release as its row says: its bytes are the original's."""
    flags = signals["flags"].combine_chunks()
    rows, named = pc.list_parent_indices(flags), pc.list_flatten(flags)
    reasons.add(rows.filter(pc.equal(named, "refused")), "refused", detail=_REFUSED)
    if keep_truncated:
        return
    rows = rows.filter(pc.equal(named, "truncated"))
    frames, declared = (signals[name].take(rows) for name in ("frames", "declared_frames"))
    texts = [column.cast(pa.string()) for column in (frames, declared)]
    detail = pc.binary_join_element_wise(
        texts[0], " of its ", texts[1], " frames can be decoded", ""
    )
    reasons.add(rows, "truncated", frames, declared, detail)


def _add_duplicates(table: pa.Table, config: DuplicatesConfig, reasons: Reasons) -> None:
    rows = pc.indices_nonzero(pc.invert(table["representative"]))
    found = table.take(rows)
    threshold = pa.scalar(None, pa.float64())
    bounds = config.max_difference, config.max_difference_same_text, config.max_frame_difference
    for bound in sorted(bounds, reverse=True):
        # Which of them was applied shows in the distance: the least that lies above it.
        below = pc.less(found["distance"], bound)
        threshold = pc.if_else(below, pa.scalar(bound, pa.float64()), threshold)
    how = _COPIES.take(pc.index_in(found["kind"], value_set=_KINDS))
    detail = pc.binary_join_element_wise("same as ", found["same_as"], " (", how, ")", "")
    reasons.add(rows, "duplicate", found["distance"], threshold, detail)


def _add_reviews(table: pa.Table, reasons: Reasons) -> None:
    rows = pc.indices_nonzero(table["flagged"])
    found = table.take(rows)
    flags = pc.binary_join(found["flags"].combine_chunks(), ", ")
    detail = pc.binary_join_element_wise(flags, ": flagged by ", found["provenance"], "")
    reasons.add(rows, "review", detail=detail)
