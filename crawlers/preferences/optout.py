"""Opt-outs: X-Robots-Tag and TDM-Reservation, and the text of files that state them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from crawlers.user_agent import product_token

_REFUSALS = frozenset({"noai", "noimageai", "noindex", "noimageindex", "none"})
_WITH_VALUES = frozenset(
    {"max-snippet", "max-video-preview", "max-image-preview", "unavailable_after"}
)


def policy_text(data: bytes) -> str:
    """Text of a robots.txt or tdmrep.json: UTF-8, or UTF-16 and UTF-32 as some editors save it.

    Byte order marks are dropped wherever they stand (joined files have them in the middle): one
    before ``User-agent`` would hide that line, and with it the whole group. Both kinds of file
    begin with ASCII, by which JSON's own detection tells encodings without a mark apart.
    """
    return data.decode(json.detect_encoding(data), "replace").replace("\ufeff", "")


def opt_out(robots_tags: Iterable[str], tdm_reservation: str, user_agent: str) -> str | None:
    """The directive that forbids keeping these bytes; None when nothing forbids it.

    A directive may be for one crawler alone (``otherbot: noai``); those for others don't count.

    >>> opt_out(["otherbot: noai", "all"], "", "stickerworks/0.1")
    >>> opt_out(["max-snippet:-1, noimageai"], "", "stickerworks/0.1")
    'noimageai'
    """
    product = product_token(user_agent).lower()
    for value in robots_tags:
        agent = ""
        for place, directive in enumerate(value.lower().split(",")):
            name, colon, rest = (part.strip() for part in directive.partition(":"))
            # Values and dates hold colons too, so only the first name may be a stranger's; ours
            # may follow where a proxy joined several headers.
            if colon and name not in _WITH_VALUES and (place == 0 or name in ("*", product)):
                agent, directive = name, rest  # noqa: PLW2901
            if directive.strip() in _REFUSALS and agent in ("", "*", product):
                return directive.strip()
    return "tdm-reservation" if tdm_reservation.strip() == "1" else None
