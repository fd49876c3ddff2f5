from __future__ import annotations

import time

import pytest

from crawlers.fetching.host_health import HostHealth
from crawlers.ledger.ledger import FetchFailure
from crawlers.observation import Key

REFUSED = FetchFailure("refused", "http_403", "the host answered 403")
UNREACHED = FetchFailure("retry_at", "timeout", "the host took longer than crawl.timeout_s")
MISSING = FetchFailure("gone", "http_404", "the host answered 404")


def _key(number: int) -> Key:
    return Key("web", str(number), "", "")


def test_a_host_that_refuses_is_left_alone_while_others_give() -> None:
    said: list[str] = []
    hosts = HostHealth(said.append)
    hosts.got("https://good.example/a.gif")
    for number in range(19):
        assert hosts.add(_key(number), REFUSED, "https://bad.example/", False) == ([], None)
        assert hosts.left_alone("https://bad.example/x") is None
    again, error = hosts.add(_key(19), REFUSED, "https://bad.example/", held=True)
    assert error is None
    assert [key.source_id for key, _ in again] == [str(number) for number in range(19)]
    assert {failure.state for _, failure in again} == {"retry_at"}
    left = hosts.left_alone("https://bad.example/x")
    assert left is not None
    assert (left.state, left.error_class) == ("retry_at", "http_403")
    assert hosts.left_alone("https://good.example/") is None
    assert len(said) == 1
    assert "bad.example refuses our requests" in said[0]


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (REFUSED, "refuses our requests"),
        (UNREACHED, "Could not reach bad"),
        (FetchFailure("retry_at", "robots_unreachable", "x"), "Could not reach bad"),
        (FetchFailure("retry_at", "tdmrep_unreachable", "x"), "Could not reach bad"),
    ],
)
def test_the_only_host_ends_the_source(failure: FetchFailure, told: str) -> None:
    hosts = HostHealth(lambda text: None)
    hosts.got("https://bad.example/0.gif")
    for number in range(20):
        again, error = hosts.add(_key(number), failure, "https://bad.example/", False)
    assert error is not None
    assert told in error.message
    assert len(again) == 20
    # What was under way meanwhile is to be tried again, too.
    again, error = hosts.add(_key(20), failure, "https://bad.example/", False)
    assert error is None
    assert [key.source_id for key, _ in again] == ["20"]


def test_missing_files_are_no_streak_and_a_file_ends_one() -> None:
    hosts = HostHealth(lambda text: None)
    for number in range(60):
        failure = MISSING if number % 19 == 0 else REFUSED
        assert hosts.add(_key(number), failure, "https://bad.example/", False)[1] is None
    for number in range(60):
        if number % 19 == 0:
            hosts.got("https://bad.example/")
        assert hosts.add(_key(number), REFUSED, "https://bad.example/", False)[1] is None


def test_dead_hosts_of_a_list_are_no_missing_network_once_a_file_was_got() -> None:
    for got in (False, True):
        hosts = HostHealth(lambda text: None)
        if got:
            hosts.got("https://good.example/")
        ends = [
            hosts.add(_key(number), UNREACHED, f"https://h{number}.example/", False)[1]
            for number in range(60)
        ]
        assert (ends[-1] is None) == got
        assert ends[:-1] == [None] * 59


def test_a_host_that_asks_to_wait_long_is_left_alone_at_once() -> None:
    hosts = HostHealth(lambda text: None)
    hosts.got("https://good.example/")
    waits = FetchFailure("retry_at", "http_429", "busy", retry_at=time.time() + 3600)
    again, error = hosts.add(_key(1), waits, "https://bad.example/", False)
    assert (error, [key.source_id for key, _ in again]) == (None, ["1"])
    assert hosts.left_alone("https://bad.example/") is not None


def test_a_list_that_begins_with_a_dead_host_goes_on_with_the_others() -> None:
    hosts = HostHealth(lambda text: None, many_hosts=True)
    for number in range(100):
        assert hosts.add(_key(number), UNREACHED, "https://dead.example/", False)[1] is None
    assert hosts.left_alone("https://dead.example/x") is not None
    assert hosts.left_alone("https://good.example/x") is None
