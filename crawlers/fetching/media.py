"""Fetches the bytes of each observation: ledger, download, sniff, write, and the row last."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from scrapy import Request
from scrapy.http import Response

from crawlers.fetching.facts import facts_of, facts_without_answer
from crawlers.fetching.failures import (
    failure_of_exception,
    failure_of_other_bytes,
    failure_of_status,
)
from crawlers.fetching.host_health import HostHealth
from crawlers.fetching.known_media import KnownMedia
from crawlers.fetching.middlewares.guard import host_of
from crawlers.fetching.settings import concurrency_of
from crawlers.fetching.source_run import SourceRun
from crawlers.fetching.takedowns import objection_to_answer
from crawlers.fetching.trace import API, META, Trace
from crawlers.ledger.ledger import POSITION_BITS, Blob, FetchFailure, Known, ledger_errors
from crawlers.ledger.store import has_bytes, media_path, store
from crawlers.local.files import LocalCrawl, Visited
from crawlers.names import claimed_extension
from crawlers.observation import (
    Key,
    LocalFile,
    Observation,
    columns_of,
    is_cut,
    key_of,
    told_of_cuts,
    too_long,
    without_keys,
)
from crawlers.preferences.c2pa import has_c2pa
from crawlers.preferences.headers import HeaderPreferences
from crawlers.sniff import sniff
from crawlers.takedown.takedown import ERROR_CLASS, TAKEN_DOWN
from crawlers.user_agent import user_agent
from pipeline.engine.database import transaction
from pipeline.engine.text import storable

_OPT_OUTS = frozenset({"opt_out", "robots", ERROR_CLASS})


@dataclass(frozen=True)
class Found:
    """An observation that is in the ledger, and what the ledger knew of it before."""

    key: Key
    observation: Observation
    known: Known | None


class MediaFetcher:
    """Turns each listed observation into a row of the ledger: with bytes, or with the reason."""

    def __init__(self, crawler: Any, run: SourceRun) -> None:
        self._crawler = crawler
        self._run = run
        self._held = KnownMedia(run)
        self.policy = self._held.policy
        self._agent = user_agent(run.config)
        self._hosts = HostHealth(
            lambda text: run.report(f"{run.source}: {text}"),
            many_hosts=run.plugin.listing is None,
        )
        self._locks: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()
        self._rooms: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._cut = 0
        visited = Visited(partial={run.source})
        self._files = LocalCrawl(
            run.workspace, run.ledger, visited, run.config.max_bytes, run.takedown
        )

    def note(
        self, observations: Iterable[tuple[int, Observation]], listing_pass: int = 0
    ) -> list[Found]:
        """Note in the ledger that the source lists these now: all of them, or none.

        Each comes with its place in the order of the source's listings, in which stickers enter
        the tables; ``listing_pass`` is that of their query. What was taken down isn't noted.
        """
        with ledger_errors(self._run.ledger.path), transaction(self._run.ledger.connection):
            return [
                self._note(one, place, listing_pass)
                for place, one in observations
                if not self._is_taken_down(one)
            ]

    def is_held(self, key: Key) -> bool:
        """Whether the bytes of an item that is listed under this key are there."""
        known = self._run.ledger.find(key)
        return known is not None and known.state == "ok" and self._held.is_settled(known)

    def settled(self, found: Found) -> bool:
        """Whether nothing needs to be fetched: the bytes are there, or can't be had."""
        if found.known is None or not self._held.is_settled(found.known):
            return False
        return found.known.state != "ok" or self._objection(found) is None

    def take_file(self, file: LocalFile, place: int) -> str | None:
        """Bring a file on this machine to its end; the hash of its bytes, or None without any."""
        listing = (self._run.position << POSITION_BITS) + place
        key = key_of(self._run.source, file.observation)
        return self._files.take(key, listing, file, self._redistribute(file.observation))

    async def take(self, found: Found) -> tuple[bool, str | None]:
        """Bring an observation to its end: whether it has one, and the hash of its bytes.

        It has none where the run stopped before: the row stays pending.
        """
        run, key = self._run, found.key
        refused = self._unwanted(found)
        if refused is not None:
            run.ledger.record_failure(key, replace(refused, policy=self.policy))
            return True, None
        if found.known is not None and self._held.is_settled(found.known):
            return True, found.known.blob.sha256 if found.known.blob else None
        async with self._lock((key.source_id, key.variant)):
            same = run.ledger.find_item(key)
            if same is not None and same.blob is not None and self._held.is_settled(same):
                run.ledger.record_blob(key, same.blob, same.facts)
                return True, same.blob.sha256
            url = found.observation.media_url or ""
            if same is None and (lost := self._failed_elsewhere(found)) is not None:
                self._hosts.share(key, lost, url)
                run.ledger.record_failure(key, lost)
                return True, None
            async with self._room(url):
                left = self._hosts.left_alone(url)
                if left is not None:
                    return True, self._without_answer(found, left)
                return await self._fetch(found)

    def _unwanted(self, found: Found) -> FetchFailure | None:
        """Why nobody is asked for this."""
        reason = too_long(found.observation)
        if reason is not None:
            return FetchFailure("failed", "too_long", reason)
        refused = self._objection(found)
        if refused is None and not found.observation.media_url:
            return FetchFailure("failed", "no_address", "it is listed without an address")
        return refused

    def _failed_elsewhere(self, found: Found) -> FetchFailure | None:
        """Why the same item can't be had, as its host said when another query found it."""
        same = self._run.ledger.find_failed_item(found.key, self.policy)
        return same.failure if same is not None and self._held.is_settled(same) else None

    def _without_answer(self, found: Found, failure: FetchFailure) -> str | None:
        """Note that nobody was asked; the hash of the bytes that we hold all the same."""
        known = found.known
        if known is not None and known.blob is not None and self._held.has_bytes(known):
            return known.blob.sha256
        self._run.ledger.record_failure(found.key, failure)
        return None

    def tell_cuts(self) -> None:
        """Tell people of observations that say more than is kept, and of files that were refused
        for how they look."""
        cut = self._cut + self._files.cut
        if cut:
            self._run.report(told_of_cuts(self._run.source, cut))
        if (alike := self._run.takedown.told_of_alike(self._run.source)) is not None:
            self._run.report(alike)

    def _note(self, observation: Observation, place: int, listing_pass: int) -> Found:
        run = self._run
        shown = without_keys(observation, run.ledger.without_secrets)
        key, columns = key_of(run.source, shown), columns_of(shown)
        listing = (run.position << POSITION_BITS) + place
        self._cut += is_cut(observation, columns)
        redistribute = self._redistribute(observation)
        known = run.ledger.note(key, listing, columns, redistribute, run.earlier, listing_pass)
        return Found(key, observation, known)

    def _is_taken_down(self, observation: Observation) -> bool:
        run = self._run
        return run.takedown.tombstones.name(observation, run.source) or run.ledger.is_taken_down(
            observation.media_url
        )

    def _redistribute(self, observation: Observation) -> bool:
        given = observation.redistribute
        return self._run.redistribute if given is None else given

    def _objection(self, found: Found) -> FetchFailure | None:
        return self._run.takedown.objection(found.observation, self._run.source)

    async def _fetch(self, found: Found) -> tuple[bool, str | None]:
        key, known = found.key, found.known
        trace, url = Trace(), found.observation.media_url or ""
        try:
            headers = self._held.conditions(known)
            meta = {META: trace, API: found.observation.api}
            request = Request(url, headers=headers, meta=meta, dont_filter=True)
            response: Response = await self._crawler.engine.download_async(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, it costs this file alone
            if self._run.stopped.is_set():
                return False, None  # the run ended, not this file
            lost = replace(
                failure_of_exception(error), facts=facts_without_answer(trace, self._agent)
            )
            return True, self._record_failure(found, lost, trace)
        opted_out = self._opted_out(response, trace)
        unchanged = response.status == 304 and headers and opted_out is None
        if unchanged and known is not None and known.blob is not None:
            self._hosts.got(url)
            self._run.ledger.record_check(key)
            return True, known.blob.sha256
        failure = opted_out or failure_of_status(response.status)
        data = b"" if failure is not None else self._decoded(found.observation, response.body)
        if isinstance(data, FetchFailure):
            failure, data = data, b""
        name = sniff(data)
        if failure is not None or name is None:
            last = known.failure if known else None
            failure = failure or failure_of_other_bytes(response, last, self.policy)
            failure = replace(failure, facts=facts_of(response, trace, self._agent))
            return True, self._record_failure(found, failure, trace)
        self._hosts.got(url)
        refused = await objection_to_answer(
            self._run.takedown, self._run.ledger, response, data, name
        )
        if refused is not None:
            self._refuse(found, refused, response, trace)
            return True, None
        return True, self._keep(key, data, name, response, trace)

    def _refuse(
        self, found: Found, refused: FetchFailure, response: Response, trace: Trace
    ) -> None:
        if refused.error_class == TAKEN_DOWN:
            self._run.ledger.forget(found.key, found.observation.media_url)
            return
        facts, policy = facts_of(response, trace, self._agent), refused.policy or self.policy
        failure = replace(refused, facts=facts, policy=policy)
        self._run.ledger.record_failure(found.key, failure)

    def _decoded(self, observation: Observation, data: bytes) -> bytes | FetchFailure:
        decode = self._run.plugin.decode
        if decode is None:
            return data
        try:
            return decode(observation, data)
        except ValueError as error:
            text = storable(str(error), 300) or "they can't be decoded"
            return FetchFailure("failed", "undecodable", text)

    def _keep(self, key: Key, data: bytes, name: str, response: Response, trace: Trace) -> str:
        extension = claimed_extension(key.source_id) or claimed_extension(
            urlsplit(response.url).path
        )
        sha256 = hashlib.sha256(data).hexdigest()
        path = media_path(sha256, name)
        store(self._run.workspace, path, data)
        blob = Blob(sha256, name, len(data), path, extension, has_c2pa(data, name))
        if not self._run.ledger.record_blob(key, blob, facts_of(response, trace, self._agent)):
            self._run.ledger.repoint(sha256, self._better_path(sha256, path))
        return sha256

    def _better_path(self, sha256: str, path: str) -> str:
        """The path on record, unless its file is gone and ours is there."""
        run, known = self._run, self._run.ledger.blob(sha256)
        return known.path if known and has_bytes(run.workspace, run.ledger, known) else path

    def _record_failure(self, found: Found, failure: FetchFailure, trace: Trace) -> str | None:
        """Note why there are no bytes; the hash of those that we hold all the same.

        A file that is known stays known when it's asked for again and isn't to be had: only a
        refusal takes it out.
        """
        key, known = found.key, found.known
        retry_at = trace.retry_at if failure.state == "retry_at" else None
        policy = failure.policy or self.policy
        failure = replace(failure, attempts=trace.attempts, retry_at=retry_at, policy=policy)
        held = known.blob if known is not None and self._held.has_bytes(known) else None
        if held is None or (failure.state == "refused" and failure.error_class in _OPT_OUTS):
            self._run.ledger.record_failure(key, failure)
            held = None
        elif failure.state != "retry_at":
            self._run.ledger.record_check(key)
        url = found.observation.media_url or ""
        again, error = self._hosts.add(key, failure, url, held is not None)
        for lost, last in again:
            self._run.ledger.record_failure(lost, last)
        if error is not None:
            self._run.fail(error)
        return held.sha256 if held else None

    def _opted_out(self, response: Response, trace: Trace) -> FetchFailure | None:
        if response.status not in (200, 304):
            return None  # what headers say is said of a page of errors
        if trace.preference is None:
            said = HeaderPreferences.of(response.headers.getlist)
            trace.preference = said.refusal(self._agent)
        if trace.preference is None or not self._run.config.obey_preferences:
            return None
        error = f"the host keeps it from training: {trace.preference}"
        return FetchFailure("refused", "opt_out", error)

    def _room(self, url: str) -> asyncio.Semaphore:
        """Room for files of one host between their first request and their row.

        Scrapy's slot is free for the next request before an answer is looked at, so that a host
        that refuses would be asked for every file at hand before the first refusal counts.
        """
        host = host_of(url)
        room = self._rooms.get(host)
        if room is None:
            room = asyncio.Semaphore(2 * concurrency_of(self._run.config, url))
            self._rooms[host] = room
        return room

    def _lock(self, name: object) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())
