"""The ledger of answers: every answer that a model gave, kept before anything is made of it.

An answer is found again by what was asked: the same question is never put to the same model
twice, whatever was killed or configured in between. Retrying reopens a question; its earlier
answers stay. ``captions`` holds what the answers say, of every model that was ever asked.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from annotation.machine.captioner import Caption, Cost
from annotation.machine.chat import Answer, Model
from annotation.machine.checks import TRIMMED
from annotation.machine.conversation import Asked, Request
from annotation.machine.rejudging import MARK, judged_anew
from pipeline.engine.database import Database, transaction

FILE = "answers.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    sticker TEXT NOT NULL, identity TEXT NOT NULL, asked TEXT NOT NULL, attempt INTEGER NOT NULL,
    prompt TEXT NOT NULL, turn TEXT NOT NULL, language TEXT NOT NULL, text TEXT, finish TEXT,
    tokens_in INTEGER, tokens_out INTEGER, seconds REAL NOT NULL, refused INTEGER NOT NULL,
    error TEXT, answered_at TEXT NOT NULL, with_pictures INTEGER NOT NULL,
    reopened INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sticker, identity, asked, attempt)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS captions (
    sticker TEXT NOT NULL, captioner TEXT NOT NULL, model TEXT NOT NULL, revision TEXT NOT NULL,
    prompt TEXT NOT NULL, place INTEGER NOT NULL, identity TEXT NOT NULL, asked TEXT,
    row TEXT NOT NULL, flagged INTEGER NOT NULL, failed INTEGER NOT NULL,
    PRIMARY KEY (sticker, captioner, model, revision, prompt, place)
) WITHOUT ROWID;
"""
DATABASE = Database(
    name="the ledger of answers",
    version=2,
    schema=_SCHEMA,
    user="annotate",
    restore="move it away and run `stickerworks annotate` again; everything is asked anew.",
    upgrades={
        1: "ALTER TABLE answers RENAME COLUMN speaker TO identity;"
        "ALTER TABLE captions RENAME COLUMN speaker TO identity;"
    },
)


@dataclass(frozen=True)
class ModelIdentity:
    """Who answers: captioner, model, and a digest of these and all settings that decide answers."""

    captioner: str
    model: Model
    digest: str


@contextmanager
def open_answers(root: Path) -> Iterator[AnswerStore]:
    """The ledger of a workspace; StickerworksError when it can't be used."""
    path = root / FILE
    with DATABASE.open(path) as connection:
        yield AnswerStore(connection, path)


