"""Opt-outs that come with a response: X-Robots-Tag and TDM-Reservation."""

from __future__ import annotations

from collections.abc import Iterable

_REFUSALS = frozenset({"noai", "noimageai", "noindex", "noimageindex", "none"})


def opt_out(robots_tags: Iterable[str], tdm_reservation: str, user_agent: str) -> str | None:
    """The directive that forbids keeping these bytes; None when nothing forbids it.

    A directive may be for one crawler alone (``otherbot: noai``); those for others don't count.

    >>> opt_out(["otherbot: noai", "all"], "", "stickerworks/0.1")
    >>> opt_out(["noarchive, noimageai"], "", "stickerworks/0.1")
    'noimageai'
    """
    product = user_agent.partition("/")[0].strip().lower()
    for value in robots_tags:
        agent = ""
        for directive in value.lower().split(","):
            name, colon, rest = directive.partition(":")
            if colon and name.strip() not in ("unavailable_after", "max-image-preview"):
                agent, directive = name.strip(), rest  # noqa: PLW2901
            if directive.strip() in _REFUSALS and agent in ("", "*", product):
                return directive.strip()
    return "tdm-reservation" if tdm_reservation.strip() == "1" else None
