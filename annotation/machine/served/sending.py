"""One request sent until it is answered, refused for good, or given up."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from annotation.machine.served.options import ServedOptions
from annotation.machine.served.outage import Outage
from annotation.machine.served.throttle import Throttle
from pipeline.engine.errors import StickerworksError
from pipeline.engine.retry_after import retry_after_s
from pipeline.engine.text import one_line

_LARGEST = 4_000_000
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
_OVERLOADED = frozenset({429, 503, 529})
_AWAY = frozenset({502, 503, 504})
_ROW = frozenset({400, 413, 415, 422})
_FEWEST_FAILURES = 20
_TOO_MANY = 429
# A quota is no fault: it is waited for, about twenty times the longest pause.
_PATIENCE = 24


@dataclass(frozen=True)
class Reply:
    """A response's JSON with the seconds it took; or why there is none, with the status.

    ``away`` says that nobody seems to be there: no connection, or a gateway that found nobody.
    """

    body: Any = None
    seconds: float = 0.0
    error: str | None = None
    status: int | None = None
    away: bool = False


class Sender:
    """Posts JSON to one endpoint, with retries, backpressure, and an end when the server is gone.

    The key goes into a header and nowhere else: what a server says is cut, and the key is taken
    out of it, before it is told.
    """

    def __init__(self, options: ServedOptions) -> None:
        self._options = options
        self._throttle = Throttle(options.in_flight)
        self._outage = Outage(options.longest_wait_s)
        key = options.key
        self._secret = key
        headers = {
            "User-Agent": "stickerworks",
            "Accept": "application/json",
            # A packed answer may unpack to any size.
            "Accept-Encoding": "identity",
        }
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self._session = aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=options.timeout_s),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=not options.is_local,  # proxies that the environment names
        )
        self._failures = self._refusals = 0
        self._answered = False

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def post(self, path: str, body: dict[str, Any], needs: str) -> Reply:
        """Send until there is a reply for good: JSON with something under ``needs``, or a refusal.

        Raises StickerworksError when none can come.
        """
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        failed = turned_away = sent = outage = 0
        while True:
            async with self._throttle.slot(), self._outage.turn() as probing:
                reply, wait = await self._once(path, data, needs)
                self._weigh(reply, probing)
            if reply.error is None or reply.status in _ROW:
                return reply
            sent += 1
            lost = reply.away and self._outage.too_long and await self._is_question_lost(reply)
            if reply.status == _TOO_MANY:
                turned_away += 1
            elif not reply.away or outage != self._outage.number:
                # An outage costs a question one of its attempts, however long it lasts.
                failed, outage = failed + 1, self._outage.number
            if lost or failed >= self._options.attempts or turned_away >= _PATIENCE:
                return Reply(error=f"given up after {sent} attempts: {reply.error}")
            # Full jitter: a crowd that was turned away together doesn't come back together.
            backoff = min(self._options.longest_wait_s, 0.5 * 2 ** (failed + turned_away - 1))
            await asyncio.sleep(max(wait, random.uniform(0, backoff)))

    async def get(self, path: str) -> Reply:
        """One GET, for finding out what the server has."""
        reply, _ = await self._once(path, None, None)
        return reply

    def _weigh(self, reply: Reply, probing: bool) -> None:
        """What a reply says of the server: that it is gone, or that it is there."""
        if reply.away:
            self._outage.failed(probing=probing)
        elif self._outage.over():
            # It didn't take single requests either: that was no overload.
            self._throttle.reset()

    async def _is_question_lost(self, reply: Reply) -> bool:
        """Whether the server is there all the same; StickerworksError when it is gone."""
        try:
            there = not (await self.get("/models")).away
        except StickerworksError:
            there = True  # it doesn't list its models, says somebody
        if not self._outage.too_long:
            return False  # somebody was answered meanwhile
        if there:
            self._count(reply.error)
            return True
        raise StickerworksError(
            f"{self._options.base_url} has been gone for {self._outage.seconds:,.3g} s, the last "
            f"time because: {reply.error}.",
            f"{_KEPT} annotate.options.longest_wait_s says how long to wait for it.",
        )

    async def _once(self, path: str, data: bytes | None, needs: str | None) -> tuple[Reply, float]:
        started = time.monotonic()
        url = self._options.base_url + path
        try:
            status, headers, content = await self._exchange(url, data)
        except TimeoutError:
            late = f"no answer within {self._options.timeout_s:g} s"
            return self._failed(late, away=self._outage.lasts), 0.0
        except (aiohttp.ClientError, OSError) as error:
            said = self._tell(f"{type(error).__name__}: {error}".rstrip(": "))
            return self._failed(said, away=isinstance(error, _CONNECTION)), 0.0
        if status == 200:
            return self._read(content, needs, time.monotonic() - started), 0.0
        said = self._tell(_error_text(content))
        if status in _TRANSIENT:
            asked = retry_after_s(headers.get("retry-after"), datetime.now(UTC)) or 0.0
            wait = min(asked, self._options.longest_wait_s)
            away = status in _AWAY
            if status in _OVERLOADED:
                if not (away and self._outage.lasts):
                    self._throttle.ease()
                self._throttle.pause(wait)
            return self._failed(f"the server answered {status}: {said}", status, away=away), wait
        if status in _ROW:
            self._refused(url, said)
            return Reply(error=f"the server answered {status}: {said}", status=status), 0.0
        raise _hopeless(url, status, said, self._options)

    async def _exchange(self, url: str, data: bytes | None) -> tuple[int, Mapping[str, str], bytes]:
        method, kind = ("GET", {}) if data is None else ("POST", {"Content-Type": _JSON})
        asked = self._session.request(method, url, data=data, headers=kind, allow_redirects=False)
        async with asked as response:
            pieces, size = [], 0
            async for piece in response.content.iter_any():
                size += len(piece)
                if size > _LARGEST:
                    raise aiohttp.ClientError(f"it is larger than {_LARGEST:,} bytes")
                pieces.append(piece)
            return response.status, response.headers, b"".join(pieces)

    def _refused(self, url: str, said: str) -> None:
        """Count a request that the server won't take; StickerworksError when it takes none."""
        self._failures = 0
        self._refusals += 1
        if not self._answered and self._refusals >= _FEWEST_FAILURES:
            raise StickerworksError(
                f"{url} refused each of the first {self._refusals} requests: {said}",
                "Check annotate.options, such as model, extra and structured.",
            )

    def _read(self, content: bytes, needs: str | None, seconds: float) -> Reply:
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            return self._failed("the answer is no JSON", 200)
        if needs and not (isinstance(body, dict) and body.get(needs)):
            # As proxies and servers that are starting answer now and then.
            return self._failed(f"the answer has no {needs}: {self._tell(_error_text(content))}")
        self._failures = 0
        self._answered = True
        self._throttle.grow()
        return Reply(body, seconds, status=200)

    def _failed(self, error: str, status: int | None = None, *, away: bool = False) -> Reply:
        """A failure that may pass. Being turned away says that the server lives."""
        if status != _TOO_MANY and not away:
            self._count(error)
        return Reply(error=error, status=status, away=away)

    def _count(self, error: str | None) -> None:
        """Count a failure; StickerworksError when nothing else comes any more."""
        self._failures += 1
        if self._failures >= max(_FEWEST_FAILURES, 3 * self._options.in_flight):
            raise StickerworksError(
                f"{self._options.base_url} failed {self._failures} times in a row, the last time "
                f"because: {error}.",
                _KEPT,
            )

    def _tell(self, text: str) -> str:
        if self._secret:
            text = text.replace(self._secret, "[key]")
        return one_line(text, 300) or "nothing"


_JSON = "application/json"
_KEPT = "What was answered is kept. Look at the server, then run the same command again."
# Refused, reset, or hung up in the middle of an answer.
_CONNECTION = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError)


def _error_text(content: bytes) -> str:
    text = content[:4000].decode("utf-8", "replace")
    try:
        body = json.loads(content)
        error = body.get("error", body) if isinstance(body, dict) else body
        found = error.get("message", error) if isinstance(error, dict) else error
        return found if isinstance(found, str) else text
    except (ValueError, RecursionError):
        return text


def _hopeless(url: str, status: int, said: str, options: ServedOptions) -> StickerworksError:
    remedy = {
        401: f"Put the server's key into the environment variable {options.key_env}.",
        403: f"The key in {options.key_env} may not use this model.",
        404: f"Check annotate.options.base_url and the model's name {options.model!r}.",
    }.get(status, "Check annotate.options.base_url; redirects are not followed.")
    return StickerworksError(f"{url} answered {status}: {said}", remedy)