class AnswerStore:
    """Answers by question, and captions by sticker."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def of_sticker(self, sticker: str, identity: ModelIdentity) -> Book:
        """What a model identity has answered about a sticker."""
        with DATABASE.errors(self._path):
            rows = self._connection.execute(
                "SELECT * FROM answers WHERE sticker = ? AND identity = ? ORDER BY asked, attempt",
                (sticker, identity.digest),
            ).fetchall()
        book = Book({})
        for row in rows:
            book.rows.setdefault(row["asked"], []).append(row)
        return book

    def record(
        self, sticker: str, identity: ModelIdentity, request: Request, attempt: int, answer: Answer
    ) -> Asked:
        """Keep an answer; it is safe from a kill when this returns."""
        digest = request.question.digest
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with DATABASE.errors(self._path):
            self._connection.execute(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    sticker,
                    identity.digest,
                    digest,
                    attempt,
                    request.prompt,
                    request.turn,
                    request.language,
                    answer.text,
                    answer.finish,
                    answer.tokens_in,
                    answer.tokens_out,
                    answer.seconds,
                    answer.refused,
                    answer.error,
                    now,
                    any(message.pictures for message in request.question.messages),
                ),
            )
        cost = Cost(answer.tokens_in, answer.tokens_out, answer.seconds, now, attempt)
        return Asked(answer, digest, cost)

    def keep(
        self,
        sticker: str,
        identities: Iterable[ModelIdentity],
        prompt: str,
        captions: Sequence[Caption],
        by: Sequence[ModelIdentity],
    ) -> None:
        """Put the captions of a prompt set, each ``by`` one of the identities, in the place of
        these identities' earlier ones."""
        rows = [
            (
                *_key(sticker, identity, prompt),
                place,
                identity.digest,
                caption.asked,
                json.dumps({**caption_row(caption), **MARK}, ensure_ascii=False),
                bool(_objections(caption.flags, ())),
                caption.error is not None,
            )
            for place, (caption, identity) in enumerate(zip(captions, by, strict=True))
        ]
        with DATABASE.errors(self._path), transaction(self._connection):
            self._connection.executemany(
                "DELETE FROM captions WHERE sticker = ? AND captioner = ? AND model = ? "
                "AND revision = ? AND prompt = ?",
                [_key(sticker, identity, prompt) for identity in identities],
            )
            self._connection.executemany(
                "INSERT INTO captions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
            )

    def captions(self, sticker: str) -> list[dict[str, Any]]:
        """Rows of the table ``captions`` about a sticker, of all who ever answered."""
        with DATABASE.errors(self._path):
            rows = self._connection.execute(
                "SELECT * FROM captions WHERE sticker = ? "
                "ORDER BY captioner, model, revision, prompt, place",
                (sticker,),
            ).fetchall()
        return [
            {
                "id": sticker,
                "captioner": row["captioner"],
                "model": row["model"],
                "revision": row["revision"] or None,
                "prompt": row["prompt"],
                **judged_anew(json.loads(row["row"])),
            }
            for row in rows
        ]

    def usage(self, identity: ModelIdentity, stickers: Sequence[str] | None = None) -> Usage:
        """What the answers of a model identity took, about some stickers or all."""
        chosen = None if stickers is None else json.dumps(list(stickers))
        with DATABASE.errors(self._path):
            row = self._connection.execute(
                "SELECT count(*), sum(with_pictures), sum(tokens_in), sum(tokens_out), "
                "sum(seconds) FROM answers WHERE identity = ? "
                "AND (? IS NULL OR sticker IN (SELECT value FROM json_each(?)))",
                (identity.digest, chosen, chosen),
            ).fetchone()
        return Usage(row[0], row[1] or 0, row[2], row[3], row[4] or 0.0)

    def finished(self, identity: ModelIdentity, prompts: Sequence[str]) -> int:
        """Stickers about which a model identity was asked all of these prompt sets."""
        with DATABASE.errors(self._path):
            row = self._connection.execute(
                "SELECT count(*) FROM (SELECT sticker FROM captions WHERE identity = ? "
                "AND prompt IN (SELECT value FROM json_each(?)) "
                "GROUP BY sticker HAVING count(DISTINCT prompt) = ?)",
                (identity.digest, json.dumps(list(prompts)), len(prompts)),
            ).fetchone()
        return int(row[0])

    def reopen(
        self,
        identity: ModelIdentity,
        prompts: Sequence[str],
        accepted: Sequence[str],
        flagged: bool,
    ) -> list[str]:
        """Ask again what failed, and with ``flagged`` what has a flag that isn't accepted.

        Only questions of this identity and these prompt sets; returns the stickers concerned.
        """
        with DATABASE.errors(self._path), transaction(self._connection):
            found = self._connection.execute(
                "SELECT sticker, prompt, asked, row, failed FROM captions WHERE identity = ? "
                "AND asked IS NOT NULL AND (failed OR flagged)",
                (identity.digest,),
            )
            again = {
                (row["sticker"], row["asked"])
                for row in found
                if row["prompt"] in prompts
                and (
                    row["failed"]
                    or (flagged and _objections(json.loads(row["row"])["flags"], accepted))
                )
            }
            self._connection.executemany(
                "UPDATE answers SET reopened = 1 WHERE sticker = ? AND asked = ? AND identity = ?",
                [(*pair, identity.digest) for pair in sorted(again)],
            )
        return sorted({sticker for sticker, _ in again})


@dataclass(frozen=True)
class Usage:
    """What answers took: requests, those that showed pictures, tokens, and seconds in all."""

    requests: int
    with_pictures: int
    tokens_in: int | None
    tokens_out: int | None
    seconds: float


@dataclass
class Book:
    """A model identity's answers about one sticker by question, the oldest attempt first."""

    rows: dict[str, list[sqlite3.Row]]

    def find(self, digest: str) -> Asked | None:
        """The answer to a question, None where it must be asked (again)."""
        rows = self.rows.get(digest, [])
        if not rows or rows[-1]["reopened"]:
            return None
        # An attempt that failed doesn't take away what an earlier one gave.
        given = [row for row in rows if row["error"] is None] or rows
        return _asked(given[-1])

    def attempts(self, digest: str) -> int:
        """How often a question was answered."""
        rows = self.rows.get(digest, [])
        return rows[-1]["attempt"] + 1 if rows else 0


def _key(sticker: str, identity: ModelIdentity, prompt: str) -> tuple[str, ...]:
    model = identity.model
    return sticker, identity.captioner, model.name, model.revision or "", prompt


def _asked(row: sqlite3.Row) -> Asked:
    answer = Answer(
        row["text"],
        row["finish"],
        row["tokens_in"],
        row["tokens_out"],
        row["seconds"],
        bool(row["refused"]),
        row["error"],
    )
    cost = Cost(
        row["tokens_in"],
        row["tokens_out"],
        row["seconds"],
        row["answered_at"],
        row["attempt"],
    )
    return Asked(answer, row["asked"], cost)


def caption_row(caption: Caption) -> dict[str, Any]:
    """A caption as columns of the table ``captions``."""
    cost = caption.cost
    return {
        "turn": caption.turn,
        "field": caption.field,
        "language": caption.language,
        "text": caption.text,
        "flags": list(caption.flags),
        "attempt": cost.attempt,
        "tokens_in": cost.tokens_in,
        "tokens_out": cost.tokens_out,
        "seconds": cost.seconds,
        "asked_at": cost.asked_at,
        "error": caption.error,
    }


def _objections(flags: Iterable[str], accepted: Iterable[str]) -> set[str]:
    return set(flags) - {TRIMMED, *accepted}
