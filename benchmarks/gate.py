"""What the gate says of good releases and of copies that were spoilt in one way each.

    python benchmarks/gate.py DEMO_WORKSPACE REAL_RELEASE [--work FOLDER] [--only TEXT]
        [--train-always]

DEMO_WORKSPACE is a finished demo's (`stickerworks demo --workspace ...`); REAL_RELEASE a release of
stickers that nobody drew by rule, such as `stickerworks run ../shared/real-stickers` makes; its
rows are tagged with the pack that they come from. Of these six good releases are made, a seventh of
900 handwritten digits (scikit-learn's, which a small network tells apart nearly always) and, of the
first, the fourth and the last, spoilt copies (``spoiling/``), whose ids, checksums, counts and card
are made right again. Each is judged by `stickerworks validate` with default settings, but that a
copy which looking alone refuses isn't trained on (unless --train-always). Printed is a row for each
with its verdict and reasons. Verdicts are kept in the working folder: a run that was interrupted
goes on. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

from benchmarks.spoiling.copies import Row, Rows, read_rows, write_copy
from benchmarks.spoiling.digits import digit_rows
from benchmarks.spoiling.ways import WAYS
from pipeline.engine.checks import failures
from pipeline.release.looking.checks import look_checks
from pipeline.release.looking.look import look_at_release
from pipeline.release.verify import verify_release
from schemas.config import Config
from stickerworks.cli.commands import validate_command
from stickerworks.cli.options import CommandOptions

_REAL = (
    "30% permuted tags",
    "60% permuted tags",
    "20% blank",
    "15 of train in test",
    "20% truncated",
)
"""Ways in which the real release is spoilt, too."""
_DIGITS = ("30% permuted tags", "60% permuted tags", "20% blank")
"""Ways in which the digits are."""


@dataclass(frozen=True)
class Case:
    """A release to judge, how its rows are made, and whether the gate should pass it."""

    name: str
    base: Path
    rows: Callable[[], Rows]
    good: bool
    before: Callable[[], Rows] | None = None
    workspace: Path | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("demo", type=Path)
    parser.add_argument("real", type=Path)
    parser.add_argument("--work", type=Path, default=Path("gate-work"))
    parser.add_argument("--only", default="", help="judge cases whose name holds this")
    parser.add_argument("--train-always", action="store_true")
    given = parser.parse_args()
    (demo,) = (given.demo / "releases").glob("demo-*")
    found = []
    for case in cases(given.demo, demo, given.real):
        if given.only in case.name:
            found.append(verdict_of(case, given.work, given.train_always))
            print(line_of(found[-1]), flush=True)
    good, spoilt = ([one for one in found if one["good"] is kind] for kind in (True, False))
    summary = {
        "good": len(good),
        "false_alarms": [one["name"] for one in good if one["verdict"] != "passed"],
        "spoilt": len(spoilt),
        "missed": [one["name"] for one in spoilt if one["verdict"] == "passed"],
        "cpu_seconds": round(sum(one["seconds"] for one in found), 1),
    }
    print(json.dumps(summary, ensure_ascii=False))


def cases(workspace: Path, demo: Path, real: Path) -> Iterator[Case]:
    """The good ones, then the spoilt ones."""
    drawn, tagged = partial(read_rows, demo), partial(_by_pack, real)
    yield Case("good: demo", demo, drawn, True)
    yield Case("good: demo, grown", demo, drawn, True, before=lambda: _part(drawn(), 0.8))
    yield Case("good: demo, no images", demo, lambda: _bare(drawn()), True, workspace=workspace)
    yield Case("good: real, tags of packs", real, tagged, True)
    yield Case("good: real, half of it", real, lambda: _part(tagged(), 0.5), True)
    yield Case("good: demo, dealt otherwise", demo, lambda: _dealt(drawn()), True)
    digits = partial(digit_rows, demo)
    yield Case("good: digits", demo, digits, True)
    for name in WAYS:
        before = drawn if name == "half of train lost" else None
        yield Case(f"demo: {name}", demo, partial(_spoilt, drawn, name), False, before)
    for name in _REAL:
        yield Case(f"real: {name}", real, partial(_spoilt, tagged, name), False)
    for name in _DIGITS:
        yield Case(f"digits: {name}", demo, partial(_spoilt, digits, name), False)


def verdict_of(case: Case, work: Path, train_always: bool) -> dict[str, Any]:
    """Judge a case, unless it was before."""
    slug = "".join(letter if letter.isalnum() else "_" for letter in case.name)
    kept = work / "verdicts" / f"{slug}.json"
    if kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text("utf-8"))
        return found
    place = work / "releases" / slug
    place.mkdir(parents=True, exist_ok=True)
    started = process_time()
    folder = write_copy(case.base, case.rows(), place)
    before = None
    if case.before:
        before = write_copy(case.base, case.before(), place / "before")
    reasons = [] if train_always or case.good else _seen(folder, place)
    verdict = "failed" if reasons else ""
    if not reasons:
        verdict, reasons = _judged(folder, before, case.workspace or place / "workspace")
    found = {
        "name": case.name,
        "good": case.good,
        "verdict": verdict,
        "reasons": reasons,
        "seconds": round(process_time() - started, 1),
    }
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
    return found


def line_of(found: dict[str, Any]) -> str:
    reasons = " / ".join(reason[:160] for reason in found["reasons"])
    return f"| {found['name']} | {found['verdict']} | {reasons} |"


def _seen(folder: Path, scratch: Path) -> list[str]:
    config = Config()
    rule = config.filter.rules["entropy"].min or 0.0
    sight = look_at_release(folder, config.filter.decode, config.filter.duplicates, rule, scratch)
    return [*verify_release(folder).problems, *failures(look_checks(sight, config.validation))]


def _judged(folder: Path, before: Path | None, workspace: Path) -> tuple[str, list[str]]:
    validate_command(CommandOptions(workspace=workspace), folder, before)
    found = json.loads((workspace / "reports" / "gate.json").read_text("utf-8"))
    warned = [check for check in found["checks"] if check["outcome"] == "warned"]
    reasons = [*found["reasons"], *(f"warned: {check['reason']}" for check in warned)]
    noise = {
        split: part and round(part["share"], 2) for split, part in found["label_noise"].items()
    }
    return found["verdict"], [*reasons, f"{found['figure']} {found['real']:.3f}, noise {noise}"]


def _spoilt(rows: Callable[[], Rows], name: str) -> Rows:
    return WAYS[name](rows(), Random(1))


def _by_pack(release: Path) -> Rows:
    """Rows whose tag is the pack that they come from, as somebody imports them."""
    rows = read_rows(release)
    for row in (row for some in rows.values() for row in some):
        row.update(tags=[row["pack"]], label_status="effective", suggested_tags=[row["pack"]])
    return rows


def _part(rows: Rows, share: float) -> Rows:
    return {split: some[: round(share * len(some))] for split, some in rows.items()}


def _bare(rows: Rows) -> Rows:
    return {split: [{**row, "image": None} for row in some] for split, some in rows.items()}


def _dealt(rows: Rows) -> Rows:
    """Other splits, 6:2:2, of whole groups."""
    every = [row for some in rows.values() for row in some]
    groups = sorted({_group(row) for row in every})
    Random(5).shuffle(groups)
    place = {group: n / len(groups) for n, group in enumerate(groups)}
    names = {"train": (0, 0.6), "validation": (0.6, 0.8), "test": (0.8, 1)}
    return {
        split: [row for row in every if low <= place[_group(row)] < high]
        for split, (low, high) in names.items()
    }


def _group(row: Row) -> str:
    return str(row["template_id"] or row["duplicate_group"] or row["id"])


if __name__ == "__main__":
    main()
