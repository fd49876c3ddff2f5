"""What happened on the way to one file, shared by every request made for it."""

from __future__ import annotations

from dataclasses import dataclass

from scrapy.exceptions import IgnoreRequest

API = "api"
"""Key of a request's meta: true for a programming interface, where robots.txt isn't asked."""

META = "trace"
"""Key of a request's meta that holds its Trace; copies of the request share the same one."""


@dataclass
class Trace:
    """Requests made, what the last one's host says of it, and until when it asks to wait.

    ``preference`` is what forbids fetching it for training, whether we obey or only note it.
    """

    attempts: int = 0
    robots_decision: str = "not_applicable"
    robots_sha256: str | None = None
    robots_content_usage: str | None = None
    tdmrep: str | None = None
    preference: str | None = None
    retry_at: float | None = None

    def columns(self) -> dict[str, str | None]:
        """What is kept with the row of what the host's files say."""
        return {
            "robots_decision": self.robots_decision,
            "robots_sha256": self.robots_sha256,
            "robots_content_usage": self.robots_content_usage,
            "tdmrep": self.tdmrep,
            "preference": self.preference,
        }


class Refused(IgnoreRequest):
    """We don't fetch this, and asking again would change nothing.

    ``host`` is the one whose address we refuse, as crawl.allow_hosts would name it.
    """

    def __init__(self, error_class: str, error: str, host: str = "") -> None:
        super().__init__(error)
        self.error_class = error_class
        self.error = error
        self.host = host


class Postponed(IgnoreRequest):
    """We can't know yet whether this may be fetched."""

    def __init__(self, error_class: str, error: str) -> None:
        super().__init__(error)
        self.error_class = error_class
        self.error = error
