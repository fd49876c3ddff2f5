from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protego import Protego

from crawlers.preferences.robots_groups import rules_for
from crawlers.preferences.usage_rules import matching_rules, usage_rules

DRAFT = """
User-Agent: *
Allow: /
Disallow: /never/
Content-Usage: train-ai=n
Content-Usage: /ai-ok/ train-ai=y

User-Agent: ExampleBot
Allow: /
Content-Usage: train-ai=y
"""


def refusal(robots: str, path: str, product: str = "stickerworks") -> str | None:
    rules = matching_rules(usage_rules(rules_for(robots, product)), f"https://a.example{path}")
    return next((rule.refusal for rule in rules if rule.refusal), None)


def test_the_example_of_the_draft() -> None:
    assert refusal(DRAFT, "/test") == "content-usage train-ai=n"
    assert refusal(DRAFT, "/ai-ok/test") is None
    assert refusal(DRAFT, "/test", "examplebot") is None


@pytest.mark.parametrize(
    ("rules", "refused", "free"),
    [
        ("content-usage : /a train-ai=n", ["/a", "/ab", "/a/b?c"], ["/", "/b", "/A"]),
        ("Content-Usage:/a\ttrain-ai=n", ["/a"], ["/b"]),
        ("Content-Usage: /a$ train-ai=n", ["/a"], ["/ab", "/a?b"]),
        ("Content-Usage: /*.gif$ train-ai=n", ["/x/y.gif"], ["/y.gif?z", "/y.png"]),
        ("Content-Usage: /*/no* train-ai=n", ["/a/nob", "//no"], ["/no", "/a/b"]),
        ("Content-Usage: /%e8%b2%93 train-ai=n", ["/猫貓", "/%E8%B2%93"][1:], ["/%E8"]),
        ("Content-Usage: /猫 train-ai=n", ["/%E7%8C%AB", "/猫/a"], ["/a"]),
        ("Content-Usage: /a%2fb train-ai=n", ["/a%2Fb"], ["/a/b"]),
        ("Content-Usage: /%61 train-ai=n", ["/a"], []),
        ("Content-Usage: /a train-ai=n # why\nContent-Usage: /ab train-ai=y", ["/ac"], ["/ab"]),
        ("Content-Usage: /a train-ai=y\nContent-Usage: /%61 train-ai=n", ["/a"], ["/"]),
        ("Content-Usage: train-ai=n\nContent-Usage: / train-ai=y", [], ["/a"]),
        ("Content-Usage: /a search=n, train-ai=n;p=1", ["/a"], []),
        ("Content-Usage: /a\nContent-Usage: /a %\nContent-Usage:", [], ["/a"]),
        ("Content-Usage: /a train-ai=n\nContent-Usage: /ab search=n", ["/a"], ["/ab"]),
        ("Content-Signal: search=yes,ai-train=no\nAllow: /", ["/a"], []),
        ("Content-Signal: ai-train=no\nContent-Usage: /a train-ai=y", ["/a"], []),
        ("Content-Signal: search=no, ai-train=yes", [], ["/a"]),
        ("Content-Usage: knitting=n", [], ["/a"]),
    ],
)
def test_rules(rules: str, refused: list[str], free: list[str]) -> None:
    robots = f"User-agent: *\n{rules}"
    assert [path for path in refused if refusal(robots, path) is None] == []
    assert [path for path in free if refusal(robots, path) is not None] == []


@pytest.mark.parametrize(
    ("robots", "refused"),
    [
        ("Content-Usage: train-ai=n", False),
        ("User-agent: a\nUser-agent: StickerWorks\nContent-Usage: train-ai=n", True),
        ("User-agent: stickerworks\nSitemap: /x\nContent-Usage: train-ai=n", True),
        ("User-agent: stickerworks\nCrawl-delay: 1\nUser-agent: b\nContent-Usage: all=n", False),
        ("User-agent: stickerworks\nDisallow /x\nUser-agent: b\nContent-Usage: train-ai=n", False),
        ("User-agent: *\nContent-Usage: train-ai=n\nUser-agent: stickerworks\nAllow: /", False),
        ("User-agent: stickerworks\nAllow: /\n\nUser-agent: b\nAllow: /\n\n"
         "User-agent: stickerworks\nContent-Usage: train-ai=n", True),
        ("User-agent: sticker*\nContent-Usage: train-ai=n", True),
        ("User-agent: stickerworksbot\nContent-Usage: train-ai=n", False),
    ],
)  # fmt: skip
def test_groups(robots: str, refused: bool) -> None:
    assert (refusal(robots, "/a") is not None) == refused


LINES = st.sampled_from(
    ["User-agent: *", "User-agent: stickerworks", "User-agent: other", "user agent: Sticker",
     "Rule: /", "Rule: /a", "Rule: /a*b", "Rule: /*/b$", "Rule: /%61/", "Rule: /%2A", "Rule: /é",
     "Crawl-delay: 1", "Sitemap: /s", "Host: h", "Allow", "# Rule: /", "", "Unknown: x"],
)  # fmt: skip
PATHS = st.sampled_from(["/", "/a", "/ab", "/a/b", "/x/b", "/*", "/%C3%A9", "/a/?b", "/b"])


@given(st.lists(LINES, max_size=12), PATHS)
def test_groups_and_paths_are_those_of_disallow(lines: list[str], path: str) -> None:
    """Read as Content-Usage rules refuse what Protego refuses when they are read as Disallow."""
    robots = "\n".join(lines)
    disallow = Protego.parse(robots.replace("Rule:", "Disallow:"))
    usage = "\n".join(
        f"{line.replace('Rule:', 'Content-Usage:')} train-ai=n" if "Rule" in line else line
        for line in lines
    )
    allowed = disallow.can_fetch(f"https://a.example{path}", "stickerworks")
    assert (refusal(usage, path) is None) == allowed
