"""Screening and decisions: bounds applied to measurements; nothing is decoded here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.stage import Context, Process, Tables
from pipeline.filter.rules.configured import load_rule
from schemas.config import DuplicatesConfig, RuleConfig
from schemas.tables import DECISIONS, SCREENING

Reason = dict[str, Any]
Reasons = list[list[Reason]]
"""For each row, every reason against it."""
_REFUSED = "Pillow can't open the file as it is: the end or the EXIF block is damaged"


def open_screening(context: Context) -> Process:
    """Return the function that drops what the cheap rules drop, and what could not be decoded
    as a whole.

    Settings: ``rules`` (bounds by name) and ``keep_truncated``.
    """
    rules: Mapping[str, RuleConfig] = context.settings["rules"]
    keep_truncated: bool = context.settings["keep_truncated"]

    def process(tables: Tables) -> dict[str, pa.Table]:
        reasons = _failures(tables["signals"]["error"], "decode")
        _apply(rules, tables, reasons)
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
        outcomes = ["failed" if against else "kept" for against in reasons]
        _apply(rules, tables, reasons)
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


def _apply(rules: Mapping[str, RuleConfig], tables: Tables, reasons: Reasons) -> None:
    for name, bounds in rules.items():
        values = pc.cast(load_rule(name).measure(tables), pa.float64())
        for threshold, compare in ((bounds.min, pc.less), (bounds.max, pc.greater)):
            if threshold is None:
                continue
            # A null, or the NaN of a stranger's rule, is outside of no bounds.
            outside = compare(values, threshold).fill_null(False)
            for row in pc.indices_nonzero(outside).to_pylist():
                reasons[row].append(_reason(name, values[row].as_py(), threshold, None))


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
