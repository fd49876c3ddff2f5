"""Requests that go on to Label Studio, and its answers on their way back, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from annotation.human.gateway.visitors import Proof
from annotation.human.gateway.voted import posted

_PIECE = 1 << 16
_MOST_SENT = 300_000_000
_MOST_VOTE = 2_000_000
_MOST_PAGE = 10_000_000
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=600)
# All others stay behind: hop-by-hop ones, those of proxies, those that rename the method.
_ON = frozenset(
    {"accept", "accept-language", "content-type", "if-match", "if-modified-since", "if-none-match"}
    | {"if-range", "range", "user-agent", "x-csrftoken", "x-requested-with"}
)
_BACK = frozenset(
    {"accept-ranges", "allow", "cache-control", "content-disposition", "content-encoding"}
    | {"content-language", "content-length", "content-range", "content-type", "date", "etag"}
    | {"expires", "last-modified", "retry-after", "vary", "cross-origin-opener-policy"}
)
SAFETY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


class TooLargeError(Exception):
    """A body is larger than what is asked may be."""


@dataclass(frozen=True)
class Passage:
    """Where a request goes on to, as whom, and whether its browser came over TLS.

    ``remembers`` lets Label Studio's cookies pass: a late one of a picture or an API's answer
    would put an old session in the place of a new one. ``same`` is the same file for everybody,
    which browsers may keep.
    """

    client: aiohttp.ClientSession
    inside: str
    proof: Proof
    public: bool
    remembers: bool = False
    same: bool = False


def asking(
    passage: Passage,
    request: web.Request,
    query: tuple[tuple[str, str], ...],
    body: bytes | AsyncIterator[bytes] | None,
    *,
    readable: bool,
) -> Any:
    """Send a request on; an asynchronous context whose value is the answer.

    ``readable`` asks for an answer that isn't compressed. A body in pieces has the length that the
    request says: Label Studio reads no other.
    """
    path = request.rel_url.raw_path
    target = f"{passage.inside}{path}{'?' + urlencode(query) if query else ''}"
    return passage.client.request(
        request.method,
        URL(target, encoded=True),
        headers=_headers(passage, request, readable=readable) | _length(request, body),
        data=body,
        allow_redirects=False,
        timeout=_TIMEOUT,
    )


def _length(request: web.Request, body: object) -> dict[str, str]:
    if body is None or isinstance(body, bytes):
        return {}
    if request.content_length is None:
        raise TooLargeError  # nobody can say how large it gets
    return {"Content-Length": str(request.content_length)}


async def whole(request: web.Request) -> AsyncIterator[bytes]:
    """A request's body in pieces; TooLargeError past what Label Studio takes."""
    sent = 0
    async for piece in request.content.iter_chunked(_PIECE):
        sent += len(piece)
        if sent > _MOST_SENT:
            raise TooLargeError
        yield piece


async def fields(request: web.Request, names: frozenset[str] | None) -> bytes:
    """The named fields (None: all) of an answer; ValueError when it is none, TooLargeError past
    2 MB."""
    if request.content_type != "application/json":
        raise ValueError(request.content_type)
    return posted(await bounded(request, _MOST_VOTE), names)


async def bounded(request: web.Request, most: int) -> bytearray:
    """A request's whole body; TooLargeError past so many bytes, as soon as they have come."""
    held = bytearray()
    async for piece in request.content.iter_chunked(min(_PIECE, most)):
        held += piece
        if len(held) > most:
            raise TooLargeError
    return held


async def give(
    passage: Passage, request: web.Request, answer: aiohttp.ClientResponse
) -> web.StreamResponse:
    """Hand an answer on as it comes; nothing of it is kept."""
    response = web.StreamResponse(status=answer.status, headers=_back(passage, answer))
    cookies(passage, answer, response)
    if request.method == "HEAD" or answer.status in (204, 304):
        response.content_length = answer.content_length
        await response.prepare(request)
        return response
    await response.prepare(request)
    try:
        async for piece in answer.content.iter_chunked(_PIECE):
            await response.write(piece)
    except (aiohttp.ClientError, TimeoutError):
        # What came can't be taken back: cut off, nobody takes it for the whole.
        response.force_close()
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response


async def text_of(answer: aiohttp.ClientResponse) -> bytes:
    """The whole of an answer that is looked into; TooLargeError past 10 MB."""
    held = bytearray()
    async for piece in answer.content.iter_chunked(_PIECE):
        held += piece
        if len(held) > _MOST_PAGE:
            raise TooLargeError
    return bytes(held)


def changed(passage: Passage, answer: aiohttp.ClientResponse, body: bytes) -> web.Response:
    """An answer with another body."""
    headers = _back(passage, answer)
    for name in ("Content-Length", "Content-Encoding", "ETag", "Last-Modified"):
        headers.pop(name, None)
    response = web.Response(status=answer.status, headers=headers, body=body)
    cookies(passage, answer, response)
    return response


def cookies(passage: Passage, answer: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
    """Label Studio's own two cookies, for the address that the browser sees."""
    if passage.proof.token or not passage.remembers:
        return  # a token makes no session
    for line in answer.headers.getall("Set-Cookie", []):
        parts = [part.strip() for part in line.split(";")]
        if parts[0].partition("=")[0] not in ("sessionid", "csrftoken"):
            continue
        kept = [
            part
            for part in parts
            if part.partition("=")[0].lower() not in ("domain", "secure", "samesite")
        ]
        kept += ["SameSite=Lax", *(["Secure"] if passage.public else [])]
        response.headers.add("Set-Cookie", "; ".join(kept))


def _headers(passage: Passage, request: web.Request, *, readable: bool) -> dict[str, str]:
    sent = {name: value for name, value in request.headers.items() if name.lower() in _ON}
    sent |= passage.proof.headers()
    # Label Studio checks that its own pages ask; the gateway has checked that already.
    if "Origin" in request.headers:
        sent["Origin"] = passage.inside
    sent["Referer"] = f"{passage.inside}/"
    plain = readable or "Range" in request.headers
    sent["Accept-Encoding"] = (
        "identity" if plain else request.headers.get("Accept-Encoding", "identity")
    )
    return sent


def _back(passage: Passage, answer: aiohttp.ClientResponse) -> dict[str, str]:
    given = {name: value for name, value in answer.headers.items() if name.lower() in _BACK}
    if "Location" in answer.headers:
        given["Location"] = _location(answer.headers["Location"])
    kept = answer.headers.get("Cache-Control", "max-age=300")
    return given | SAFETY | ({"Cache-Control": kept} if passage.same else {})


def _location(there: str) -> str:
    """Where a redirect leads, on this server alone."""
    parts = urlsplit(there)
    path = "/" + parts.path.lstrip("/\\")
    return f"{path}{'?' + parts.query if parts.query else ''}"
