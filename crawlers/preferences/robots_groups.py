"""The rules of a robots.txt that hold for one crawler (RFC 9309 section 2.2.1).

Groups for others are passed over as they are read, so that the work grows with the file's length
alone, however many crawlers it names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crawlers.preferences.mapping import USAGE

_AGENT = frozenset({"user-agent", "useragent", "user agent"})
_OUTSIDE = frozenset({"sitemap", "sitemaps", "site-map", "host"})  # belong to no group
# What Protego reads of a group, wrong spellings that are often seen included.
_FETCHING = frozenset(
    {"allow", "disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"}
) | {"crawl-delay", "crawl delay"}
_NOT_READ = frozenset({"request-rate", "request rate", "visit-time", "visit time"})
_WITHOUT_COLON = _AGENT | _OUTSIDE | _FETCHING | _NOT_READ
_KNOWN = _WITHOUT_COLON | frozenset(USAGE)


@dataclass(frozen=True)
class GroupRule:
    """One line of a group: its directive in small letters, its value, and the line as written."""

    directive: str
    value: str
    line: str


def rules_for(robots_txt: str, product: str) -> list[GroupRule]:
    """The rules of the group that holds for a crawler with this product token, in order.

    Groups of one name are one group, wherever they stand. Names are matched as Protego does it:
    the longest beginning of a word of ours, then ``*``.

    >>> [rule.value for rule in rules_for("User-agent: a\\nDisallow: /b", "a")]
    ['/b']
    """
    name = product.strip().lower()
    groups: dict[str, list[GroupRule]] = {}
    current: dict[str, list[GroupRule]] = {}
    in_rules = False
    for line in robots_txt.splitlines():
        written = line.partition("#")[0].strip()
        if not written:
            continue
        found = _split(written)
        if found is None or found[0] in _OUTSIDE:
            continue
        directive, value = found
        if directive not in _AGENT:
            in_rules = True
            if current and value and (directive in _FETCHING or directive in USAGE):
                rule = GroupRule(directive, value, written)
                for group in current.values():
                    group.append(rule)
            continue
        if in_rules:
            current, in_rules = {}, False
        agent = value.lower() if value == "*" else value.lower().replace("*", "")
        if agent and _score(agent, name):
            current[agent] = groups.setdefault(agent, [])
    best = max(groups, key=lambda agent: _score(agent, name), default="*")
    return groups.get(best, [])


def fetching_rules(rules: Iterable[GroupRule]) -> str:
    """Those on what may be fetched and how fast, as a robots.txt for everyone."""
    lines = (f"{rule.directive}: {rule.value}" for rule in rules if rule.directive in _FETCHING)
    return "\n".join(("User-agent: *", *lines))


def _score(agent: str, name: str) -> int:
    """How well a group's name fits ours; 0 where it doesn't."""
    if agent == "*":
        return 1
    place = name.find(agent)
    while place > 0 and (name[place - 1].isalnum() or name[place - 1] in "-_"):
        place = name.find(agent, place + 1)
    return len(agent) if place >= 0 else 0


def _split(written: str) -> tuple[str, str] | None:
    """Directive and value of a line, which some write without a colon; None for no directive.

    One without a name (": /a") is a directive that nobody knows, and ends a list of crawlers.
    """
    before, colon, after = written.partition(":")
    directive = before.strip().lower()
    if colon and (directive in _KNOWN or not after or after[0].isspace()):
        return directive, after.strip()
    words = written.split(maxsplit=2)
    for count in (1, 2):
        name = " ".join(words[:count]).lower()
        if name in _WITHOUT_COLON:
            return name, written.split(maxsplit=count)[count] if len(words) > count else ""
    return (directive, after.strip()) if colon else None
