"""Ballots in the ledger: frozen one after the other; a migration stays on record, also undone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from annotation.human.migration import Change, read_changes
from annotation.human.studio.ledger import Ballot, VoteLedger, as_json
from annotation.human.studio.offered import OfferedTags, TagOrigin
from schemas.tables import TAG_CHANGES

Keywords = Mapping[str, Sequence[str]]
"""Hashes of some of each tag's keywords."""


@dataclass(frozen=True)
class Migration:
    """A change of ballots: the file that said what became of tags, who applied it, who undid it.

    What was migrated before it was noted has no file and no times.
    """

    number: int
    from_version: str
    to_version: str
    content: str | None
    applied_at: str | None
    applied_by: str | None
    undone_at: str | None
    undone_by: str | None


@dataclass(frozen=True)
class Since:
    """What came with a ballot: tasks on the server, and answers to them."""

    tasks: int
    votes: int
    decisions: int
    projects: int


def freeze(ledger: VoteLedger, offered: OfferedTags, keywords: Keywords) -> Ballot:
    """Make a tag set the first ballot."""
    ballot = Ballot(offered.version, offered.tags)
    with ledger.writing():
        _add(ledger, ballot, offered, keywords)
    return ballot


def replace_ballot(
    ledger: VoteLedger,
    offered: OfferedTags,
    keywords: Keywords,
    changes: Mapping[str, Sequence[str]],
    applied: tuple[str, str, str | None],
) -> Ballot:
    """Make a tag set the newest ballot; ``changes`` say what became of the last one's tags.

    ``applied`` is the file that said so, the time, and who applied it.
    """
    last = ledger.ballot()
    if last is None:
        raise ValueError("changes are from an earlier ballot")
    ballot = Ballot(_unused(ledger, offered.version), offered.tags)
    with ledger.writing():
        _add(ledger, ballot, offered, keywords)
        _move_waiting(ledger, ballot.version)
        # A link from version to version, also where every tag stays.
        said = changes or {tag: (tag,) for tag in last.tags[:1]}
        for tag, becomes in sorted(said.items()):
            ledger.connection.execute(
                "INSERT INTO tag_changes VALUES (?, ?, ?, ?)",
                (last.version, ballot.version, tag, as_json(becomes)),
            )
        ledger.connection.execute(
            "INSERT INTO migrations (from_version, to_version, content, applied_at, applied_by) "
            "VALUES (?, ?, ?, ?, ?)",
            (last.version, ballot.version, *applied),
        )
        ledger.connection.execute("INSERT INTO unfinished SELECT max(number) FROM migrations")
    return ballot


def take_back(ledger: VoteLedger, migration: Migration, when: str, who: str | None) -> None:
    """Make the ballot from before a migration the newest again; that it was undone is noted."""
    to_version = (migration.to_version,)
    with ledger.writing():
        for statement in (
            "DELETE FROM ballots WHERE version = ?",
            "DELETE FROM tag_changes WHERE to_version = ?",
            "DELETE FROM ballot_tags WHERE ballot = ?",
            "DELETE FROM ballot_tagsets WHERE ballot = ?",
        ):
            ledger.connection.execute(statement, to_version)
        _move_waiting(ledger, migration.from_version)
        ledger.connection.execute(
            "UPDATE migrations SET undone_at = ?, undone_by = ? WHERE number = ?",
            (when, who, migration.number),
        )
        ledger.connection.execute("INSERT INTO unfinished VALUES (?)", (migration.number,))


def unfinished(ledger: VoteLedger) -> Migration | None:
    """The migration that was applied, or undone, and whose tables and labels were not made yet."""
    rows = ledger.rows("SELECT migration FROM unfinished ORDER BY rowid DESC LIMIT 1")
    numbers = {int(row["migration"]) for row in rows}
    return next((made for made in migrations(ledger) if made.number in numbers), None)


def finish(ledger: VoteLedger) -> None:
    """Note that tables and labels are those of the newest ballot."""
    with ledger.writing():
        ledger.connection.execute("DELETE FROM unfinished")


def migrations(ledger: VoteLedger) -> list[Migration]:
    """All migrations, those that were undone among them, in order."""
    rows = ledger.rows("SELECT * FROM migrations ORDER BY number")
    return [Migration(**dict(row)) for row in rows]


