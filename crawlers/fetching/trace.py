"""What happened on the way to one file, shared by every request made for it."""

from __future__ import annotations

from dataclasses import dataclass

from scrapy.exceptions import IgnoreRequest

META = "trace"
"""Key of a request's meta that holds its Trace; copies of the request share the same one."""


@dataclass
class Trace:
    """Requests made, what robots.txt said of the last one, and until when the host asks to wait."""

    attempts: int = 0
    robots_decision: str = "not_applicable"
    robots_sha256: str | None = None
    retry_at: float | None = None


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
