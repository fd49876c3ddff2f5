"""Checks of machine texts taken into the ledger, each held against the text as it is now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from annotation.human.checking.saved import SavedCheck
from annotation.human.studio.corrected import TextCheck, add_checks
from annotation.human.studio.ledger import VoteLedger
from annotation.machine.chatter import find_chatter
from annotation.machine.checks import speaks
from annotation.machine.refusals import is_refusal
from annotation.machine.rejudging import NOT_WRITTEN
from pipeline.engine.text import one_line
from pipeline.engine.workspace import Workspace

_KIND = ("captioner", "model", "revision", "prompt")
_KEY = ("id", "field", "language", "text")


@dataclass(frozen=True)
class Taken:
    """Checks that were noted by verdict, those noted before, texts that have changed since,
    corrections in another language than their field's, which were ``foreign``, and noted ones that
    read as a machine's talk (``odd``)."""

    noted: Mapping[str, int]
    same: int
    stale: tuple[SavedCheck, ...]
    foreign: tuple[SavedCheck, ...] = ()
    odd: tuple[SavedCheck, ...] = ()


def take_checks(
    workspace: Workspace,
    ledger: VoteLedger,
    checks: Collection[SavedCheck],
    who: str,
    *,
    force: bool = False,
) -> Taken:
    """Note the checks whose texts still stand, for every model that wrote them; all at once.

    ``force`` takes corrections in another language too.
    """
    writers = _writers(workspace, {check.id for check in checks})
    known = _noted(ledger)
    rows: list[TextCheck] = []
    noted: dict[str, int] = {"right": 0, "corrected": 0, "wrong": 0}
    stale: list[SavedCheck] = []
    foreign: list[SavedCheck] = []
    odd: list[SavedCheck] = []
    same = 0
    for given in checks:
        check = _plain(given)
        key = (check.id, check.field, check.language, check.original)
        if key not in writers:
            stale.append(check)
        elif known.get(key) == (check.verdict, check.corrected, who):
            same += 1
        elif _is_foreign(check) and not force:
            foreign.append(check)
        else:
            if _is_odd(check):
                odd.append(check)
            known[key] = (check.verdict, check.corrected, who)
            noted[check.verdict] += 1
            rows += [_row(check, kind, who) for kind in writers[key]]
    add_checks(ledger, rows)
    return Taken(noted, same, tuple(stale), tuple(foreign), tuple(odd))


def say_stale(check: SavedCheck) -> str:
    """A check that can't be taken, for people."""
    return (
        f"{check.field} ({check.language}) of {check.id[:10]} is no longer "
        f"{one_line(check.original, 50)!r}"
    )


def say_corrected(check: SavedCheck) -> str:
    """A correction that is told of, for people."""
    return (
        f"{check.field} ({check.language}) of {check.id[:10]}, corrected to "
        f"{one_line(check.corrected or '', 50)!r}"
    )


def _is_foreign(check: SavedCheck) -> bool:
    written = check.corrected is not None and check.field not in NOT_WRITTEN
    return written and not speaks(check.corrected or "", check.language)


def _is_odd(check: SavedCheck) -> bool:
    if check.corrected is None or check.field in NOT_WRITTEN:
        return False
    speech = check.field == "intention"
    return bool(find_chatter(check.corrected, speech=speech)) or is_refusal(check.corrected)


def _plain(check: SavedCheck) -> SavedCheck:
    """The check; one that corrects a text to itself finds it right."""
    if check.corrected is not None and check.corrected == check.original:
        return replace(check, verdict="right", corrected=None)
    return check


def _row(check: SavedCheck, kind: tuple[str | None, ...], who: str) -> TextCheck:
    captioner, model, revision, prompt = kind
    return TextCheck(
        sticker=check.id,
        field=check.field,
        language=check.language,
        captioner=captioner,
        model=model,
        revision=revision,
        prompt=prompt,
        original=check.original,
        verdict=check.verdict,
        corrected=check.corrected,
        who=who,
        at=check.at,
    )


def _writers(
    workspace: Workspace, ids: Collection[str]
) -> dict[tuple[Any, ...], list[tuple[str | None, ...]]]:
    """Who wrote each text of some stickers, each model and prompt set once."""
    chosen = pa.array(sorted(ids), pa.string())
    found: dict[tuple[Any, ...], dict[tuple[str | None, ...], None]] = defaultdict(dict)
    for parts in workspace.blocks:
        rows = workspace.read("captions", parts, [*_KEY, *_KIND])
        for row in rows.filter(pc.is_in(rows["id"], value_set=chosen)).to_pylist():
            found[tuple(row[name] for name in _KEY)][tuple(row[name] for name in _KIND)] = None
    return {key: list(kinds) for key, kinds in found.items()}


def _noted(ledger: VoteLedger) -> dict[tuple[str, ...], tuple[str, str | None, str]]:
    """What was last said of each text, and by whom."""
    rows = ledger.rows(
        "SELECT sticker, field, language, original, verdict, corrected, who FROM text_checks "
        "ORDER BY number"
    )
    return {
        (row["sticker"], row["field"], row["language"], row["original"]): (
            row["verdict"],
            row["corrected"],
            row["who"],
        )
        for row in rows
    }
