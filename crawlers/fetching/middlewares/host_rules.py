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
_MAX_HELD = 64 * 1024 * 1024
_A_HOST, _A_RULE, _A_SIGN = 8_000, 1_000, 32  # bytes of memory, at most, as measured


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
        size = sum(_A_RULE + _A_SIGN * len(rule.line) for rule in rules)
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

    def weigh(self) -> int:
        """Bytes of memory that it takes, at most."""
        entries = sum(_A_RULE + _A_SIGN * len(rule.entry) for rule in self.tdmrep or ())
        return _A_HOST + entries + (self.rules.size if self.rules else 0)


class Hosts:
    """The hosts asked last, as many as there is room for; others are asked for their rules again.

    A host whose rules are being fetched stays.
    """

    def __init__(self, most: int = _MAX_HOSTS, most_held: int = _MAX_HELD) -> None:
        self._most = most
        self._most_held = most_held
        self._hosts: OrderedDict[str, Host] = OrderedDict()
        self._sizes: dict[str, int] = {}
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
        size = host.weigh()
        self.held += size - self._sizes.get(host.origin, 0)
        self._sizes[host.origin] = size
        self._make_room(host.origin)

    def _make_room(self, needed: str) -> None:
        if not self._is_full():
            return
        for origin in [*self._hosts]:
            if origin != needed and not self._hosts[origin].lock.locked():
                del self._hosts[origin]
                self.held -= self._sizes.pop(origin, 0)
                if not self._is_full():
                    return

    def _is_full(self) -> bool:
        return len(self._hosts) > self._most or self.held > self._most_held
