"""One request sent until it is answered, refused for good, or given up."""

from __future__ import annotations

import asyncio
import errno
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from annotation.machine.served.news import Say
from annotation.machine.served.options import ServedOptions
from annotation.machine.served.outage import Outage
from annotation.machine.served.throttle import Throttle
from pipeline.engine.errors import StickerworksError
from pipeline.engine.retry_after import retry_after_s
from pipeline.engine.text import one_line

_LARGEST = 4_000_000
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
_OVERLOADED = frozenset({429, 503, 529})
_ROW = frozenset({400, 413, 415, 422})
_KEY_REFUSED = frozenset({401, 403})
_FEWEST_REFUSALS = 20
_TOO_MANY, _STARTING = 429, 503
# A quota is no fault: it is waited for, about twenty times the longest pause.
_PATIENCE = 24
_LONGEST_PAUSE_S = 60.0
# How long a server that never answered is waited for, unless it says that it is starting.
_UNKNOWN_S = 60.0
_FIRST_PROBE_S = 5.0
# Shorter outages are over before anybody could wonder.
_TOLD_AFTER_S = 3.0
# So many different questions, one of which alone may be what breaks the server.
_MANY_QUESTIONS = 5

Useful = Callable[[Any], bool]
"""Whether a response's JSON holds what was asked for."""


@dataclass(frozen=True)
class Reply:
    """A response's JSON with the seconds it took; or why there is none, with the status.

    ``refused`` says that nobody listens at the port.
    """

    body: Any = None
    seconds: float = 0.0
    error: str | None = None
    status: int | None = None
    refused: bool = False


