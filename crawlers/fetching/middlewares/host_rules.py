"""What the files of hosts say, as far as it concerns us, held for the hosts asked last."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field

from protego import Protego
from scrapy.exceptions import IgnoreRequest

from crawlers.preferences.policy_text import policy_text
from crawlers.preferences.robots_groups import fetching_rules, rules_for
from crawlers.preferences.tdmrep import TdmRule
from crawlers.preferences.usage_rules import UsageRule, usage_rules

MAX_RULES = 20_000
"""Rules for us of one robots.txt; with more, each address would take too long to judge."""

_MAX_BYTES = 512 * 1024  # RFC 9309 2.5 asks for at least 500 KiB
_MAX_DELAY_S = 60.0
_MAX_HOSTS = 4096
_MAX_HELD = 64 * 1024 * 1024  # bytes
_A_HOST = 4_000  # bytes of memory, about, as measured
_HEAVY = 1024 * 1024


class TooManyRulesError(ValueError):
    """A robots.txt has more rules for us than can be judged."""


@dataclass(frozen=True)
class RobotsRules:
    """What a robots.txt says to us; ``size`` estimates the bytes of memory that it takes."""

    fetching: Protego
    usage: tuple[UsageRule, ...]
    sha256: str
    delay_s: float
    size: int

    @classmethod
    def read(cls, body: bytes, product: str) -> RobotsRules:
        """The rules for a crawler with this product token; TooManyRulesError."""
        rules = rules_for(policy_text(body[:_MAX_BYTES]), product)
        if len(rules) > MAX_RULES:
            raise TooManyRulesError(f"it has more than {MAX_RULES} rules for us")
        fetching = Protego.parse(fetching_rules(rules))
        delay_s = min(fetching.crawl_delay(product) or 0.0, _MAX_DELAY_S)
        size = sum(_weight(rule.line) for rule in rules)
        return cls(fetching, usage_rules(rules), hashlib.sha256(body).hexdigest(), delay_s, size)


@dataclass
class Host:
    """What is known of one host: ``rules`` None means no robots.txt, so everything is allowed."""

    origin: str
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    known: bool = False
    rules: RobotsRules | None = None
    tdmrep: tuple[TdmRule, ...] | None = None
    unreadable: IgnoreRequest | None = None
    ask_again_at: float = 0.0
    size: int = 0

    @property
    def is_heavy(self) -> bool:
        """Whether its rules are so many that judging one address takes milliseconds."""
        return self.size > _HEAVY

    def weigh(self) -> None:
        """Estimate the bytes of memory that it takes."""
        entries = sum(len(one.entry) + _weight(one.written) for one in self.tdmrep or ())
        self.size = _A_HOST + entries + (self.rules.size if self.rules else 0)


class Hosts:
    """The hosts asked last, as many as there is room for; others are asked for their rules again.

    A host whose rules are being fetched stays.
    """

    def __init__(self, most: int = _MAX_HOSTS, most_held: int = _MAX_HELD) -> None:
        self._most = most
        self._most_held = most_held
        self._hosts: OrderedDict[str, Host] = OrderedDict()
        self.held = 0

    def __len__(self) -> int:
        return len(self._hosts)

    def at(self, origin: str) -> Host:
        """The host of that origin."""
        host = self._hosts.get(origin)
        if host is None:
            host = self._hosts[origin] = Host(origin)
            self._make_room(origin)
        self._hosts.move_to_end(origin)
        return host

    def learned(self, host: Host) -> None:
        """More is known of a host: it takes more room."""
        if self._hosts.get(host.origin) is not host:
            return  # it fell out meanwhile
        self.held -= host.size
        host.weigh()
        self.held += host.size
        self._make_room(host.origin)

    def _make_room(self, needed: str) -> None:
        if not self._is_full():
            return
        for origin in [*self._hosts]:
            if origin != needed and not self._hosts[origin].lock.locked():
                self.held -= self._hosts.pop(origin).size
                if not self._is_full():
                    return

    def _is_full(self) -> bool:
        return len(self._hosts) > self._most or self.held > self._most_held


def _weight(written: str) -> int:
    """Bytes that a pattern takes in memory: those with stars are kept in parts."""
    stars = written.count("*")
    return 600 + 2 * len(written) + (1_000 if stars or "$" in written else 0) + 16 * stars
