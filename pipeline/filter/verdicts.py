"""Screening and decisions: bounds applied to measurements; nothing is decoded here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.earlier import QUARANTINED
from pipeline.engine.plugins import plugin_faults
from pipeline.engine.stage import Context, Process, Tables
from pipeline.filter.configured import load_rule
from pipeline.filter.rules.rule import Rule
from schemas.config import DuplicatesConfig, RuleConfig
from schemas.tables import DECISIONS, SCREENING

Reason = dict[str, Any]
Reasons = list[list[Reason]]
"""For each row, every reason against it."""
_REFUSED = "Pillow can't open the file as it is: the end or the EXIF block is damaged"


def open_screening(context: Context) -> Process:
    """Return the function that drops what the cheap rules drop, and what could not be decoded
    as a whole.

    Settings: ``rules`` (bounds by name) and ``keep_truncated``. A sticker on which a bounded
    measure failed is dropped here, and has failed when all is decided.
    """
    rules: Mapping[str, RuleConfig] = context.settings["rules"]
    keep_truncated: bool = context.settings["keep_truncated"]

    def process(tables: Tables) -> dict[str, pa.Table]:
        reasons = _failures(tables["signals"]["error"], "decode")
        _apply(rules, tables, _measured(rules, tables, reasons), reasons)
        _add_damaged(tables["signals"], keep_truncated, reasons)
        rows = [
            {"id": name, "kept": not against, "reasons": against}
            for name, against in zip(tables["stickers"]["id"].to_pylist(), reasons, strict=True)
        ]
        return {"screening": pa.Table.from_pylist(rows, schema=SCREENING.schema)}

    return process


def open_decisions(context: Context) -> Process:
    """Return the function that decides: failed, dropped by a rule, as damaged, as a duplicate or
    by people who reviewed it, or kept.

    Settings: ``rules`` (bounds by name), ``keep_truncated`` and ``duplicates``.
    """
    rules: Mapping[str, RuleConfig] = context.settings["rules"]
    keep_truncated: bool = context.settings["keep_truncated"]
    duplicates: DuplicatesConfig = context.settings["duplicates"]

    def process(tables: Tables) -> dict[str, pa.Table]:
        reasons = _failures(tables["signals"]["error"], "decode")
        for row, failed in enumerate(_failures(tables["ocr"]["error"], "ocr")):
            reasons[row] += failed
        measured = _measured(rules, tables, reasons)
        outcomes = ["failed" if against else "kept" for against in reasons]
        _apply(rules, tables, measured, reasons)
        _add_damaged(tables["signals"], keep_truncated, reasons)
        _add_duplicates(tables["duplicates"], duplicates, reasons)
        _add_reviews(tables["reviews"], reasons)
        ids = tables["stickers"]["id"].to_pylist()
        rows = []
        for name, outcome, against in zip(ids, outcomes, reasons, strict=True):
            final = "dropped" if outcome == "kept" and against else outcome
            kept = final == "kept"
            rows.append({"id": name, "kept": kept, "outcome": final, "reasons": against})
        return {"decisions": pa.Table.from_pylist(rows, schema=DECISIONS.schema)}

    return process


def _failures(errors: pa.ChunkedArray, rule: str) -> Reasons:
    return [
        [] if error is None else [_reason(rule, None, None, error)] for error in errors.to_pylist()
    ]


def _measured(bounds: Mapping[str, RuleConfig], tables: Tables, reasons: Reasons) -> pa.Table:
    """The bounded measures as columns, a row a sticker; what failed is added to ``reasons``."""
    ids = tables["stickers"]["id"]
    found = [tables[name] for name in ("measures", "expensive_measures") if name in tables]
    rows = pa.concat_tables(found)
    columns = {"id": ids}
    for name in sorted({name for rule in bounds for name in load_rule(rule).measures}):
        given_up = pc.is_null(rows["name"])
        own = rows.filter(pc.or_kleene(pc.equal(rows["name"], name), given_up))
        own = own.take(pc.index_in(ids, value_set=own["id"].combine_chunks()))
        columns[name] = own["value"]
        for row, error in enumerate(own["error"].to_pylist()):
            if error is not None:
                reasons[row].append(_reason(name, None, None, error.removeprefix(QUARANTINED)))
    return pa.table(columns)


def _apply(
    bounds: Mapping[str, RuleConfig], tables: Tables, measured: pa.Table, reasons: Reasons
) -> None:
    for name, wanted in bounds.items():
        rule = load_rule(name)
        seen = {table: tables[table] for table in rule.reads}
        values = _values(rule, {**seen, "measures": measured.select(["id", *rule.measures])})
        for threshold, compare in ((wanted.min, pc.less), (wanted.max, pc.greater)):
            if threshold is None:
                continue
            outside = compare(values, threshold).fill_null(False)
            for row in pc.indices_nonzero(outside).to_pylist():
                reasons[row].append(_reason(name, values[row].as_py(), threshold, None))


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
    known = signals.select(["flags", "frames", "declared_frames"])
    damaged = pc.indices_nonzero(pc.greater(pc.list_value_length(known["flags"]), 0))
    for row, sticker in zip(damaged.to_pylist(), known.take(damaged).to_pylist(), strict=True):
        if "refused" in sticker["flags"]:
            reasons[row].append(_reason("refused", None, None, _REFUSED))
        if "truncated" in sticker["flags"] and not keep_truncated:
            frames, declared = sticker["frames"], sticker["declared_frames"]
            detail = f"{frames} of its {declared} frames can be decoded"
            reasons[row].append(_reason("truncated", frames, declared, detail))


def _add_duplicates(table: pa.Table, config: DuplicatesConfig, reasons: Reasons) -> None:
    rows = pc.indices_nonzero(pc.invert(table["representative"]))
    for row, duplicate in zip(rows.to_pylist(), table.take(rows).to_pylist(), strict=True):
        distance = duplicate["distance"]
        threshold = config.max_tile_difference
        if distance >= threshold:
            threshold = config.max_tile_difference_same_text
        detail = f"same as {duplicate['group']} ({duplicate['kind']})"
        reasons[row].append(_reason("duplicate", distance, threshold, detail))


def _add_reviews(table: pa.Table, reasons: Reasons) -> None:
    for row in pc.indices_nonzero(table["flagged"]).to_pylist():
        review = table.slice(row, 1).to_pylist()[0]
        detail = f"{', '.join(review['flags'])}: flagged by {review['provenance']}"
        reasons[row].append(_reason("review", None, None, detail))


def _reason(rule: str, value: float | None, threshold: float | None, detail: str | None) -> Reason:
    return {"rule": rule, "value": value, "threshold": threshold, "detail": detail}
