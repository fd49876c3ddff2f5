"""Rules of robots.txt on what may be done with files: Content-Usage (aipref-attach section 3).

Protego, which reads the rest of robots.txt, passes over these rules. Groups are told apart and
chosen as it does it, so that one group speaks of fetching and of use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crawlers.preferences.mapping import USAGE, refused_use
from crawlers.preferences.paths import PathPattern, target_of

_AGENT = frozenset({"user-agent", "useragent", "user agent"})
_OUTSIDE = frozenset({"sitemap", "sitemaps", "site-map", "host"})  # belong to no group
_WITHOUT_COLON = frozenset({"user-agent", "allow", "disallow"})


@dataclass(frozen=True)
class UsageRule:
    """One rule: its directive in small letters, the paths, what it says, and its whole line."""

    directive: str
    pattern: PathPattern
    value: str
    line: str

    @property
    def refusal(self) -> str | None:
        """What in it forbids training; None when nothing does."""
        return refused_use(self.directive, self.value)


def usage_rules(robots_txt: str, product: str) -> tuple[UsageRule, ...]:
    """The rules of the group that holds for a crawler with this product token."""
    groups: dict[str, list[UsageRule]] = {}
    current: list[str] = []
    in_rules = False
    for line in robots_txt.splitlines():
        directive, value = _split(line)
        if not directive or directive in _OUTSIDE:
            continue
        if directive not in _AGENT:
            in_rules = True
            if directive in USAGE and value:
                rule = _rule(directive, value, line)
                for agent in current:
                    groups[agent].append(rule)
            continue
        if in_rules:
            current, in_rules = [], False
        agent = value.lower() if value == "*" else value.lower().replace("*", "")
        if agent:
            current.append(agent)
            groups.setdefault(agent, [])
    name = product.lower()
    ours = (agent for agent in groups if agent != "*" and name.startswith(agent))
    return tuple(groups.get(max(ours, key=len, default="*"), ()))


def matching_rules(rules: Sequence[UsageRule], url: str) -> list[UsageRule]:
    """Of each directive the rules with the longest pattern that fits; several where they tie."""
    target = target_of(url)
    fitting = [rule for rule in rules if rule.pattern.matches(target)]
    longest: dict[str, int] = {}
    for rule in fitting:
        longest[rule.directive] = max(rule.pattern.length, longest.get(rule.directive, 0))
    return [rule for rule in fitting if rule.pattern.length == longest[rule.directive]]


def _split(line: str) -> tuple[str, str]:
    """Directive and value of a line, without its comment."""
    line = line.partition("#")[0].strip()
    directive, colon, value = line.partition(":")
    if not colon:
        directive, _, value = line.partition(" ")
        if directive.lower() not in _WITHOUT_COLON:
            return "", ""
    return directive.strip().lower(), value.strip()


def _rule(directive: str, value: str, line: str) -> UsageRule:
    path = ""
    if value.startswith("/"):
        path, *rest = value.split(maxsplit=1)
        value = rest[0] if rest else ""
    written = line.partition("#")[0].strip()
    return UsageRule(directive, PathPattern.of(path), value, written)
