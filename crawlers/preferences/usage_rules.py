"""Rules of robots.txt on what may be done with files: Content-Usage (aipref-attach section 3).

Protego, which reads the rest of robots.txt, passes over these rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crawlers.preferences.mapping import USAGE, refused_use
from crawlers.preferences.paths import PathPattern, target_of
from crawlers.preferences.robots_groups import GroupRule


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


def usage_rules(rules: Iterable[GroupRule]) -> tuple[UsageRule, ...]:
    """Those rules of a group that say what its files may be used for."""
    return tuple(_rule(rule) for rule in rules if rule.directive in USAGE)


def matching_rules(rules: Sequence[UsageRule], url: str) -> list[UsageRule]:
    """Of each directive the rules with the longest pattern that fits; several where they tie."""
    target = target_of(url)
    fitting = [rule for rule in rules if rule.pattern.matches(target)]
    longest: dict[str, int] = {}
    for rule in fitting:
        longest[rule.directive] = max(rule.pattern.length, longest.get(rule.directive, 0))
    return [rule for rule in fitting if rule.pattern.length == longest[rule.directive]]


def _rule(rule: GroupRule) -> UsageRule:
    path, value = "", rule.value
    if value.startswith("/"):
        path, *rest = value.split(maxsplit=1)
        value = rest[0] if rest else ""
    return UsageRule(rule.directive, PathPattern.of(path), value, rule.line)
