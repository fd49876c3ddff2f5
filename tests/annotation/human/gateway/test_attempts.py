"""Wrong passwords are counted by account and address, and forgotten after a minute."""

from __future__ import annotations

from dataclasses import dataclass

from annotation.human.gateway.attempts import Attempts


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_ten_wrong_ones_have_the_next_wait_for_the_rest_of_the_minute() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(10):
        assert attempts.wait("Ann@example.org", "192.0.2.1") == 0
        attempts.begin("ann@example.org", "192.0.2.1")
        clock.now += 1
    assert attempts.wait("ann@example.org ", "192.0.2.1") == 50
    assert attempts.wait("ann@example.org", "192.0.2.2") == 0
    assert attempts.wait("bob@example.org", "192.0.2.1") == 0
    clock.now += 50
    assert attempts.wait("ann@example.org", "192.0.2.1") == 0


def test_a_right_one_takes_back_what_its_owner_typed_before() -> None:
    attempts = Attempts(Clock())
    for _ in range(10):
        attempts.begin("ann", "office")
    attempts.right("ann", "office")
    assert attempts.wait("ann", "office") == 0
    for number in range(40):
        attempts.begin(f"user {number}", "office")
    assert attempts.wait("bob", "office") == 0, "the right one counts for nobody"
    attempts.begin("bob", "office")
    assert attempts.wait("bob", "office") > 0, "nine wrong ones before it do"


def test_many_accounts_and_many_addresses_don_t_help() -> None:
    attempts = Attempts(Clock())
    for number in range(50):
        attempts.begin(f"user {number}", "192.0.2.1")
        attempts.begin("ann", f"198.51.100.{number}")
    assert attempts.wait("another", "192.0.2.1") > 0
    assert attempts.wait("ann", "203.0.113.9") > 0
    assert attempts.wait("another", "203.0.113.9") == 0


def test_what_is_remembered_is_bounded() -> None:
    attempts = Attempts(Clock())
    for number in range(20_000):
        attempts.begin(f"user {number}", f"address {number}")
    assert len(attempts._wrong) <= 10_000
