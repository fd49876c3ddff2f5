"""What the gate tells of a release's rows beside the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.training.examples import Use

NAMED = 3
"""Rows that a line names."""
_VALIDATION_SMALL = 100
_SHOWN = 20


def rows_used(
    uses: Mapping[str, Use], notes: Sequence[str] = (), tags: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The fields of a ``GateResult`` that say what became of each split's rows."""
    counts = {split: _counts(use) for split, use in uses.items()}
    unreadable = tuple(line for use in uses.values() for line in use.unreadable)[:_SHOWN]
    lost = f"{undecodable(counts)[1]}: {'; '.join(unreadable[:NAMED])}"
    return {
        "rows": {split: use.used for split, use in uses.items()},
        "counts": counts,
        "tags": tags,
        "unreadable": unreadable,
        # Once each: both runs, and each split of a folder, bring some of the same.
        "notes": tuple(dict.fromkeys((*_notes(uses), *([lost] if unreadable else ()), *notes))),
    }


def _counts(use: Use) -> dict[str, int]:
    return {
        "in the release": use.in_split,
        "used": use.used,
        "with effective tags": use.voted,
        "of them simulated": use.simulated,
        "with suggested tags": use.used - use.voted,
        "without tags": use.without_targets,
        "without image": use.without_image,
        "images": use.sampled - use.without_image,
        "unreadable": len(use.unreadable),
    }


def _notes(uses: Mapping[str, Use]) -> list[str]:
    notes = []
    voted, used = sum(use.voted for use in uses.values()), sum(use.used for use in uses.values())
    asked = next((use.target for use in uses.values() if use.target), None)
    learnt = f"effective tags for {voted} rows, suggested tags for {used - voted} rows"
    notes.append(f"target: {learnt if asked is None else f'answers to {asked} for {voted} rows'}")
    simulated = sum(use.simulated for use in uses.values())
    if simulated:
        notes.append(
            f"{simulated} rows have simulated votes: this judges the pipeline, not people's labels"
        )
    validation = uses.get("validation")
    if validation is not None and validation.used < _VALIDATION_SMALL:
        notes.append(f"validation is very small ({validation.used} rows): the interval is wide")
    notes += [
        f"{use.sampled} of {use.in_split} rows of {split} were used"
        for split, use in uses.items()
        if use.sampled < use.in_split
    ]
    return notes


def undecodable(counts: Mapping[str, Mapping[str, int]]) -> tuple[float, str]:
    """Which share of the images that the rows carry can't be decoded, and the same in words."""
    lost, images = (sum(of[name] for of in counts.values()) for name in ("unreadable", "images"))
    share = lost / images if lost else 0.0
    return share, f"{lost:,} of {images:,} images ({share:.2%}) can't be decoded"
