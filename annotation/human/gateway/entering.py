"""Logging in: the form that people send, and how often they may send a wrong one."""

from __future__ import annotations

from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web

from annotation.human.gateway.forwarding import bounded
from annotation.human.gateway.visitors import SESSION

_MOST_FORM = 20_000


async def typed(request: web.Request) -> tuple[str, bytes]:
    """The account that somebody typed, and the form as it came.

    Raises ValueError when it is no form that a browser sends, TooLargeError past 20 kB.
    """
    if request.content_type != "application/x-www-form-urlencoded":
        raise ValueError(request.content_type)
    held = await bounded(request, _MOST_FORM)
    pairs = parse_qsl(held.decode("utf-8"), keep_blank_values=True, max_num_fields=100)
    accounts = [value for name, value in pairs if name == "email"]
    return (accounts[-1] if accounts else ""), bytes(held)


def was_right(answer: aiohttp.ClientResponse) -> bool:
    """Whether Label Studio took the password: it leads on, with a session."""
    made = any(line.startswith(f"{SESSION}=") for line in answer.headers.getall("Set-Cookie", []))
    return answer.status == 302 and made