class Sender:
    """Posts JSON to one endpoint, with retries, backpressure, and an end when the server is gone.

    ``small`` is the body of a small question, by which a server that gave nothing useful is tried.
    The key goes into a header and nowhere else: what a server says is cut, and the key is taken
    out of it, before it is told. ``say`` is told of outages that last, and of their end.
    """

    def __init__(
        self,
        options: ServedOptions,
        small: Callable[[], dict[str, Any]],
        say: Say = lambda line: None,
    ) -> None:
        self._options = options
        self._say, self._told = say, False
        self._small = small
        self._throttle = Throttle(options.in_flight)
        self._outage = Outage(options.longest_wait_s, options.in_flight)
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
        self._refusals = 0
        self._probes: tuple[int, int] = (0, 0)
        self._answered = self._known = False

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def post(self, path: str, body: dict[str, Any], useful: Useful) -> Reply:
        """Send until there is a reply for good: useful JSON, or a refusal.

        Raises StickerworksError when none can come.
        """
        data = _packed(body)
        question = object()
        failed = turned_away = sent = 0
        outage = -1

        async def look() -> float | None:
            return await self._look(path, useful)

        while True:
            async with self._throttle.slot(), self._outage.turn(look) as probing:
                reply, wait = await self._once(path, data, useful)
                self._weigh(reply, question, probing, wait)
            if reply.error is None or reply.status in _ROW:
                return reply
            sent += 1
            if reply.status == _TOO_MANY:
                turned_away += 1
            elif probing or not self._outage.lasts or outage != self._outage.number:
                # What was under way as an outage began pays one attempt, however long it lasts.
                failed, outage = failed + 1, self._outage.number
            many = min(_MANY_QUESTIONS, max(2, self._options.in_flight))
            if probing and self._outage.questions >= many:
                self._end_if_long(reply, "answers small questions alone")
            if failed >= self._options.attempts or turned_away >= _PATIENCE:
                return Reply(error=f"given up after {sent} attempts: {reply.error}")
            # Full jitter: a crowd that was turned away together doesn't come back together.
            longest = min(self._options.longest_wait_s, _LONGEST_PAUSE_S)
            backoff = min(longest, 0.5 * 2 ** (failed + turned_away - 1))
            await asyncio.sleep(max(wait, random.uniform(0, backoff)))

    async def models(self, names: Callable[[Any], bool]) -> Reply:
        """What models the server lists; ``names`` says whether ours is among them."""
        reply, _ = await self._once("/models", None, lambda body: True)
        self._known = reply.error is None and names(reply.body)
        return reply

    def _weigh(self, reply: Reply, question: object, probing: bool, wait: float) -> None:
        """What a reply says of the server: that it is gone, or that it is there."""
        if _is_somebody(reply):
            if self._told:
                self._say(f"{self._options.base_url} answers again: going on")
                self._told = False
            if self._outage.over():
                # It didn't take single requests either: that was no overload.
                self._throttle.reset()
        else:
            self._outage.failed(question, probing=probing, wait_s=wait)

    async def _look(self, path: str, useful: Useful) -> float | None:
        """Ask a small question: None when it is answered, else the pause that was asked for.

        StickerworksError when none was answered for too long.
        """
        number, probes = self._probes
        probes = probes + 1 if number == self._outage.number else 0
        self._probes = (self._outage.number, probes)
        # Long enough for a slow server in the end, and soon told of one that only takes calls.
        patience = min(self._options.timeout_s, _FIRST_PROBE_S * 2 ** min(probes, 20))
        reply, wait = await self._once(path, _packed(self._small()), useful, patience)
        if _is_somebody(reply):
            return None
        self._end_if_long(reply, "has been gone")
        if not self._told and self._outage.seconds >= _TOLD_AFTER_S:
            self._told = True
            self._say(
                f"{self._options.base_url} gives no answers ({reply.error}): waiting for it, "
                f"{self._options.longest_wait_s:,.3g} s at most"
            )
        return wait

    def _end_if_long(self, reply: Reply, state: str) -> None:
        longest = self._options.longest_wait_s
        if not self._answered and reply.status not in (_STARTING, None):
            longest = min(longest, _UNKNOWN_S)
        if self._outage.seconds >= longest:
            raise StickerworksError(
                f"{self._options.base_url} {state} for {self._outage.seconds:,.3g} s, the last "
                f"time because: {reply.error}.",
                f"{_KEPT} {self._options.named}.longest_wait_s says how long to wait for it.",
            )

    async def _once(
        self, path: str, data: bytes | None, useful: Useful, within_s: float | None = None
    ) -> tuple[Reply, float]:
        """One exchange: its reply, and the pause that the server asked for."""
        started = time.monotonic()
        url = self._options.base_url + path
        patience = within_s or self._options.timeout_s
        try:
            async with asyncio.timeout(patience):
                status, headers, content = await self._exchange(url, data)
        except TimeoutError:
            return Reply(error=f"no answer within {patience:g} s"), 0.0
        except (aiohttp.ClientError, OSError) as error:
            said = f"{type(error).__name__}: {error}".rstrip(": ")
            return Reply(error=self._tell(said), refused=_is_refused(error)), 0.0
        if status == 200:
            reply = self._read(content, useful, time.monotonic() - started)
            self._answered |= data is not None and reply.error is None
            return reply, 0.0
        said = self._tell(_error_text(content))
        failed = Reply(error=f"the server answered {status}: {said}", status=status)
        if status in _ROW:
            self._refused(url, said)
            return failed, 0.0
        # One that has answered, or lists the model, is away or starting, whatever stands in for it.
        if status not in _TRANSIENT and (status in _KEY_REFUSED or not self._is_ours):
            raise _hopeless(url, status, said, self._options)
        asked = retry_after_s(headers.get("retry-after"), datetime.now(UTC)) or 0.0
        wait = min(asked, self._options.longest_wait_s)
        if status in _OVERLOADED and not self._outage.lasts:
            self._throttle.ease()
            self._throttle.pause(wait)
        return failed, wait

    @property
    def _is_ours(self) -> bool:
        return self._answered or self._known

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
        self._refusals += 1
        if not self._answered and self._refusals >= _FEWEST_REFUSALS:
            raise StickerworksError(
                f"{url} refused each of the first {self._refusals} requests: {said}",
                f"Check {self._options.named}, such as model, extra and structured.",
            )

    def _read(self, content: bytes, useful: Useful, seconds: float) -> Reply:
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            return Reply(error="the answer is no JSON", status=200)
        if not useful(body):
            # As proxies and servers that are starting answer now and then.
            said = self._tell(_error_text(content))
            return Reply(error=f"the answer holds no message: {said}", status=200)
        self._throttle.grow()
        return Reply(body, seconds, status=200)

    def _tell(self, text: str) -> str:
        if self._secret:
            text = text.replace(self._secret, "[key]")
        return one_line(text, 300) or "nothing"


_JSON = "application/json"
_KEPT = "What was answered is kept. Look at the server, then run the same command again."


def _is_somebody(reply: Reply) -> bool:
    """Whether a reply comes from a server that works: being turned away says so as well."""
    return reply.error is None or reply.status in _ROW or reply.status == _TOO_MANY


def _is_refused(error: Exception) -> bool:
    # Where a name has several addresses their errors are told in one.
    return isinstance(error, aiohttp.ClientConnectorError) and (
        error.os_error.errno == errno.ECONNREFUSED
        or f"[Errno {errno.ECONNREFUSED}]" in str(error.os_error)
    )


def _packed(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


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
        404: f"Check {options.named}.base_url and the model's name {options.model!r}.",
    }.get(status, f"Check {options.named}.base_url; redirects are not followed.")
    return StickerworksError(f"{url} answered {status}: {said}", remedy)
