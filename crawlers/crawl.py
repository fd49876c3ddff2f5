"""The crawl: every configured source into the ledger, then the ledger into tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from crawlers.child import SourceError, crawl_in_child
from crawlers.ledger.export import ExportedShards, export
from crawlers.ledger.ledger import LEDGER, open_ledger
from crawlers.ledger.store import sweep
from crawlers.local.files import LocalCrawl, NeedsFetchingError, Visited, crawl_files, note_missing
from crawlers.source import Source, list_items, load_source, read_options
from crawlers.takedown.known import refuse_known
from crawlers.takedown.takedown import Takedown, load_takedown
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import CrawlConfig, SourceConfig


@dataclass(frozen=True)
class SourceSummary:
    """What one source brought: new stickers, their bytes, and failures by error class."""

    source: str
    new_stickers: int
    new_bytes: int
    unfetched: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class CrawlSummary:
    """What a crawl brought, what the tables hold after it, and which sources failed and why."""

    observations: int
    stickers: int
    new_stickers: int
    new_bytes: int
    unfetched: dict[str, int]
    sources: tuple[SourceSummary, ...]
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Job:
    source: Source
    options: BaseModel
    config: SourceConfig
    position: int


def crawl(
    workspace: Workspace,
    config: CrawlConfig,
    report: Callable[[str], None] = lambda text: None,
    positions: Collection[int] | None = None,
) -> CrawlSummary:
    """Crawl the configured sources at these places, or all, in order; then write the tables.

    Safe to interrupt at any moment and to run again. The caller holds the workspace's lock.
    A source that can't be reached or refuses costs itself alone; StickerworksError where all do,
    or the configuration is wrong. What was fetched by then is in the tables either way.
    """
    jobs = [
        _job(ours, position)
        for position, ours in enumerate(config.sources)
        if positions is None or position in positions
    ]
    takedown = load_takedown(config, workspace)
    sweep(workspace)
    with open_ledger(workspace.root / LEDGER) as ledger:
        refused, freed = refuse_known(ledger, takedown)
        if refused:
            report(f"{refused} observations fetched before are on the takedown list now")
        if freed:
            report(f"{freed} observations are on the takedown list no more")
    visited = Visited()
    errors: dict[int, StickerworksError] = {}
    for job in jobs:
        report(f"{job.source.name}: crawling {job.source.title}")
        _note_redistribute(workspace, job, config)
        try:
            _crawl_source(workspace, config, job, visited, takedown, report)
        except SourceError as error:
            errors[job.position] = error
            report(f"{job.source.name}: {error}")
    names = list(dict.fromkeys(job.source.name for job in jobs))
    with open_ledger(workspace.root / LEDGER) as ledger:
        for name in _walked(jobs, errors):
            note_missing(ledger, name, visited)
        order = [ours.source for ours in config.sources]
        exported = export(workspace, ledger, order, config.shard_rows, _packs(workspace, config))
        failures = {name: ledger.failures(name) for name in names}
    if len(errors) == len(jobs):
        raise next(iter(errors.values()))
    failed = {config.sources[place].source: str(error) for place, error in errors.items()}
    return _summary(exported, failures, failed)


def _crawl_source(
    workspace: Workspace,
    config: CrawlConfig,
    job: _Job,
    visited: Visited,
    takedown: Takedown,
    report: Callable[[str], None],
) -> None:
    _check_terms(job)
    if _crawl_local(workspace, config, job, visited, takedown, report):
        return
    # What else it holds nobody here knows: only files that are gone are missing.
    visited.partial.add(job.source.name)
    crawl_in_child(job.source, config, job.position, workspace, report)


def export_again(workspace: Workspace, config: CrawlConfig) -> None:
    """Write the tables that lack, or differ from the ledger, without asking any source.

    The caller holds the workspace's lock.
    """
    names = list(dict.fromkeys(source.source for source in config.sources))
    with open_ledger(workspace.root / LEDGER) as ledger:
        export(workspace, ledger, names, config.shard_rows)


def _job(ours: SourceConfig, position: int) -> _Job:
    source = load_source(ours.source)
    return _Job(source, read_options(source, ours, position), ours, position)


def _packs(workspace: Workspace, config: CrawlConfig) -> bool:
    return workspace.store.remote if config.pack_media is None else config.pack_media


def _note_redistribute(workspace: Workspace, job: _Job, config: CrawlConfig) -> None:
    value, name = job.config.redistribute, job.source.name
    if value is None:
        return
    # A ban reaches what the source listed from another position too, unless another source of
    # that name may have listed it; a permission reaches no further than the source itself.
    alone = sum(other.source == name for other in config.sources) == 1
    with open_ledger(workspace.root / LEDGER) as ledger:
        ledger.set_redistribute(name, value, None if alone and not value else job.position)


def _crawl_local(
    workspace: Workspace,
    config: CrawlConfig,
    job: _Job,
    visited: Visited,
    takedown: Takedown,
    report: Callable[[str], None],
) -> bool:
    """Take the files of a source; False when it lists what must be fetched."""
    ours = job.config
    if job.source.observations is None:
        return False
    with open_ledger(workspace.root / LEDGER) as ledger:
        try:
            crawl_files(
                LocalCrawl(workspace, ledger, visited, config.max_bytes, takedown),
                _listed(job),
                job.source.name,
                job.position,
                job.source.may_redistribute(ours),
                ours.limit,
                report,
            )
        except NeedsFetchingError:
            return False
    return True


def _walked(jobs: Sequence[_Job], errors: Collection[int]) -> list[str]:
    """Sources of files that could be listed; a folder on a disk that isn't there says nothing."""
    failed = {job.source.name for job in jobs if job.position in errors}
    names = dict.fromkeys(job.source.name for job in jobs if job.source.observations)
    return [name for name in names if name not in failed]


def _check_terms(job: _Job) -> None:
    source = job.source
    if source.must_accept and not job.config.accept_terms:
        raise SourceError(
            f"The source {source.name} asks you to accept its terms: {source.terms}",
            f"If you do, set crawl.sources[{job.position}].accept_terms to true.",
        )


def _listed(job: _Job) -> Iterator[object]:
    """What a source lists; what keeps it from listing costs that source alone."""
    try:
        yield from list_items(job.source, job.options)
    except StickerworksError as error:
        raise SourceError(error.message, error.remedy) from error


def _summary(
    exported: ExportedShards, failures: dict[str, dict[str, int]], failed: dict[str, str]
) -> CrawlSummary:
    placed = exported.placed
    names = list(dict.fromkeys([*failures, *placed.stickers]))
    totals: dict[str, int] = {}
    for counts in failures.values():
        for error_class, count in counts.items():
            totals[error_class] = totals.get(error_class, 0) + count
    return CrawlSummary(
        observations=exported.observations,
        stickers=exported.stickers,
        new_stickers=sum(placed.stickers.values()),
        new_bytes=sum(placed.nbytes.values()),
        unfetched=dict(sorted(totals.items())),
        sources=tuple(
            SourceSummary(
                name,
                placed.stickers.get(name, 0),
                placed.nbytes.get(name, 0),
                failures.get(name, {}),
            )
            for name in names
        ),
        failed=failed,
    )
