"""The ledger of answers: one of an earlier version is brought up to date, and loses nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from annotation.machine.answers import FILE, ModelIdentity, open_answers
from annotation.machine.captioner import Caption
from annotation.machine.chat import Model


def test_answers_of_the_first_version_are_kept(tmp_path: Path) -> None:
    identity = ModelIdentity("openai", Model("m", "1"), "digest")
    with open_answers(tmp_path) as answers:
        answers.keep("s", [identity], "vsd2m/1", [Caption("caption", "en", "a cat")], [identity])
        before = answers.captions("s")
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.executescript(
            "ALTER TABLE answers RENAME COLUMN identity TO speaker;"
            "ALTER TABLE captions RENAME COLUMN identity TO speaker; PRAGMA user_version = 1;"
        )
    with open_answers(tmp_path) as answers:
        assert [row["text"] for row in before] == ["a cat"]
        assert answers.captions("s") == before
        assert answers.finished(identity, ["vsd2m/1"]) == 1
