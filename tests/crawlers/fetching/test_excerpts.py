"""What a source says of its refusal is told to people, and never a piece of the key it repeats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from klipy_replica import KlipyReplica
from loopback_site import body, serving

from crawlers.fetching.refusals import refusal_of_status
from crawlers.source import Answer
from pipeline.engine.errors import StickerworksError

KEY = "k3yQ7-0123456789abcdefghijklmnopqrstuvwxyz"


def _clean(text: str) -> str:
    return text.replace(KEY, "***")


@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
def test_no_piece_of_a_key_is_left_wherever_a_text_is_cut(kind: str) -> None:
    for before in (*range(120, 240), *range(700, 810, 5), *range(65_480, 65_540, 6)):
        for filler in ("x", " "):
            said = (filler * before + KEY + " is no valid key").encode()
            answer = Answer(500, "https://h.example/", {"content-type": kind}, said)
            refusal = refusal_of_status(answer, "VARIABLE", _clean)
            assert refusal is not None
            assert "k3yQ7" not in str(refusal)


def test_what_a_source_says_is_told() -> None:
    answer = Answer(400, "https://h.example/", {"content-type": "text/plain"}, b"no  such\nword")
    assert "answered 400 (no such word)." in str(refusal_of_status(answer, None))


@pytest.fixture
def klipy(monkeypatch: pytest.MonkeyPatch) -> Iterator[KlipyReplica]:
    with serving(KlipyReplica(key=KEY)) as replica:
        monkeypatch.setenv("STICKERWORKS_KLIPY_KEY", KEY)
        yield replica


def test_a_key_across_the_cut_reaches_neither_error_nor_ledger(
    klipy: KlipyReplica, workspace: Any, crawl_source: Any
) -> None:
    path = f"/api/v1/{KEY}/stickers/search"
    klipy.answers[path] = body(b"x" * 180 + KEY.encode(), "text/plain", 403)
    with pytest.raises(StickerworksError, match="STICKERWORKS_KLIPY_KEY") as caught:
        crawl_source("klipy", klipy, ["cat"], {"api": klipy.url})
    assert "k3yQ7" not in str(caught.value)
    for file in workspace.root.rglob("*"):
        assert file.is_dir() or b"k3yQ7" not in file.read_bytes(), file
