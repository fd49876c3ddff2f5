"""Statements of the book of queries, in one place."""

PLANNED_TABLE = """
CREATE TEMP TABLE IF NOT EXISTS planned (place INTEGER PRIMARY KEY, query TEXT UNIQUE)
"""
UNPLAN = """
UPDATE queries SET planned = 0
WHERE (source, scope) = (:source, :scope) AND planned AND query NOT IN (
    SELECT query FROM temp.planned
)
"""
PLAN = """
INSERT INTO queries (source, scope, query, place, planned, state, cursors)
SELECT :source, :scope, query, place, 1, 'open', '[{}]' FROM temp.planned WHERE true
ON CONFLICT (source, scope, query) DO UPDATE SET planned = 1, place = excluded.place
WHERE (planned, place) <> (1, excluded.place)
"""
ANY_OPEN = """
SELECT 1 FROM queries
WHERE (source, scope) = (:source, :scope) AND planned = 1 AND state = 'open' LIMIT 1
"""
# Where something is still to be had, the query is listed to its end.
_BEGIN = """
UPDATE queries SET pass = pass + 1, whole = whole AND NOT EXISTS (
    SELECT 1 FROM observations AS s INDEXED BY observations_to_retry
    WHERE s.source = queries.source AND {whose} s.state NOT IN ('ok', 'gone')
        AND s.error_class IS NOT 'takedown'
        AND (s.state IN ('pending', 'retry_at') OR s.policy IS NOT :policy)
)
WHERE (source, scope) = (:source, :scope) AND planned = 1 AND state = 'done' AND {which}
"""
_EXPIRED = """
UPDATE queries SET whole = 0
WHERE (source, scope) = (:source, :scope) AND planned = 1 AND whole AND {which} AND EXISTS (
    SELECT 1 FROM observations AS s
    WHERE s.source = queries.source AND {whose} s.state = 'ok'
        AND coalesce(s.checked_at, 0) < :checked_before
)
"""
_QUERIES = {"which": "query <> ''", "whose": "s.query = queries.query AND"}
# What a whole listing lists stands under queries of its own.
_WHOLE = {"which": "query = ''", "whose": ""}
BEGIN = tuple(_BEGIN.format_map(which) for which in (_QUERIES, _WHOLE))
EXPIRE = tuple(_EXPIRED.format_map(which) for which in (_QUERIES, _WHOLE))
# One that failed goes on where it did: what lies behind that page was never listed.
REOPEN = """
UPDATE queries SET state = 'open', error_class = NULL, error = NULL,
    cursors = iif(state = 'done', '[{}]', cursors), pages = iif(state = 'done', 0, pages),
    listed = iif(state = 'done', 0, listed), last_page = iif(state = 'done', NULL, last_page)
WHERE (source, scope) = (:source, :scope) AND planned = 1
"""
STICKERS_OF_BEGUN = """
SELECT DISTINCT s.sha256 FROM queries AS q JOIN observations AS s USING (source, query)
WHERE (q.source, q.scope) = (:source, :scope) AND q.planned = 1 AND q.query <> ''
    AND s.state = 'ok' AND (q.state <> 'open' OR q.pages > 0)
UNION
SELECT s.sha256 FROM queries AS q JOIN observations AS s USING (source)
WHERE (q.source, q.scope) = (:source, :scope) AND q.planned = 1 AND q.query = ''
    AND s.state = 'ok' AND (q.state <> 'open' OR q.pages > 0)
"""
TURNS = """
SELECT * FROM queries
WHERE (source, scope) = (:source, :scope) AND planned = 1 AND state = 'open'
    AND (pages, place) > (:pages, :place)
ORDER BY pages, place LIMIT :count
"""
ADVANCE = """
UPDATE queries SET state = :state, cursors = :cursors, pages = :pages, listed = :listed,
    total = :total, last_page = :last_page, listed_at = :listed_at, error_class = :error_class,
    error = :error, whole = :whole
WHERE (source, scope, query) = (:source, :scope, :query)
"""
NOTE_OPEN = """
UPDATE queries SET error_class = :error_class, error = :error
WHERE (source, scope) = (:source, :scope) AND planned = 1 AND state = 'open'
    AND error_class IS NOT 'left_out' AND (error_class, error) IS NOT (:error_class, :error)
"""
ASKED = "SELECT requests FROM asked WHERE (source, day) = (:source, :day)"
ASK = """
INSERT INTO asked (source, day, requests) VALUES (:source, :day, 1)
ON CONFLICT (source, day) DO UPDATE SET requests = requests + 1
"""
