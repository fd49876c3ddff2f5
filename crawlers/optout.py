"""Opt-outs that come with a response: X-Robots-Tag and TDM-Reservation."""

from __future__ import annotations

from collections.abc import Iterable

from crawlers.settings import product_token

_REFUSALS = frozenset({"noai", "noimageai", "noindex", "noimageindex", "none"})
_WITH_VALUES = frozenset(
    {"max-snippet", "max-video-preview", "max-image-preview", "unavailable_after"}
)


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
