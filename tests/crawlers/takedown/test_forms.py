"""One form for every way in which an address can be written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.takedown import forms
from crawlers.takedown.forms import normal_url


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a/cat.gif",
        "http://example.org/a/cat.gif",
        "HTTPS://EXAMPLE.org./a/cat.gif",
        "https://example.org:443/a/cat.gif#top",
        "http://example.org:80/a/cat.gif",
        "https://user:password@example.org/a/cat.gif",
        "https://example.org/a/%63at%2Egif",
        "https://example.org/a/b/../cat.gif",
        "https://example.org/./a/./cat.gif",
        " https://example.org/a/cat.gif?api_key=abcdef123456 ",
    ],
)
def test_these_are_one_address(url):
    assert normal_url(url) == "//example.org/a/cat.gif"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://例子.org/猫.gif", "https://xn--fsqu00a.org/%e7%8c%ab.gif"),
        ("https://example.org", "https://example.org/#"),
        ("https://example.org/a b", "https://example.org/a%20b"),
        ("https://[::1]:80/a", "https://[::1]:80/a"),
        ("https://example.org/a?b=猫", "https://example.org/a?b=%E7%8C%AB"),
    ],
)
def test_so_are_these(one, other):
    assert normal_url(one) == normal_url(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/a", "https://example.org/A"),
        ("https://example.org/a", "https://example.org/a/"),
        ("https://example.org/a", "https://example.org:8443/a"),
        ("https://example.org/a?b=1", "https://example.org/a?b=2"),
        ("https://example.org/a%2Fb", "https://example.org/a/b"),
        ("https://example.org/a%3Fb", "https://example.org/a?b"),
    ],
)
def test_these_are_two(one, other):
    assert normal_url(one) != normal_url(other)


@pytest.mark.parametrize(
    "text", ["", "cat", "example.org/cat.gif", "file:///etc/passwd", "https://", "https://[::1/a",
             "https://example.org:port/"]
)  # fmt: skip
def test_these_are_none(text):
    assert normal_url(text) is None


ADDRESSES = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["example.org", "a.b-c.org", "example.org.", "x:80", "."]),
    st.text("ab/._~,+-", max_size=8).map("/".__add__),
    st.one_of(st.just(""), st.text("ab=&?/:.+_-", max_size=12).map("?".__add__),
              st.sampled_from(["?sid=ab", "?a=1&api_key=abc", "?token=x&y"])),
)  # fmt: skip


@given(ADDRESSES)
def test_the_short_way_gives_what_the_long_one_does(url):
    with pytest.MonkeyPatch.context() as patch:
        short = normal_url(url)
        patch.setattr(forms, "_PLAIN", forms.re.compile(r"(?!)"))
        assert short == normal_url(url)


@given(ADDRESSES)
def test_a_normal_address_stays_as_it_is(url):
    normal = normal_url(url)
    assert normal is None or normal_url(f"https:{normal}") == normal
