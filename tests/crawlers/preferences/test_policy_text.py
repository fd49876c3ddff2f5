from __future__ import annotations

import json

import pytest
from protego import Protego

from crawlers.preferences.policy_text import policy_text


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
