"""Compares the outcome of every drawn sticker with the one that it was drawn for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline.demo.expected import DrawnSticker


@dataclass(frozen=True)
class OutcomeTally:
    """Entries of one case whose outcome is right, and wrong."""

    right: int
    wrong: int

    @property
    def share(self) -> float:
        """Share of the right ones, from 0 to 1; 1 when there is none at all."""
        total = self.right + self.wrong
        return self.right / total if total else 1.0


@dataclass(frozen=True)
class Wrong:
    """An entry whose outcome differs from what was expected, and how."""

    path: str
    case: str
    why: str


@dataclass(frozen=True)
class Outcomes:
    """Result of the check: tallies by case, by kind of expectation, and everything wrong.

    ``rules`` counts entries whose outcome follows from rules alone, ``ocr`` those for which it
    depends on what OCR reads.
    """

    cases: dict[str, OutcomeTally]
    rules: OutcomeTally
    ocr: OutcomeTally
    wrong: tuple[Wrong, ...]


def check_outcomes(
    expected: Iterable[DrawnSticker],
    decisions: pa.Table,
    duplicates: pa.Table,
    unfetched: pa.Table,
    signals: pa.Table | None = None,
    observations: pa.Table | None = None,
) -> Outcomes:
    """Compare the expected outcomes with the tables of a run.

    ``signals`` and ``observations`` are optional: with them, flags of odd files and the number of
    observations of each sticker are checked too.
    """
    rows = list(expected)
    actual = _Actual(
        templates=_templates(rows),
        observations=Counter(row.sha256 for row in rows if row.sha256),
        decisions=_by_id(decisions),
        duplicates=_by_id(duplicates),
        unfetched={row["source_id"]: row for row in unfetched.to_pylist()},
        signals=None if signals is None else _by_id(signals.select(["id", "flags", _LIES])),
        observed=None if observations is None else Counter(observations["id"].to_pylist()),
    )
    findings = [(row, "; ".join(_differences(row, actual))) for row in rows]
    return Outcomes(
        cases={
            case: _tally((row, why) for row, why in findings if row.case == case)
            for case in sorted({row.case for row in rows})
        },
        rules=_tally((row, why) for row, why in findings if not row.ocr_case),
        ocr=_tally((row, why) for row, why in findings if row.ocr_case),
        wrong=tuple(Wrong(row.path, row.case, why) for row, why in findings if why),
    )


_LIES = "extension_lies"


@dataclass(frozen=True)
class _Actual:
    templates: dict[str, set[str]]
    observations: Counter[str]
    decisions: dict[str, dict[str, Any]]
    duplicates: dict[str, dict[str, Any]]
    unfetched: dict[str, dict[str, Any]]
    signals: dict[str, dict[str, Any]] | None
    observed: Counter[str] | None


def _by_id(table: pa.Table) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in table.to_pylist()}


def _templates(rows: list[DrawnSticker]) -> dict[str, set[str]]:
    members: dict[str, set[str]] = {}
    for row in rows:
        if row.template and row.sha256:
            members.setdefault(row.template, set()).add(row.sha256)
    return members


def _tally(findings: Iterable[tuple[DrawnSticker, str]]) -> OutcomeTally:
    counts = Counter(bool(why) for _, why in findings)
    return OutcomeTally(right=counts[False], wrong=counts[True])


def _differences(row: DrawnSticker, actual: _Actual) -> Iterator[str]:
    if row.sha256 is None:
        yield from _check_unfetched(row, actual)
        return
    decision = actual.decisions.get(row.sha256)
    if decision is None:
        yield f"expected {row.expected}, but there is no such sticker"
        return
    yield from _check_decision(row, decision)
    if row.expected == "kept" or row.rule == "duplicate":
        yield from _check_duplicate(row, actual)
    if actual.signals is not None:
        yield from _check_flag(row, actual.signals.get(row.sha256, {}))
    if actual.observed is not None:
        found, wanted = actual.observed[row.sha256], actual.observations[row.sha256]
        if found != wanted:
            yield f"expected {wanted} observations, found {found}"


def _check_unfetched(row: DrawnSticker, actual: _Actual) -> Iterator[str]:
    found = actual.unfetched.get(row.path)
    if found is None:
        yield f"expected unfetched ({row.why}), but it is not among the unfetched"
    elif row.why not in (found["state"], found["error_class"]):
        yield f"expected unfetched ({row.why}), found {found['state']}, {found['error_class']}"


def _check_decision(row: DrawnSticker, decision: dict[str, Any]) -> Iterator[str]:
    reasons = decision["reasons"] or []
    rules = sorted({reason["rule"] for reason in reasons})
    wanted = [] if row.rule is None else [row.rule]
    if (decision["outcome"], rules) != (row.expected, wanted):
        found = f"{decision['outcome']} by {', '.join(rules) or 'no rule'}"
        yield f"expected {row.expected} by {row.rule or 'no rule'}, found {found}"
    elif row.why == "too_large" and "too_large" not in str(reasons[0]["detail"]):
        yield f"expected too_large, found {reasons[0]['detail']}"


def _check_duplicate(row: DrawnSticker, actual: _Actual) -> Iterator[str]:
    found = actual.duplicates.get(str(row.sha256))
    if found is None:
        yield "it is missing from duplicates"
        return
    if found["same_as"] != row.duplicate_of:
        yield f"expected {row.duplicate_of} as representative, found {found['same_as']}"
    members = actual.templates.get(row.template or "", {str(row.sha256)})
    template = found["template_id"]
    shared = {actual.duplicates[id]["template_id"] for id in members if id in actual.duplicates}
    if row.template and (template is None or len(shared) > 1):
        yield f"the stickers of {row.template} don't share a template"
    for name, others in actual.templates.items():
        foreign = {actual.duplicates.get(other, {}).get("template_id") for other in others}
        if name != row.template and template is not None and template in foreign:
            yield f"it shares the template of {name}"


def _check_flag(row: DrawnSticker, signals: dict[str, Any]) -> Iterator[str]:
    flags = {*(signals.get("flags") or []), *([_LIES] if signals.get(_LIES) else [])}
    if row.flag and row.flag not in flags:
        yield f"expected the flag {row.flag}, found {', '.join(sorted(flags)) or 'none'}"
