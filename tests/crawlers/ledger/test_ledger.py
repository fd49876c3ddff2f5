from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from crawlers.ledger.ledger import RESTORE, Blob, CrawlLedger, FetchFailure, open_ledger
from crawlers.observation import Key
from pipeline.engine.errors import StickerworksError

KEY = Key("web", "a", "cat", "")
BLOB = Blob("ab" * 32, "gif", 10, "media/ab/x.gif", "gif")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "crawl" / "ledger.sqlite"


def test_an_observation_is_known_from_the_second_listing_on(path: Path) -> None:
    with open_ledger(path) as ledger:
        assert ledger.note(KEY, 0, {"rank": 0}, True) is None
        known = ledger.note(KEY, 0, {"rank": 0}, True)
        assert known is not None
        assert (known.state, known.blob, known.failure) == ("pending", None, None)


def test_what_is_recorded_is_there_after_reopening(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.note(KEY, 0, {}, True)
        ledger.record_blob(KEY, BLOB, {"http_status": 200})
    with open_ledger(path) as ledger:
        known = ledger.note(KEY, 0, {}, True)
        assert known is not None
        assert (known.state, known.blob, known.facts) == ("ok", BLOB, {"http_status": 200})
        assert ledger.find_item(Key("web", "a", "dog", "")) == known
        assert ledger.find_item(Key("web", "a", "dog", "still")) is None
        assert ledger.find_item(Key("other", "a", "dog", "")) is None


def test_bytes_replace_a_miss_and_a_miss_replaces_bytes(path: Path) -> None:
    failure = FetchFailure("retry_at", "http_503", "busy", 3, 17.5, "policy")
    with open_ledger(path) as ledger:
        ledger.note(KEY, 0, {}, True)
        ledger.record_failure(KEY, failure)
        known = ledger.note(KEY, 0, {}, True)
        assert known is not None
        assert (known.state, known.failure) == ("retry_at", failure)
        assert ledger.failures("web") == {"http_503": 1}
        ledger.record_blob(KEY, BLOB, {})
        assert ledger.failures("web") == {}


def test_the_ledger_writes_ahead_so_that_a_kill_loses_nothing(path: Path) -> None:
    with open_ledger(path) as ledger:
        mode = ledger.connection.execute("PRAGMA journal_mode").fetchone()[0]
        ledger.note(KEY, 0, {}, True)
        other = sqlite3.connect(path)
        assert other.execute("SELECT count(*) FROM observations").fetchone()[0] == 1
        other.close()
    assert mode == "wal"


def test_a_full_disk_is_one_clear_line(path: Path) -> None:
    with open_ledger(path) as ledger:
        pages = ledger.connection.execute("PRAGMA page_count").fetchone()[0]
        ledger.connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StickerworksError) as caught:
            _fill(ledger)
    assert str(caught.value).startswith("The disk is full: could not write ")
    assert "run the same command again" in caught.value.remedy


def _fill(ledger: CrawlLedger) -> None:
    for number in range(1000):
        ledger.note(Key("web", str(number), "", ""), number, {"title": "x" * 1000}, True)


def test_a_damaged_ledger_is_one_clear_line(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database, whatever its name says" * 100)
    with (
        pytest.raises(StickerworksError, match="Could not use the crawl's ledger"),
        open_ledger(path),
    ):
        pytest.fail("it opened")


# As version 3 made it, with what tells on the way up.
_OLD = """
CREATE TABLE blobs (
    sha256 TEXT PRIMARY KEY, format TEXT NOT NULL, nbytes INTEGER NOT NULL, path TEXT NOT NULL,
    extension TEXT, part INTEGER, row INTEGER, UNIQUE (part, row)
) STRICT;
CREATE TABLE observations (
    source TEXT NOT NULL, source_id TEXT NOT NULL, query TEXT NOT NULL, variant TEXT NOT NULL,
    listing INTEGER NOT NULL, columns TEXT NOT NULL, redistribute INTEGER NOT NULL,
    state TEXT NOT NULL, sha256 TEXT REFERENCES blobs (sha256), path TEXT, extension TEXT,
    facts TEXT NOT NULL DEFAULT '{}', error_class TEXT, error TEXT,
    attempts INTEGER NOT NULL DEFAULT 0, retry_at REAL, policy TEXT,
    UNIQUE (source, source_id, query, variant)
) STRICT;
CREATE INDEX observations_by_blob ON observations (sha256);
INSERT INTO blobs VALUES ('ab', 'gif', 10, 'media/ab.gif', 'gif', 0, 0);
INSERT INTO observations
    (source, source_id, query, variant, listing, columns, redistribute, state, sha256)
VALUES ('web', 'a', 'cat', '', 0, '{}', 1, 'ok', 'ab');
PRAGMA user_version = 3;
"""
_FIRST = """
ALTER TABLE observations RENAME TO sightings; DROP INDEX observations_by_blob;
CREATE INDEX sightings_by_blob ON sightings (sha256); PRAGMA user_version = 1;
"""


@pytest.mark.parametrize("script", [_OLD, _OLD + _FIRST])
def test_a_ledger_of_an_earlier_version_is_brought_up_to_date(path: Path, script: str) -> None:
    path.parent.mkdir()
    old = sqlite3.connect(path)
    old.executescript(script)
    old.close()
    with open_ledger(path) as ledger:
        known = ledger.note(KEY, 0, {}, True)
        assert known is not None
        assert (known.state, known.blob) == ("ok", Blob("ab", "gif", 10, "media/ab.gif", "gif"))
        names = [row["name"] for row in ledger.connection.execute("SELECT name FROM sqlite_master")]
        assert "shown_by_update" in names
        assert not [name for name in names if "sightings" in name]


def test_a_ledger_of_another_version_is_refused(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StickerworksError, match="version 99"), open_ledger(path):
        pytest.fail("it opened")


def test_a_changed_permission_reaches_the_rows_of_its_own_position_alone(path: Path) -> None:
    with open_ledger(path) as ledger:
        for position, name in enumerate("ab"):
            ledger.note(Key("web", name, "", ""), (position << 32) + 7, {}, False)
        ledger.set_redistribute("web", True, 1)
        assert _permissions(ledger) == {"a": 0, "b": 1}
        ledger.set_redistribute("web", False)
        assert _permissions(ledger) == {"a": 0, "b": 0}


def test_a_ban_by_an_earlier_source_of_that_name_stays_until_it_lifts_it(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.note(KEY, 5, {}, False)
        ledger.record_blob(KEY, BLOB, {})
        ledger.note(KEY, (1 << 32) + 5, {}, True, {0})
        assert _permissions(ledger) == {"a": 0}
        ledger.note(KEY, 5, {}, True)
        ledger.note(KEY, (1 << 32) + 5, {}, True, {0})
        assert _permissions(ledger) == {"a": 1}


def _permissions(ledger: CrawlLedger) -> dict[str, int]:
    rows = ledger.connection.execute("SELECT source_id, redistribute FROM observations")
    return dict(rows.fetchall())


def test_a_lost_and_a_foreign_ledger_have_one_remedy(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.connection.execute("DROP TABLE observations")
        with pytest.raises(StickerworksError) as caught:
            ledger.failures("web")
    assert RESTORE in caught.value.remedy