def since(ledger: VoteLedger, version: str) -> Since:
    """What was asked with a ballot, and answered."""
    answered = (
        "SELECT count(DISTINCT annotation) FROM annotations JOIN tasks ON origin = 'server' AND "
        "(tasks.project, tasks.task) = (annotations.project, annotations.task) "
        "WHERE ballot = ? AND purpose = ?"
    )
    counts = [
        ledger.rows("SELECT count(*) FROM tasks WHERE ballot = ? AND task IS NOT NULL", version),
        *(ledger.rows(answered, version, purpose) for purpose in ("labelling", "adjudication")),
        ledger.rows("SELECT count(*) FROM projects WHERE ballot = ?", version),
    ]
    return Since(*(int(rows[0][0]) for rows in counts))


def ballot_of(ledger: VoteLedger, version: str) -> Ballot:
    """The ballot of that version."""
    (row,) = ledger.rows("SELECT version, tags FROM ballots WHERE version = ?", version)
    return Ballot(row["version"], tuple(json.loads(row["tags"])))


def all_changes(ledger: VoteLedger) -> dict[str, Change]:
    """What became of tags, by the version of the ballot that it starts from."""
    return read_changes(pa.Table.from_pylist(ledger.tag_changes(), schema=TAG_CHANGES.schema))


def tagsets_of(ledger: VoteLedger, version: str) -> list[str]:
    """Versions of the tag set that a ballot stood for."""
    rows = ledger.rows("SELECT tagset FROM ballot_tagsets WHERE ballot = ? ORDER BY 1", version)
    return [str(row["tagset"]) for row in rows]


def ballots_by_tagset(ledger: VoteLedger) -> dict[str, str]:
    """The last ballot that stood for each version of the tag set."""
    rows = ledger.rows(
        "SELECT tagset, ballot FROM ballot_tagsets JOIN ballots ON version = ballot ORDER BY number"
    )
    return {str(row["tagset"]): str(row["ballot"]) for row in rows}


def note_tagset(
    ledger: VoteLedger, ballot: Ballot, offered: OfferedTags, keywords: Keywords
) -> None:
    """Note that a later tag set has the tags of a ballot, and what these are now."""
    with ledger.writing():
        ledger.connection.execute("DELETE FROM ballot_tags WHERE ballot = ?", (ballot.version,))
        _describe(ledger, ballot.version, offered, keywords)


def read_origins(ledger: VoteLedger, version: str) -> tuple[dict[str, TagOrigin], Keywords]:
    """What the tags of a ballot were when they were last exported, as far as it was noted."""
    found, keywords = {}, {}
    for row in ledger.rows("SELECT tag, origin FROM ballot_tags WHERE ballot = ?", version):
        told: dict[str, Any] = json.loads(row["origin"])
        found[row["tag"]] = TagOrigin(told["id"], tuple(told["keys"]), tuple(told["names"]))
        keywords[row["tag"]] = tuple(told["keywords"])
    return found, keywords


def _add(ledger: VoteLedger, ballot: Ballot, offered: OfferedTags, keywords: Keywords) -> None:
    ledger.connection.execute(
        "INSERT INTO ballots (version, tags) VALUES (?, ?)", (ballot.version, as_json(ballot.tags))
    )
    _describe(ledger, ballot.version, offered, keywords)


def _describe(ledger: VoteLedger, version: str, offered: OfferedTags, keywords: Keywords) -> None:
    ledger.connection.execute(
        "INSERT OR IGNORE INTO ballot_tagsets VALUES (?, ?)", (version, offered.version)
    )
    for tag, origin in offered.origins.items():
        told = {"id": origin.id, "keys": origin.keys, "names": origin.names}
        ledger.connection.execute(
            "INSERT INTO ballot_tags VALUES (?, ?, ?)",
            (version, tag, as_json(told | {"keywords": keywords.get(tag, ())})),
        )


def _move_waiting(ledger: VoteLedger, version: str) -> None:
    """What never reached the server goes there with these tags."""
    ledger.connection.execute(
        "UPDATE tasks SET ballot = ? WHERE task IS NULL AND purpose <> 'screening'", (version,)
    )


def _unused(ledger: VoteLedger, version: str) -> str:
    """A tag set may come back; votes of its two ballots are to be told apart."""
    taken = {str(row["version"]) for row in ledger.rows("SELECT version FROM ballots")}
    names = (version, *(f"{version}-{number}" for number in range(2, len(taken) + 2)))
    return next(name for name in names if name not in taken)
