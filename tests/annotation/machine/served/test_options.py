"""Options of served models: what is wrong is said, and a key is told to nobody."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from annotation.machine.captioner import Rates
from annotation.machine.configured import open_captioner
from annotation.machine.served.options import ServedOptions, deciding, rates
from pipeline.engine.errors import StickerworksError


def test_a_model_is_all_that_is_needed() -> None:
    read = ServedOptions(model="m")
    assert read.base_url == "http://127.0.0.1:8000/v1"
    assert read.is_local


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "annotate.options.model is needed. Set it: the model as your server names it"),
        ({"modell": "m"}, r"unknown key annotate.options.modell \(did you mean model\?\)"),
        ({"model": ""}, "options.model"),
        ({"model": None}, "options.model"),
        ({"model": "m", "in_flight": 0}, "options.in_flight"),
        ({"model": "m", "in_flight": 1e9}, "options.in_flight"),
        ({"model": "m", "attempts": 0}, "options.attempts"),
        ({"model": "m", "timeout_s": float("inf")}, "options.timeout_s"),
        ({"model": "m", "timeout_s": float("nan")}, "options.timeout_s"),
        ({"model": "m", "longest_wait_s": 1e9}, "options.longest_wait_s"),
        ({"model": "m", "temperature": float("nan")}, "options.temperature"),
        ({"model": "m", "temperature": 3}, "options.temperature"),
        ({"model": "m", "structured": "xml"}, "options.structured"),
        ({"model": "m", "extra": {"messages": []}}, "messages is set by stickerworks"),
        ({"model": "m", "extra": {"day": date(2026, 1, 1)}}, "no JSON"),
        ({"model": "m", "extra": {"x": float("nan")}}, "no JSON"),
        ({"model": "m", "extra": []}, "options.extra"),
        ({"model": "m", "price_in": -1}, "options.price_in"),
    ],
)
def test_what_is_wrong_is_said(options: dict[str, Any], said: str) -> None:
    with pytest.raises(StickerworksError, match=said) as raised:
        open_captioner("openai", options)
    assert "Value error" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "ftp://host/v1",
        "http://",
        "http://[::1/v1",
        "http://host:0/v1",
        "http://host:99999/v1",
        "http://host:x/v1",
        "http://user@host/v1",
        "http://user:secret@host/v1",
        "http://user:secret/1@host/v1",
        "https://host/v1?key=secret",
        "https://host/v1#secret",
        "file:///etc/passwd",
    ],
)
def test_addresses_that_are_none_or_hold_secrets(url: str) -> None:
    with pytest.raises(StickerworksError, match="base_url") as raised:
        open_captioner("openai", {"model": "m", "base_url": url})
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:1/v1/", True),
        ("http://LOCALHOST/v1", True),
        ("http://[::1]:8000/v1", True),
        ("https://api.example.org/v1", False),
        ("http://127.0.0.1.example.org/v1", False),
        ("http://localhost.example.org/v1", False),
    ],
)
def test_only_this_machine_is_local(url: str, local: bool) -> None:
    read = ServedOptions(model="m", base_url=url)
    assert read.is_local == local
    assert not read.base_url.endswith("/")


def test_the_key_is_read_from_the_environment_and_kept_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = ServedOptions(model="m", key_env="SOME_KEY")
    assert read.key is None
    monkeypatch.setenv("SOME_KEY", " sk-secret\n")
    assert read.key == "sk-secret"
    assert "sk-secret" not in f"{read!r}{read.model_dump()}{deciding(read)}"
    monkeypatch.setenv("SOME_KEY", " ")
    assert read.key is None


@pytest.mark.parametrize("key", ["sk secret", "sk-\nsecret", "sk-secret…", "sk-\x7fsecret"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_told(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("SOME_KEY", key)
    with pytest.raises(StickerworksError, match="SOME_KEY") as raised:
        _ = ServedOptions(model="m", key_env="SOME_KEY").key
    assert "secret" not in str(raised.value)


def test_only_what_changes_answers_decides() -> None:
    fast = ServedOptions(model="m", in_flight=1, timeout_s=5, attempts=1, price_in=2)
    assert deciding(fast) == deciding(ServedOptions(model="m")) == {"temperature": 0, "extra": None}
    assert deciding(ServedOptions(model="m", extra={"top_p": 1}))["extra"] == {"top_p": 1}


def test_rates_for_estimates() -> None:
    options = ServedOptions(model="m", gpus=2, price_in=0.1, price_out=0.4, currency="EUR")
    assert rates(options) == Rates(2, 0.1, 0.4, "EUR")
