"""The annotation ledger's tables and statements, in one place."""

VERSION = 3
_SINCE_2 = """
CREATE TABLE IF NOT EXISTS ballot_tagsets (
    ballot TEXT NOT NULL,
    tagset TEXT NOT NULL,
    UNIQUE (ballot, tagset)
) STRICT;
CREATE TABLE IF NOT EXISTS ballot_tags (
    ballot TEXT NOT NULL,
    tag TEXT NOT NULL,
    origin TEXT NOT NULL,
    UNIQUE (ballot, tag)
) STRICT;
CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER PRIMARY KEY,
    from_version TEXT NOT NULL,
    to_version TEXT NOT NULL,
    content TEXT,
    applied_at TEXT,
    applied_by TEXT,
    undone_at TEXT,
    undone_by TEXT
) STRICT;
"""
_FROM_1 = """
CREATE TEMP VIEW followed AS SELECT number, version, lag(version) OVER (ORDER BY number) AS earlier,
    lag(tags) OVER (ORDER BY number) AS tags FROM ballots;
INSERT INTO ballot_tagsets SELECT version, version FROM ballots;
INSERT INTO migrations (from_version, to_version)
SELECT earlier, version FROM followed WHERE earlier IS NOT NULL ORDER BY number;
INSERT INTO tag_changes SELECT earlier, version, tags ->> 0, json_array(tags ->> 0) FROM followed
WHERE earlier NOT IN (SELECT from_version FROM tag_changes) AND json_array_length(tags);
DROP VIEW followed;
"""
_PROJECTS_AND_TASKS = """
CREATE TABLE IF NOT EXISTS projects (
    project INTEGER PRIMARY KEY,
    purpose TEXT NOT NULL CHECK (purpose IN ('labelling', 'adjudication', 'screening')),
    ballot TEXT NOT NULL,
    questions TEXT NOT NULL DEFAULT '',
    person TEXT NOT NULL DEFAULT '',
    interface TEXT NOT NULL,
    cursor TEXT,
    reconciled_at TEXT,
    UNIQUE (purpose, ballot, questions, person)
) STRICT;
CREATE TABLE IF NOT EXISTS tasks (
    purpose TEXT NOT NULL,
    sticker TEXT NOT NULL,
    person TEXT NOT NULL DEFAULT '',
    ballot TEXT NOT NULL,
    questions TEXT NOT NULL DEFAULT '',
    batch TEXT NOT NULL,
    gold INTEGER NOT NULL,
    blind INTEGER NOT NULL,
    suggested TEXT,
    project INTEGER REFERENCES projects (project),
    task INTEGER,
    exported_at TEXT,
    withdrawn_at TEXT,
    withdrawn_after INTEGER,
    UNIQUE (purpose, sticker, person),
    UNIQUE (project, task)
) STRICT;
"""
_SINCE_3 = """
CREATE TABLE IF NOT EXISTS question_sets (
    number INTEGER PRIMARY KEY,
    version TEXT NOT NULL UNIQUE,
    content TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS departures (
    number INTEGER PRIMARY KEY,
    person TEXT NOT NULL,
    left_at TEXT NOT NULL,
    by TEXT,
    back_at TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS wanted (
    sticker TEXT PRIMARY KEY,
    votes INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS corrections (
    number INTEGER PRIMARY KEY,
    sticker TEXT NOT NULL,
    field TEXT NOT NULL,
    before TEXT,
    after TEXT,
    why TEXT NOT NULL,
    who TEXT NOT NULL,
    at TEXT NOT NULL,
    tagset TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS text_checks (
    number INTEGER PRIMARY KEY,
    sticker TEXT NOT NULL,
    field TEXT NOT NULL,
    language TEXT NOT NULL,
    captioner TEXT,
    model TEXT,
    revision TEXT,
    prompt TEXT,
    original TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('right', 'corrected', 'wrong')),
    corrected TEXT,
    who TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
"""
_ASIDE = """
ALTER TABLE tasks RENAME TO older_tasks;
ALTER TABLE projects RENAME TO older_projects;
"""
_BACK = """
INSERT INTO projects (project, purpose, ballot, interface, cursor, reconciled_at)
SELECT project, purpose, ballot, interface, cursor, reconciled_at FROM older_projects;
INSERT INTO tasks (purpose, sticker, ballot, batch, gold, blind, suggested, project, task,
    exported_at)
SELECT purpose, sticker, ballot, batch, gold, blind, suggested, project, task, exported_at
FROM older_tasks;
DROP TABLE older_tasks;
DROP TABLE older_projects;
"""
UPGRADES = {1: _SINCE_2 + _FROM_1, 2: _SINCE_3 + _ASIDE + _PROJECTS_AND_TASKS + _BACK}
"""What was migrated before migrations were noted can be undone as well. Tasks of before people had
tasks of their own are everybody's, whose name is empty."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS identity (name TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS ballots (
    number INTEGER PRIMARY KEY,
    version TEXT NOT NULL UNIQUE,
    tags TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS people (
    origin TEXT NOT NULL,
    user INTEGER NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('lead', 'annotator')),
    UNIQUE (origin, user)
) STRICT;
CREATE TABLE IF NOT EXISTS tag_changes (
    from_version TEXT NOT NULL,
    to_version TEXT NOT NULL,
    tag TEXT NOT NULL,
    becomes TEXT NOT NULL,
    UNIQUE (from_version, tag)
) STRICT;
CREATE TABLE IF NOT EXISTS annotations (
    number INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,
    project INTEGER NOT NULL,
    task INTEGER NOT NULL,
    sticker TEXT NOT NULL,
    annotation INTEGER NOT NULL,
    digest TEXT NOT NULL,
    content TEXT NOT NULL,
    UNIQUE (origin, project, annotation, digest)
) STRICT;
CREATE TABLE IF NOT EXISTS deletions (
    origin TEXT NOT NULL,
    project INTEGER NOT NULL,
    annotation INTEGER NOT NULL,
    seen_at TEXT NOT NULL,
    UNIQUE (origin, project, annotation)
) STRICT;
CREATE TABLE IF NOT EXISTS taken_down (task INTEGER PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS unfinished (migration INTEGER NOT NULL) STRICT;
CREATE TRIGGER IF NOT EXISTS annotations_stay BEFORE UPDATE ON annotations
BEGIN SELECT RAISE(ABORT, 'raw votes are append-only'); END;
"""
SCHEMA += _PROJECTS_AND_TASKS + _SINCE_2 + _SINCE_3
KEPT = """
CREATE TRIGGER IF NOT EXISTS annotations_are_kept BEFORE DELETE ON annotations
BEGIN SELECT RAISE(ABORT, 'raw votes are append-only'); END;
"""
SCHEMA += KEPT
FORGET = (
    "INSERT OR IGNORE INTO taken_down SELECT task FROM tasks "
    "WHERE task IS NOT NULL AND sticker IN (SELECT value FROM chosen)",
    "DELETE FROM deletions WHERE (origin, project, annotation) IN (SELECT origin, project, "
    "annotation FROM annotations WHERE sticker IN (SELECT value FROM chosen))",
    "DELETE FROM annotations WHERE sticker IN (SELECT value FROM chosen)",
    "DELETE FROM tasks WHERE sticker IN (SELECT value FROM chosen)",
    # Numbers of the last answers are given anew, and what comes later must have higher ones.
    "UPDATE tasks SET withdrawn_after = (SELECT coalesce(max(number), 0) FROM annotations) "
    "WHERE withdrawn_after > (SELECT coalesce(max(number), 0) FROM annotations)",
    "DELETE FROM wanted WHERE sticker IN (SELECT value FROM chosen)",
    "DELETE FROM corrections WHERE sticker IN (SELECT value FROM chosen)",
    "DELETE FROM text_checks WHERE sticker IN (SELECT value FROM chosen)",
)
PLAN = """
INSERT INTO tasks (purpose, sticker, person, ballot, questions, batch, gold, blind)
VALUES (:purpose, :sticker, :person, :ballot, :questions, :batch, :gold, :blind)
ON CONFLICT (purpose, sticker, person) DO NOTHING
"""
PLACED = """
UPDATE tasks SET project = :project, task = :task, suggested = :suggested,
    exported_at = :exported_at
WHERE (purpose, sticker, person) = (:purpose, :sticker, :person)
"""
PERSON = """
INSERT INTO people VALUES (:origin, :user, :name, :role)
ON CONFLICT (origin, user) DO UPDATE SET name = :name, role = :role
"""
APPEND = """
INSERT INTO annotations (origin, project, task, sticker, annotation, digest, content)
VALUES (:origin, :project, :task, :sticker, :annotation, :digest, :content)
ON CONFLICT DO NOTHING
"""
DELETED = """
INSERT INTO deletions (origin, project, annotation, seen_at)
VALUES (:origin, :project, :annotation, :seen_at) ON CONFLICT DO NOTHING
"""
KNOWN = """
SELECT DISTINCT annotation FROM annotations
WHERE origin = :origin AND project = :project AND (:task IS NULL OR task = :task)
AND annotation NOT IN (
    SELECT annotation FROM deletions WHERE origin = :origin AND project = :project
)
"""
EVERYTHING = """
SELECT annotations.*, deletions.seen_at IS NOT NULL AS deleted,
    tasks.purpose, tasks.sticker AS asked, tasks.person, tasks.ballot, tasks.questions, tasks.batch,
    tasks.blind, tasks.suggested, tasks.withdrawn_after
FROM annotations
LEFT JOIN tasks ON annotations.origin = 'server'
    AND (tasks.project, tasks.task) = (annotations.project, annotations.task)
LEFT JOIN deletions ON (deletions.origin, deletions.project, deletions.annotation)
    = (annotations.origin, annotations.project, annotations.annotation)
ORDER BY annotations.number
"""
