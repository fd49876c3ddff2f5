"""Which words of which vocabulary mean that we don't fetch: a new vocabulary is one line here.

Words that don't stand here are kept with the row and refuse nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from crawlers.preferences.fields import token_members

X_ROBOTS_TAG = frozenset({"noai", "noimageai", "noml", "noindex", "noimageindex", "none"})
"""Directives of the response header X-Robots-Tag."""

TDM_RESERVATION = frozenset({"1"})
"""Values of the header TDM-Reservation, and of tdm-reservation in tdmrep.json."""

USAGE: Mapping[str, Mapping[str, str]] = {
    # The drafts of the IETF's working group, the current category first, then those of earlier
    # drafts that cover training: files that were written by them are still served.
    "content-usage": dict.fromkeys(
        ("train-ai", "train-genai", "genai", "ai", "tdm", "bots", "all-ai", "all"), "n"
    ),
    "content-signal": {"ai-train": "no"},  # Content Signals Policy
}
"""Rules of robots.txt (and headers of that name): the categories, and the value that refuses."""


def refused_use(directive: str, value: str) -> str | None:
    """The member of a dictionary of preferences that forbids training; None when none does.

    Where the dictionary breaks RFC 9651 nothing is known, as the drafts have it.

    >>> refused_use("content-usage", "search=y, train-ai=n")
    'content-usage train-ai=n'
    >>> refused_use("content-usage", "train-ai=y, knitting=n")
    """
    try:
        members = token_members(value)
    except ValueError:
        return None
    for category, refusal in USAGE[directive].items():
        if members.get(category) == refusal:
            return f"{directive} {category}={refusal}"
    return None
