"""Changes of labels that people ask for, held against what the labels say, and noted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pyarrow.compute as pc

from annotation.human.review.labels import LabelNow, Vocabulary, labels_of, read_labels
from annotation.human.review.search import search
from annotation.human.review.wanted import Wanted
from annotation.human.studio.corrected import Correction, add_corrections, corrections_of, standing
from annotation.human.studio.ledger import VoteLedger
from pipeline.engine.errors import StickerworksError
from pipeline.engine.text import plain, storable
from pipeline.engine.workspace import Workspace

_COLUMNS = ["id", "tags", "status", "domain", "answers"]


@dataclass(frozen=True)
class Change:
    """One field of a sticker as somebody wants it, and what they saw that it said; ``before`` None
    where they didn't look."""

    sticker: str
    field: str
    before: tuple[str, ...] | None
    after: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Refused:
    """A change that can't be made: the label says something else than its author saw."""

    change: Change
    why: str


@dataclass(frozen=True)
class Applied:
    """What became of changes: made, already so, and refused."""

    made: int
    same: int
    refused: tuple[Refused, ...]


@dataclass(frozen=True)
class Author:
    """Who changes labels, and the version of the ballot that the tags are of."""

    name: str
    tagset: str | None


def author(name: str | None, vocabulary: Vocabulary) -> Author:
    """Somebody by name; StickerworksError for nobody."""
    who = storable(name, 100)
    if who is None:
        raise StickerworksError("Nobody is named for these changes.", "Add --by NAME.")
    return Author(who, vocabulary.tagset)


def reason(text: str | None) -> str:
    """A reason as tables hold it; StickerworksError for none."""
    why = storable(text)
    if why is None:
        raise StickerworksError("A change of a label needs a reason.", 'Add --why "...".')
    return why


def checked(change: Change, vocabulary: Vocabulary) -> Change:
    """A change with known values and a reason; StickerworksError for any other."""
    return replace(
        change, after=vocabulary.check(change.field, change.after), why=reason(change.why)
    )


def apply_changes(
    workspace: Workspace,
    ledger: VoteLedger,
    changes: Collection[Change],
    who: Author,
    *,
    force: bool = False,
) -> Applied:
    """Note the changes that can be made; ``force`` makes those as well that saw another label.

    Labels must be up to date. All that are made are noted at once.
    """
    now = labels_of(workspace, {change.sticker for change in changes})
    made: list[Correction] = []
    refused: list[Refused] = []
    same = 0
    for change in changes:
        label = now.get(change.sticker)
        why = _why_refused(change, label, force=force)
        if label is not None and label.of(change.field) == change.after:
            same += 1
        elif label is None or why:
            refused.append(Refused(change, why))
        else:
            made.append(_correction(change, label, who))
    add_corrections(ledger, made)
    return Applied(len(made), same, tuple(refused))


def change_all(
    workspace: Workspace,
    ledger: VoteLedger,
    wanted: Wanted,
    values: Mapping[str, tuple[str, ...]],
    said: tuple[str, Author],
) -> Applied:
    """Give every sticker that a search finds some values, for one reason, by one author."""
    made, same = 0, 0

    def corrections() -> Iterator[Correction]:
        nonlocal made, same
        for id_, label in _found_labels(workspace, wanted):
            for field, after in values.items():
                if label.of(field) == after:
                    same += 1
                elif label.status != "dropped":
                    made += 1
                    yield _correction(Change(id_, field, None, after, said[0]), label, said[1])

    add_corrections(ledger, corrections())
    return Applied(made, same, ())


def undo(
    workspace: Workspace, ledger: VoteLedger, number: int, why: str, who: Author
) -> Correction:
    """Take a change back; StickerworksError unless it is the one that holds."""
    row = next((one for one in corrections_of(ledger) if one.number == number), None)
    if row is None:
        raise StickerworksError(
            f"There is no change {number}.", "`label review --history ID` shows those of a sticker."
        )
    holds = standing(corrections_of(ledger, row.sticker)).get((row.sticker, row.field))
    if row.after is None or holds is None or holds.number != number:
        instead = f"{holds.number} holds" if holds else "none holds"
        raise StickerworksError(
            f"Change {number} doesn't hold any more: of {row.field} of {row.sticker[:10]} "
            f"{instead} now.",
            f"Take that one back: --undo {holds.number}." if holds else "There is nothing to undo.",
        )
    now = labels_of(workspace, {row.sticker}).get(row.sticker)
    before = now.of(row.field) if now else ()
    back = Correction(row.sticker, row.field, before, None, why, who.name, _now(), who.tagset)
    add_corrections(ledger, [back])
    return row


def say_values(values: Iterable[str] | None) -> str:
    """Values of a field for people."""
    return plain(", ".join(values or ())) or "nothing"


def _why_refused(change: Change, label: LabelNow | None, *, force: bool) -> str:
    if label is None:
        return "the workspace has no such sticker"
    if label.status == "dropped":
        return "the filter has dropped it"
    seen = change.before
    if seen is None or force or tuple(sorted(seen)) == label.of(change.field):
        return ""
    return (
        f"{change.field} was {say_values(seen)} when it was looked at, and is "
        f"{say_values(label.of(change.field))} now (wanted: {say_values(change.after)})"
    )


def _correction(change: Change, label: LabelNow, who: Author) -> Correction:
    tagset = who.tagset if change.field == "tags" else None
    before = label.of(change.field)
    return Correction(
        change.sticker, change.field, before, change.after, change.why, who.name, _now(), tagset
    )


def _found_labels(workspace: Workspace, wanted: Wanted) -> Iterator[tuple[str, LabelNow]]:
    for parts, rows in zip(workspace.blocks, search(workspace, wanted), strict=True):
        if len(rows):
            labels = workspace.read("labels", parts, _COLUMNS)
            chosen = rows["id"].combine_chunks()
            yield from read_labels(labels.filter(pc.is_in(labels["id"], value_set=chosen)))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
