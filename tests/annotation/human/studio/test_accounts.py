"""Accounts of annotators: made once, by invitation, and their passwords never lost."""

from __future__ import annotations

from typing import Any

import pytest

from annotation.human.studio import accounts
from annotation.human.studio.accounts import ensure_accounts, find_accounts, login, user_ids
from annotation.human.studio.server_paths import read_accounts
from pipeline.engine.errors import StickerworksError
from schemas.labelling import LabelConfig


def with_annotators(studio: Any, *names: str) -> LabelConfig:
    return LabelConfig(port=studio.config.label.port, annotators=names)


def test_a_second_time_adds_nobody_and_changes_no_password(studio: Any) -> None:
    before = studio.place.accounts.read_bytes()
    there = user_ids(studio.url, read_accounts(studio.place)["token"])
    made = ensure_accounts(studio.place, studio.url, studio.config.label)
    assert made.ids == there
    assert user_ids(studio.url, made.token) == there
    assert studio.place.accounts.read_bytes() == before


def test_only_the_owner_can_read_passwords(studio: Any) -> None:
    assert studio.place.accounts.stat().st_mode & 0o777 == 0o600


def test_an_annotator_can_log_in_and_write(studio: Any) -> None:
    browser = studio.annotator(1)
    who = browser.get(f"{studio.url}/api/current-user/whoami").json()
    assert who["email"] == studio.config.label.accounts[1]
    made = browser.post(f"{studio.url}/api/projects/", json={"title": "mine"})
    assert made.status_code == 201, made.text


def test_a_wrong_password_is_refused_without_showing_it(studio: Any) -> None:
    with pytest.raises(StickerworksError, match="refused the password") as caught:
        login(studio.url, studio.config.label.lead, "guessed-password")
    assert "guessed" not in str(caught.value)


def test_killed_before_the_sign_up_the_password_that_was_kept_is_used(
    studio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = with_annotators(studio, "Late@Example.org")

    def power_cut(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(accounts, "sign_up", power_cut)
    with pytest.raises(KeyboardInterrupt):
        ensure_accounts(studio.place, studio.url, config)
    kept = read_accounts(studio.place)["passwords"]["late@example.org"]
    monkeypatch.undo()
    made = ensure_accounts(studio.place, studio.url, config)
    assert "late@example.org" in made.ids
    assert read_accounts(studio.place)["passwords"]["late@example.org"] == kept
    assert login(studio.url, "Late@Example.org", kept).cookies.get("sessionid")


def test_killed_after_the_sign_up_nobody_is_added(studio: Any) -> None:
    config = with_annotators(studio, "once@example.org")
    first = ensure_accounts(studio.place, studio.url, config)
    assert ensure_accounts(studio.place, studio.url, config) == first
    # The same address in other letters is the same person.
    shouted = with_annotators(studio, "ONCE@example.org")
    assert ensure_accounts(studio.place, studio.url, shouted).ids == first.ids


def test_what_is_no_address_is_named(studio: Any) -> None:
    with pytest.raises(StickerworksError, match=r"no account of nobody\. .*label\.annotators"):
        ensure_accounts(studio.place, studio.url, with_annotators(studio, "nobody"))


def test_on_a_server_of_others_all_missing_people_stand_in_one_error() -> None:
    config = LabelConfig(lead="Lead@x.org", annotators=("a@x.org", "b@x.org"))
    with pytest.raises(StickerworksError, match=r"no account of a@x\.org, b@x\.org\."):
        find_accounts({"lead@x.org": 1}, config, "t")
    there = {"lead@x.org": 1, "a@x.org": 2, "b@x.org": 3, "c@x.org": 4}
    assert find_accounts(there, config, "t").ids == there


def test_secrets_stand_in_no_representation(studio: Any) -> None:
    made = ensure_accounts(studio.place, studio.url, studio.config.label)
    assert read_accounts(studio.place)["token"] not in repr(made)


def test_a_token_of_another_time_is_an_error_with_the_way_out(studio: Any) -> None:
    with pytest.raises(StickerworksError, match="doesn't know our token") as caught:
        user_ids(studio.url, "f" * 40)
    assert "ffff" not in str(caught.value)
    assert caught.value.__cause__ is None
