"""Preferences in the headers of a response: X-Robots-Tag, TDM-Reservation, Content-Usage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from crawlers.preferences.mapping import TDM_RESERVATION, X_ROBOTS_TAG, refused_use
from crawlers.user_agent import product_token
from pipeline.engine.addresses import strip_secrets
from pipeline.engine.text import storable

_WITH_VALUES = frozenset(
    {"max-snippet", "max-video-preview", "max-image-preview", "unavailable_after"}
)
_MAX_TEXT = 2000


@dataclass(frozen=True)
class HeaderPreferences:
    """Headers of a response as they were sent, or of several; make one with ``of``."""

    x_robots_tag: tuple[str, ...] = ()
    tdm_reservation: tuple[str, ...] = ()
    tdm_policy: tuple[str, ...] = ()
    content_usage: tuple[str, ...] = ()

    @classmethod
    def of(cls, values_of: Callable[[str], Sequence[bytes]]) -> HeaderPreferences:
        """Those of a response, whose values ``values_of`` gives by their header's name."""
        names = ("X-Robots-Tag", "TDM-Reservation", "TDM-Policy", "Content-Usage")
        return cls(*(tuple(v.decode("latin-1") for v in values_of(name)) for name in names))

    def then(self, later: HeaderPreferences) -> HeaderPreferences:
        """Those of this response and of the one that it led to."""
        return HeaderPreferences(
            self.x_robots_tag + later.x_robots_tag,
            self.tdm_reservation + later.tdm_reservation,
            self.tdm_policy + later.tdm_policy,
            self.content_usage + later.content_usage,
        )

    def refusal(self, user_agent: str) -> str | None:
        """What in them forbids that we keep the bytes; None when nothing does."""
        directive = refusing_tag(self.x_robots_tag, user_agent)
        if directive is not None:
            return f"x-robots-tag {directive}"
        values = (part.strip() for value in self.tdm_reservation for part in value.split(","))
        reserved = next((value for value in values if value in TDM_RESERVATION), None)
        if reserved is not None:
            return f"tdm-reservation {reserved}"
        return refused_use("content-usage", ", ".join(self.content_usage))

    def columns(self) -> dict[str, str | None]:
        """What is kept of them with the row."""
        policies = [strip_secrets(policy.strip()) for policy in self.tdm_policy]
        return {
            "x_robots_tag": _joined(self.x_robots_tag),
            "tdm_reservation": _joined(self.tdm_reservation),
            "tdm_policy": _joined(policies),
            "content_usage": _joined(self.content_usage),
        }


def refusing_tag(robots_tags: Iterable[str], user_agent: str) -> str | None:
    """The directive of X-Robots-Tag headers that forbids keeping the bytes; None without one.

    A directive may be for one crawler alone (``otherbot: noai``); those for others don't count.

    >>> refusing_tag(["otherbot: noai", "all"], "stickerworks/0.1")
    >>> refusing_tag(["max-snippet:-1, noimageai"], "stickerworks/0.1")
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
            if directive.strip() in X_ROBOTS_TAG and agent in ("", "*", product):
                return directive.strip()
    return None


def _joined(values: Sequence[str]) -> str | None:
    return storable(", ".join(values), _MAX_TEXT)
