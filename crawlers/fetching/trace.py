"""What happened on the way to one file, shared by every request made for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from crawlers.fetching.origins import origin_of
from crawlers.preferences.headers import HeaderPreferences
from pipeline.engine.addresses import strip_secrets
from pipeline.engine.text import storable

API = "api"
"""Key of a request's meta: true for a programming interface, where robots.txt isn't asked."""

META = "trace"
"""Key of a request's meta that holds its Trace; copies of the request share the same one."""


LISTING = "listing"
"""Key of a request's meta that holds ListingRequests, where it asks for a page of a listing."""

KEYED = "keyed"
"""Key of a request's meta: true where it carries the key of a source, which others mustn't see."""

CRAWL_DELAY = "crawl_delay"
"""Key of a request's meta: the seconds that its host's robots.txt wants between requests."""

_MAX_TEXT = 8000  # an entry of tdmrep.json in whole: JSON that is cut can't be read


@dataclass(frozen=True)
class ListingRequests:
    """What requests for listings bring with them: ``spend`` counts one as it is sent.

    ``retry_after`` reads the seconds that an answer asks to wait without saying so in a header.
    """

    spend: Callable[[], None]
    retry_after: Callable[[Response], float | None]


@dataclass
class Trace:
    """Requests made, what the hosts on the way say of them, and until when one asks to wait.

    The decision by robots.txt is that of the last address; what was said of use was said of each,
    and ``preference`` is the first that forbids training, whether we obey or only note it.
    """

    attempts: int = 0
    robots_decision: str = "not_applicable"
    robots_sha256: str | None = None
    preference: str | None = None
    retry_at: float | None = None
    redirected: HeaderPreferences = field(default_factory=HeaderPreferences)
    _usage: dict[str, str] = field(default_factory=dict)
    _tdmrep: dict[str, str] = field(default_factory=dict)

    def say(self, url: str, usage: str, tdmrep: str | None, refusal: str | None) -> None:
        """Note what a host's files say of an address; a second try says it again, once."""
        if usage:
            self._usage[url] = usage
        if tdmrep:
            self._tdmrep[url] = tdmrep
        self.preference = self.preference or refusal

    @property
    def robots_content_usage(self) -> str | None:
        return _joined(self._usage)

    @property
    def tdmrep(self) -> str | None:
        return _joined(self._tdmrep)

    def columns(self) -> dict[str, str | None]:
        """What is kept with the row of what the hosts' files say, and redirects' headers."""
        return self.redirected.columns() | {
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


def opted_out(url: str, said: str) -> Refused:
    """What to raise where a host keeps this address from training."""
    name, shown = origin_of(url).partition("://")[2], strip_secrets(url)
    return Refused("opt_out", f"{name} keeps {shown} from training: {storable(said, 200)}")


def _joined(said: Mapping[str, str]) -> str | None:
    """What several hosts say, each text once."""
    return storable(" | ".join(dict.fromkeys(said.values())), _MAX_TEXT)
