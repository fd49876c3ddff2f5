from __future__ import annotations

import json

import pytest
from protego import Protego

from crawlers.preferences.optout import opt_out, policy_text

AGENT = "stickerworks/0.1 (+mail@example.com)"


@pytest.mark.parametrize(
    "tags",
    [
        ["noai"],
        ["NoImageAI"],
        ["noarchive, noimageai"],
        ["all", "noai"],
        ["none"],
        ["stickerworks: noai"],
        ["*: noai"],
        ["unavailable_after: 25 Jun 2030, noai"],
        ["unavailable_after: Wednesday, 03-Apr-2013 12:00:00 GMT, noindex"],
        ["max-snippet:-1, noai"],
        ["max-video-preview: -1, noimageai"],
        ["max-image-preview:large, noai"],
        ["noarchive, foo: bar, noai"],
        ["stickerworks: max-snippet: -1, noai"],
        ["googlebot: noarchive, stickerworks: noai"],
        ["googlebot: noarchive, *: noindex"],
    ],
)
def test_directives_that_forbid(tags: list[str]) -> None:
    assert opt_out(tags, "", AGENT) is not None


@pytest.mark.parametrize(
    "tags",
    [
        [],
        ["all"],
        ["nofollow, nosnippet"],
        ["googlebot: noai, noindex"],
        ["noairs"],
        ["otherbot: max-snippet: -1, noai"],
        ["me@example.com: noai"],
    ],
)
def test_directives_that_do_not(tags: list[str]) -> None:
    assert opt_out(tags, "", AGENT) is None


def test_a_reservation_of_text_and_data_mining_forbids() -> None:
    assert opt_out([], "1", AGENT) == "tdm-reservation"
    assert opt_out([], "0", AGENT) is None


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_a_policy_says_the_same_in_any_encoding(encoding: str, newline: str) -> None:
    lines = ["User-agent: stickerworks # 贴纸", "Disallow: /猫/", ""]
    rules = Protego.parse(policy_text(newline.join(lines).encode(encoding)))
    assert not rules.can_fetch("http://h/猫/a.gif", "stickerworks")
    assert rules.can_fetch("http://h/a.gif", "stickerworks")
    policy = json.loads(
        policy_text('[{"location": "/猫/*", "tdm-reservation": 1}]'.encode(encoding))
    )
    assert policy == [{"location": "/猫/*", "tdm-reservation": 1}]


def test_a_policy_joined_from_two_files_keeps_both_groups() -> None:
    mark = "\ufeff".encode()
    joined = mark + b"User-agent: a\nDisallow: /\n" + mark + b"User-agent: b\nDisallow: /\n"
    rules = Protego.parse(policy_text(joined))
    assert not rules.can_fetch("http://h/x", "a")
    assert not rules.can_fetch("http://h/x", "b")


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"\xff\xfe", b"\x00", b"\xef\xbb\xbf", b"\xfe\xff\x00"]
)
def test_what_is_no_text_is_no_error(data: bytes) -> None:
    assert Protego.parse(policy_text(data)).can_fetch("https://a.example/1.gif", "anybody")
