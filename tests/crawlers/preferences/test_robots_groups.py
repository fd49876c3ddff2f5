"""Groups of robots.txt, against Protego on ordinary files, and on files made to cost time."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from protego import Protego

from crawlers.preferences.robots_groups import fetching_rules, rules_for

LINES = st.sampled_from(
    ["User-agent: *", "User-agent: stickerworks", "user agent other", "User-agent: sticker*",
     "USERAGENT: Works", "User-agent:", "User-agent: s", "User-Agent: sticker # us", "User-agent",
     "Disallow: /", "Disallow /a b", "disallaw:/a*b", "Disallow:", "Disallow", "Allow: /a/b",
     "Allow : /a$", "Allow: /b/index.html", "Disallow: http://a.example/a", "Disallow http://x/a",
     "Crawl-delay: 3", "crawl delay 4", "Crawl-delay: x", "Sitemap: /s", "Sitemap https://a/s",
     "Host h", "Request-rate: 1/5", "Visit-time 0400-0845", "# Disallow: /", "", "Unknown: x",
     "Unknown:x", "nothing at all", "Content-Usage: train-ai=n", "Disallow: /b # Allow: /b",
     "Noindex:", ": /a", "Allow: /%61/?q=%3D", "Disallow: /*/b$"],
)  # fmt: skip
PATHS = ("/", "/a", "/a%20b", "/ab", "/a/b", "/x/b", "/b/", "/b/index.html", "/a/?q==", "/b")
PRODUCTS = st.sampled_from(["stickerworks", "my-sticker", "a.sticker", "s", "other"])


@settings(max_examples=300, deadline=None)
@example(["User-agent: *", ": /a", "User-agent: stickerworks", "Disallow: /"], "my-sticker")
@given(st.lists(LINES, max_size=14), PRODUCTS)
def test_what_may_be_fetched_is_what_protego_makes_of_the_whole_file(
    lines: list[str], product: str
) -> None:
    robots = "\n".join(lines)
    whole = Protego.parse(robots)
    ours = Protego.parse(fetching_rules(rules_for(robots, product)))
    for path in PATHS:
        url = f"https://a.example{path}"
        assert ours.can_fetch(url, product) == whole.can_fetch(url, product), path
    assert ours.crawl_delay(product) == whole.crawl_delay(product)


def test_thousands_of_crawlers_before_thousands_of_rules_cost_no_more_than_their_lines() -> None:
    agents = "".join(f"User-agent: bot{n}\n" for n in range(14_000))
    rules = "".join(f"Disallow: /{n:x}\n" for n in range(14_000))
    started = time.process_time()
    found = rules_for(f"{agents}User-agent: *\n{rules}", "stickerworks")
    assert len(found) == 14_000
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "robots",
    [
        "User-agent: *\n" * 35_000 + "Disallow: /\n",
        "User-agent: stickerworks\nDisallow: /a\n" * 12_000,
        "User-agent: s\nUser-agent: st\nUser-agent: *\n" + "Disallow: /a\n" * 40_000,
        "User-agent: " + "s" * 500_000,
        "\n" * 500_000,
        "a " * 250_000,
        "User-agent: *\nDisallow: /" + "*a" * 250_000,
    ],
)
def test_hostile_files_are_read_in_no_time(robots: str) -> None:
    started = time.process_time()
    rules_for(robots, "stickerworks")
    assert time.process_time() - started < 2
