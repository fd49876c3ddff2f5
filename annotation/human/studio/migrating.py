"""Takes another tag set into use, after a look at what that does to labels, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from annotation.human.migration_preview import MigrationPreview, Reading, labels_under, preview
from annotation.human.studio.ballot import ChangedBallot, changed_ballot, frozen_ballot
from annotation.human.studio.changes_file import ChangesFile, read_changes_file
from annotation.human.studio.frozen import (
    Migration,
    all_changes,
    ballot_of,
    migrations,
    replace_ballot,
    since,
    take_back,
)
from annotation.human.studio.ledger import Ballot, VoteLedger
from annotation.human.studio.offered import keyword_hashes
from annotation.human.studio.tables import answers
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import Config

_FILL_IN = "Name the new tag, a list of tags, or [] to drop it from old votes."
_NEW_DRAFT = (
    "Write a new draft (`label migrate --draft OTHER-FILE`) and copy into it what still holds."
)


@dataclass(frozen=True)
class PlannedMigration:
    """A file that was checked against the ballot and the tag set."""

    changed: ChangedBallot
    file: ChangesFile


def plan_migration(workspace: Workspace, ledger: VoteLedger, path: Path) -> PlannedMigration:
    """Check what ``path`` says of the newest ballot's tags.

    Raises StickerworksError when it is for another ballot or tag set, when a tag that is gone
    isn't named or is left blank, or becomes one that isn't there: with the line and the remedy.
    """
    frozen = frozen_ballot(ledger)
    changed = changed_ballot(workspace, ledger, frozen)
    if changed.is_same:
        raise StickerworksError(
            "The tags are those that were exported; there is nothing to migrate.",
            "Name them anew (`stickerworks tags sheet`, then `tags apply FILE`) first.",
        )
    file = read_changes_file(path)
    for what, found, meant in (
        ("ballot", file.ballot, frozen.version),
        ("tag set", file.tagset, changed.now.version),
    ):
        if found != meant:
            raise StickerworksError(
                f"{path} is for the {what} {found[:40]!r}, and the one in use is {meant!r}.",
                _NEW_DRAFT,
            )
    if file.blank:
        raise file.refuse("leaves blank what became of", file.blank, _FILL_IN)
    unsaid = [tag for tag in changed.gone if tag not in file.changes]
    if unsaid:
        raise file.refuse("doesn't say what became of", unsaid, f"Add a line each. {_FILL_IN}")
    strange = [tag for tag in file.changes if tag not in set(frozen.tags)]
    if strange:
        raise file.refuse("names tags that were never exported:", strange, "Take them out.")
    named = {tag: set(new) - set(changed.now.tags) for tag, new in file.changes.items()}
    wrong = [tag for tag, missing in named.items() if missing]
    if wrong:
        missing = ", ".join(sorted({repr(new) for tag in wrong for new in named[tag]})[:5])
        raise file.refuse(
            f"names tags that aren't in the tag set ({missing}), as what became of",
            wrong,
            "Correct these lines.",
        )
    return PlannedMigration(changed, file)


def preview_migration(
    workspace: Workspace, ledger: VoteLedger, config: Config, planned: PlannedMigration
) -> tuple[MigrationPreview, pa.Table]:
    """What a migration would do to labels, and the labels that it would leave."""
    old = _reading(ledger)
    now = planned.changed.now
    # Whatever the new ballot will be called, no vote was given with it.
    changes = planned.file.changes
    new = Reading("new", now.tags, {**old.changes, old.version: ("new", changes)})
    return _compare(workspace, ledger, config, (old, new), (old, changes))


def apply_migration(
    workspace: Workspace, ledger: VoteLedger, planned: PlannedMigration, who: str | None
) -> Ballot:
    """Freeze the tag set of now as the newest ballot; the file is kept in the ledger."""
    now = planned.changed.now
    applied = (planned.file.content, _now(), who)
    hashes = keyword_hashes(workspace, now)
    return replace_ballot(ledger, now, hashes, planned.file.changes, applied)


def plan_undo(ledger: VoteLedger) -> Migration:
    """The newest migration; StickerworksError where there is none, or its ballot was used."""
    standing = [migration for migration in migrations(ledger) if migration.undone_at is None]
    if not standing:
        raise StickerworksError("There is no migration to undo.", "Nothing was changed.")
    newest = standing[-1]
    came = since(ledger, newest.to_version)
    if came.tasks or came.votes or came.decisions or came.projects:
        raise StickerworksError(
            f"The last migration can't be undone: {came.tasks:,} tasks were exported with its "
            f"tags since, and {came.votes:,} votes and {came.decisions:,} decisions given.",
            "Go on from here, so that these count: name the tags as they were (`stickerworks tags "
            "sheet`, then `tags apply FILE`), and migrate once more, the other way.",
        )
    return newest


def preview_undo(
    workspace: Workspace, ledger: VoteLedger, config: Config, migration: Migration
) -> tuple[MigrationPreview, pa.Table]:
    """What it would do to labels to undo a migration, and the labels that it would leave."""
    now = _reading(ledger)
    earlier = {old: change for old, change in now.changes.items() if old != migration.from_version}
    ballot = ballot_of(ledger, migration.from_version)
    old = Reading(ballot.version, ballot.tags, earlier)
    return _compare(workspace, ledger, config, (now, old), (old, {}))


def undo_migration(ledger: VoteLedger, migration: Migration, who: str | None) -> Ballot:
    """Take the ballot from before a migration into use again."""
    take_back(ledger, migration, _now(), who)
    return frozen_ballot(ledger)


def _compare(
    workspace: Workspace,
    ledger: VoteLedger,
    config: Config,
    readings: tuple[Reading, Reading],
    change: tuple[Reading, Mapping[str, Sequence[str]]],
) -> tuple[MigrationPreview, pa.Table]:
    said = answers(workspace, ledger, config.label)
    before, after = (labels_under(workspace, said, each, config.merge) for each in readings)
    return preview(before, after, said, *change), after


def _reading(ledger: VoteLedger) -> Reading:
    ballot = frozen_ballot(ledger)
    return Reading(ballot.version, ballot.tags, all_changes(ledger))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
