"""A published data set into the ledger: its rows are observations of the source ``import``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crawlers.ledger.export import ExportedShards, export
from crawlers.ledger.ledger import LEDGER, CrawlLedger, FetchFailure, open_ledger
from crawlers.ledger.store import sweep
from crawlers.local.files import LocalCrawl, Visited
from crawlers.local.imported import MAX_TAGS, SOURCE, said_of
from crawlers.names import MAX_CHARACTERS, encode_name
from crawlers.observation import Key, LocalFile, Observation, key_of
from crawlers.takedown.known import refuse_known
from crawlers.takedown.takedown import TAKEN_DOWN, load_takedown
from pipeline.datasets.layout import Row
from pipeline.engine.text import storable
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig
from schemas.release import SPLITS

_REPORT_EVERY = 1000
_MAX_TRIGGER_WORDS = 100
_MOST_LICENCES, _LONGEST_LICENCE, _MOST_FREQUENT = 1000, 200, 5
_GONE = FetchFailure("gone", "missing", "the data set names this row no more")
_STOOD = FetchFailure("failed", "earlier_row", "its name stood in an earlier row")
_TAKEN_DOWN = FetchFailure("refused", TAKEN_DOWN, "it was taken down")
_NO_BYTES = FetchFailure("failed", "no_bytes", "the data set has no bytes for it")


@dataclass(frozen=True)
class Terms:
    """What whoever imports a data set states of the licence of stickers that state none, and
    whether releases may carry the bytes of all."""

    licence: str | None = None
    licence_url: str | None = None
    redistribute: bool = False


@dataclass
class Tally:
    """Rows that were read, and what became of them.

    ``stickers`` are their hashes, each with a bit for every split that it stands in; ``licences``
    are those that rows state themselves.
    """

    rows: int = 0
    with_bytes: int = 0
    stickers: dict[bytes, int] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)
    gone: int = 0
    own_licence: int = 0
    licences: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Imported:
    """What an import brought: ``rows`` of the data set = ``stickers`` + ``same_bytes`` + failed.

    ``new_stickers`` were not in the workspace before; ``gone`` are rows of an earlier import;
    ``in_several_splits`` are stickers whose bytes the data set has in more than one of its splits;
    ``own_licence`` rows state a licence of their own, ``own_licences`` the most frequent ones.
    """

    rows: int
    stickers: int
    same_bytes: int
    failed: dict[str, int]
    new_stickers: int
    new_bytes: int
    gone: int
    in_several_splits: int
    own_licence: int
    own_licences: dict[str, int]


def import_rows(
    workspace: Workspace,
    config: CrawlConfig,
    dataset: str,
    rows: Iterable[Row],
    terms: Terms,
    report: Callable[[str], None] = lambda text: None,
    tell: Callable[[str], None] = lambda text: None,
) -> Imported:
    """Take all rows of a data set into the ledger, then write the tables; ``tell`` is told why
    rows have no bytes.

    Safe to interrupt at any moment and to run again. The caller holds the workspace's lock. What
    the data set held in an earlier import and holds no more is marked as gone. When reading it
    fails, what was read by then is in the tables all the same.
    """
    takedown = load_takedown(config, workspace)
    sweep(workspace)
    tally, visited = Tally(), Visited()
    with open_ledger(workspace.root / LEDGER) as ledger:
        refuse_known(ledger, takedown)
        crawl = LocalCrawl(workspace, ledger, visited, config.max_bytes, takedown)
        crawl.whole_records = True
        try:
            for row in rows:
                files = list(files_of(dataset, row, terms))
                _count(tally, row, _take(crawl, ledger, visited, tally.rows, files), tell)
                if tally.rows % _REPORT_EVERY == 0:
                    report(f"{dataset}: {len(tally.stickers):,} stickers in {tally.rows:,} rows")
            tally.gone = _note_gone(ledger, dataset, visited)
        finally:
            exported = _export(workspace, ledger, config)
    return Imported(
        rows=tally.rows,
        stickers=len(tally.stickers),
        same_bytes=tally.with_bytes - len(tally.stickers),
        failed=dict(sorted(tally.failed.items())),
        new_stickers=sum(exported.placed.stickers.values()),
        new_bytes=sum(exported.placed.nbytes.values()),
        gone=tally.gone,
        in_several_splits=sum(splits.bit_count() > 1 for splits in tally.stickers.values()),
        own_licence=tally.own_licence,
        own_licences=dict(tally.licences.most_common(_MOST_FREQUENT)),
    )


def _take(
    crawl: LocalCrawl,
    ledger: CrawlLedger,
    visited: Visited,
    place: int,
    files: Sequence[LocalFile],
) -> str | FetchFailure:
    """Bring the observations of one row to their end: the hash of its bytes, or why it has none."""
    keys = [key_of(SOURCE, file.observation) for file in files]
    if any(key in visited.keys for key in keys):
        return _STOOD  # the ledger keeps the first row of that name
    hashes = [
        crawl.take(key, place, file, file.observation.redistribute or False)
        for key, file in zip(keys, files, strict=True)
    ]
    known = ledger.find(keys[0])
    # What was taken down leaves no row.
    failure = known.failure if known else _TAKEN_DOWN
    return next(filter(None, hashes), None) or failure or _NO_BYTES


def _count(tally: Tally, row: Row, found: str | FetchFailure, tell: Callable[[str], None]) -> None:
    tally.rows += 1
    own = _own_licence(row)
    if own is not None:
        tally.own_licence += 1
        # A data set of texts in the wrong column has as many as rows.
        if own in tally.licences or len(tally.licences) < _MOST_LICENCES:
            tally.licences[own] += 1
    if isinstance(found, str):
        tally.with_bytes += 1
        key, bit = bytes.fromhex(found), SPLITS.index(row.split) if row.split in SPLITS else None
        tally.stickers[key] = tally.stickers.get(key, 0) | (0 if bit is None else 1 << bit)
        return
    tally.failed[found.error_class] += 1
    if found is _TAKEN_DOWN:
        return  # nor a name
    tell(f"{encode_name(row.id)}: {found.error}")


def _own_licence(row: Row) -> str | None:
    return storable(row.origin.get("licence"), _LONGEST_LICENCE)


def files_of(dataset: str, row: Row, terms: Terms) -> Iterator[LocalFile]:
    """One observation for each trigger word of a row, or one without a query."""
    words = dict.fromkeys(filter(None, map(_query, row.trigger_words)))
    problem = _problem(row, len(words))
    path = row.file if row.file is not None else Path("/", encode_name(row.id).replace("/", "_"))
    own = _own_licence(row) is not None
    stated = terms.licence is not None and not own
    queries: Sequence[str | None] = list(words)[:_MAX_TRIGGER_WORDS] or [None]
    for word in queries:
        observation = Observation(
            source_id=f"{dataset}/{row.id}",
            query=word,
            pack_id=f"{dataset}/{row.texts['pack']}" if row.texts.get("pack") else None,
            pack_title=row.texts.get("pack"),
            author=row.origin.get("author"),
            tags=tuple(sorted(row.targets)),
            page_url=row.origin.get("page_url"),
            licence=terms.licence if stated else row.origin.get("licence"),
            licence_url=terms.licence_url if stated else row.origin.get("licence_url"),
            licence_basis="site" if stated else _basis(row, own),
            redistribute=terms.redistribute,
            raw=said_of(dataset, row),
        )
        yield LocalFile(observation, path, None, problem, row.data)


def _basis(row: Row, own: bool) -> str:
    basis = row.origin.get("licence_basis") or "none"
    return "item" if own and basis == "none" else basis


def _problem(row: Row, words: int) -> tuple[str, str, str] | None:
    if words > _MAX_TRIGGER_WORDS:
        told = f"it has {words} trigger words, more than {_MAX_TRIGGER_WORDS}"
        return "failed", "too_many_keywords", told
    if len(row.targets) > MAX_TAGS:
        return "failed", "too_many_tags", f"it has {len(row.targets)} tags, more than {MAX_TAGS}"
    if row.problem is not None:
        return "failed", "unusable_row", row.problem
    if row.data is None and row.file is None:
        return _NO_BYTES.state, _NO_BYTES.error_class, _NO_BYTES.error
    return None


def _query(word: str) -> str | None:
    # The key of an observation can't be cut; what is longer is told as that.
    return word if len(word) > MAX_CHARACTERS else storable(word)


def _note_gone(ledger: CrawlLedger, dataset: str, visited: Visited) -> int:
    """Mark what an earlier import of the data set held, and this one doesn't."""
    gone = [key for key, _ in ledger.unlisted(SOURCE, visited.keys) if _belongs(key, dataset)]
    for key in gone:
        ledger.record_failure(key, _GONE)
    return len({key.source_id for key in gone})


def _belongs(key: Key, dataset: str) -> bool:
    return key.source_id.startswith(f"{dataset}/")


def _export(workspace: Workspace, ledger: CrawlLedger, config: CrawlConfig) -> ExportedShards:
    order = [*(ours.source for ours in config.sources), SOURCE]
    packs = workspace.store.remote if config.pack_media is None else config.pack_media
    return export(workspace, ledger, order, config.shard_rows, packs)
