"""The ledger's tables and statements, in one place."""

from crawlers.ledger import marks

VERSION = 4
SCHEMA = """
CREATE TABLE IF NOT EXISTS blobs (
    sha256 TEXT PRIMARY KEY,
    format TEXT NOT NULL,
    nbytes INTEGER NOT NULL,
    path TEXT NOT NULL,
    extension TEXT,
    part INTEGER,
    row INTEGER,
    c2pa INTEGER,
    UNIQUE (part, row)
) STRICT;
CREATE TABLE IF NOT EXISTS observations (
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    query TEXT NOT NULL,
    variant TEXT NOT NULL,
    listing INTEGER NOT NULL,
    columns TEXT NOT NULL,
    redistribute INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (
        state IN ('pending', 'ok', 'gone', 'refused', 'retry_at', 'failed')
    ),
    sha256 TEXT REFERENCES blobs (sha256),
    path TEXT,
    extension TEXT,
    facts TEXT NOT NULL DEFAULT '{}',
    error_class TEXT,
    error TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_at REAL,
    policy TEXT,
    pass INTEGER NOT NULL DEFAULT 0,
    checked_at REAL,
    UNIQUE (source, source_id, query, variant)
) STRICT;
CREATE TABLE IF NOT EXISTS packed (
    sha256 TEXT PRIMARY KEY REFERENCES blobs (sha256),
    pack TEXT NOT NULL,
    offset INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS queries (
    source TEXT NOT NULL,
    scope TEXT NOT NULL,
    query TEXT NOT NULL,
    place INTEGER NOT NULL,
    planned INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'done', 'failed')),
    cursors TEXT NOT NULL,
    pass INTEGER NOT NULL DEFAULT 1,
    pages INTEGER NOT NULL DEFAULT 0,
    listed INTEGER NOT NULL DEFAULT 0,
    total INTEGER,
    last_page TEXT,
    whole INTEGER NOT NULL DEFAULT 0,
    listed_at REAL,
    error_class TEXT,
    error TEXT,
    PRIMARY KEY (source, scope, query)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS asked (
    source TEXT NOT NULL,
    day TEXT NOT NULL,
    requests INTEGER NOT NULL,
    PRIMARY KEY (source, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS takedown (digest TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS taken_down (address TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS observations_by_blob ON observations (sha256);
CREATE INDEX IF NOT EXISTS observations_to_retry
    ON observations (source, query, state, policy) WHERE state NOT IN ('ok', 'gone');
CREATE INDEX IF NOT EXISTS queries_by_turn
    ON queries (source, scope, planned, state, pages, place);
"""
SCHEMA += marks.SCHEMA
UPGRADES = {
    1: "ALTER TABLE sightings RENAME TO observations; DROP INDEX sightings_by_blob;",
    2: "",  # packs have a table of their own
    3: """
        ALTER TABLE blobs ADD COLUMN c2pa INTEGER;
        ALTER TABLE observations ADD COLUMN pass INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE observations ADD COLUMN checked_at REAL;
    """,
}
FIND = """
SELECT * FROM observations
WHERE (source, source_id, query, variant) = (:source, :source_id, :query, :variant)
"""
INSERT = """
INSERT INTO observations
    (source, source_id, query, variant, listing, columns, redistribute, state, pass)
VALUES
    (:source, :source_id, :query, :variant, :listing, :columns, :redistribute, 'pending', :pass)
"""
RELIST = """
UPDATE observations SET listing = :listing, columns = :columns, redistribute = :redistribute
WHERE (source, source_id, query, variant) = (:source, :source_id, :query, :variant)
"""
SAME_ITEM = """
SELECT * FROM observations
WHERE source = :source AND source_id = :source_id AND variant = :variant AND state = 'ok'
ORDER BY query LIMIT 1
"""
# Without facts nobody was asked: the reason may be that row's own, as a missing address is.
SAME_ITEM_FAILED = """
SELECT * FROM observations
WHERE source = :source AND source_id = :source_id AND variant = :variant AND query <> :query
    AND facts <> '{}' AND (
        state = 'gone' OR (state IN ('refused', 'failed') AND policy = :policy)
        OR (state = 'refused' AND error_class = 'takedown')
        OR (state = 'retry_at' AND retry_at > :now)
    )
ORDER BY query LIMIT 1
"""
KNOWN_BLOB = "SELECT 1 FROM blobs WHERE sha256 = :sha256"
INSERT_BLOB = """
INSERT INTO blobs (sha256, format, nbytes, path, extension, c2pa)
VALUES (:sha256, :format, :nbytes, :path, :extension, :c2pa)
ON CONFLICT (sha256) DO UPDATE SET c2pa = excluded.c2pa
WHERE blobs.c2pa IS NULL AND excluded.c2pa IS NOT NULL
"""
RECORD_BLOB = """
UPDATE observations SET state = 'ok', sha256 = :sha256, path = :path, extension = :extension,
    facts = :facts, error_class = NULL, error = NULL, attempts = 0, retry_at = NULL, policy = NULL,
    checked_at = :checked_at
WHERE (source, source_id, query, variant) = (:source, :source_id, :query, :variant)
"""
RECORD_FAILURE = """
UPDATE observations SET state = :state, sha256 = NULL, path = NULL, extension = NULL,
    facts = :facts, error_class = :error_class, error = :error, attempts = :attempts,
    retry_at = :retry_at, policy = :policy
WHERE (source, source_id, query, variant) = (:source, :source_id, :query, :variant)
"""
FORGET = """
DELETE FROM observations
WHERE (source, source_id, query, variant) = (:source, :source_id, :query, :variant)
"""
TAKE_DOWN = "INSERT OR IGNORE INTO taken_down VALUES (?)"
TAKEN_DOWN = "SELECT 1 FROM taken_down WHERE address = :address"
CHECKED = """
UPDATE observations SET checked_at = :checked_at
WHERE source = :source AND source_id = :source_id AND variant = :variant AND state = 'ok'
"""
RETRY = """
UPDATE observations SET retry_at = NULL WHERE source = :source AND state = 'retry_at'
"""
SET_REDISTRIBUTE = """
UPDATE observations SET redistribute = :value
WHERE source = :source AND (:position IS NULL OR listing >> :bits = :position)
    AND redistribute <> :value
"""
NOT_MISSING = """
SELECT source_id, query, variant, path FROM observations
WHERE source = ? AND NOT (state = 'gone' AND error_class IS 'missing')
ORDER BY source_id, query, variant
"""
NOT_MISSING_FILES = """
SELECT source_id, query, variant, path FROM observations
WHERE source = ? AND state = 'ok' AND path NOT GLOB 'media/*'
ORDER BY source_id, query, variant
"""
FAILURES = """
SELECT error_class, count(*) FROM observations
WHERE source = ? AND state NOT IN ('ok', 'pending') GROUP BY error_class ORDER BY error_class
"""
