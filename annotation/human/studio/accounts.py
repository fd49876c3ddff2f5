"""Accounts on the server: the lead's is made with it, annotators come by invitation."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import requests

from annotation.human.studio.server import Place, read_accounts, write_accounts
from pipeline.engine.errors import StickerworksError
from schemas.config import LabelConfig

_TIMEOUT_S = 60


@dataclass(frozen=True)
class Accounts:
    """The lead, the token that speaks for them, and the users' numbers by e-mail (lower case)."""

    lead: str
    token: str
    ids: Mapping[str, int]

    def __repr__(self) -> str:  # a token in a traceback would be a leak
        return f"Accounts(lead={self.lead!r}, ids={dict(self.ids)!r})"


def ensure_accounts(place: Place, url: str, config: LabelConfig) -> Accounts:
    """Make the annotators' accounts that are missing on our server; idempotent.

    A password is kept before its account is made, so that a kill in between loses nothing.
    """
    held = read_accounts(place)
    there = user_ids(url, {"Authorization": f"Token {held['token']}"})
    missing = [name for name in config.annotators if name.casefold() not in there]
    new = [name for name in missing if name not in held["passwords"]]
    if new:
        held["passwords"] |= {name: secrets.token_urlsafe(12) for name in new}
        write_accounts(place, held)
    for name in missing:
        _sign_up(url, held["token"], name, held["passwords"][name])
    if missing:
        there = user_ids(url, {"Authorization": f"Token {held['token']}"})
    return find_accounts(there, config, held["token"])


def find_accounts(there: Mapping[str, int], config: LabelConfig, token: str) -> Accounts:
    """The configured people among the users of a server; StickerworksError names the missing."""
    missing = [name for name in (config.lead, *config.annotators) if name.casefold() not in there]
    if missing:
        raise StickerworksError(
            f"The server has no account of {', '.join(missing)}.",
            "Invite them there, or correct label.lead and label.annotators.",
        )
    return Accounts(config.lead, token, there)


def user_ids(url: str, headers: Mapping[str, str]) -> dict[str, int]:
    """Numbers of all users by e-mail (lower case)."""
    try:
        answer = requests.get(f"{url}/api/users/", headers=dict(headers), timeout=_TIMEOUT_S)
        answer.raise_for_status()
        users = answer.json()
    except requests.RequestException as error:
        raise _unreachable(url, error) from error
    rows: Iterable[Mapping[str, object]] = users["results"] if isinstance(users, dict) else users
    return {str(row["email"]).casefold(): int(str(row["id"])) for row in rows}


def login(url: str, email: str, password: str) -> requests.Session:
    """A session of that user, as a browser would have; writes carry the CSRF header."""
    session = requests.Session()
    _post_form(session, f"{url}/user/login/", {"email": email, "password": password})
    session.headers["X-CSRFToken"] = session.cookies.get("csrftoken") or ""
    session.headers["Referer"] = url
    return session


def _sign_up(url: str, token: str, email: str, password: str) -> None:
    try:
        invite = requests.get(
            f"{url}/api/invite", headers={"Authorization": f"Token {token}"}, timeout=_TIMEOUT_S
        )
        invite.raise_for_status()
        path = invite.json()["invite_url"]
        form = {"email": email, "password": password}
        _post_form(requests.Session(), url + path[path.index("/user/") :], form)
    except requests.RequestException as error:
        raise _unreachable(url, error) from error


def _post_form(session: requests.Session, address: str, form: Mapping[str, str]) -> None:
    session.get(address, timeout=_TIMEOUT_S).raise_for_status()
    hidden = {"csrfmiddlewaretoken": session.cookies.get("csrftoken", "")}
    answer = session.post(
        address, data={**form, **hidden}, headers={"Referer": address}, timeout=_TIMEOUT_S
    )
    answer.raise_for_status()


def _unreachable(url: str, error: requests.RequestException) -> StickerworksError:
    status = getattr(error.response, "status_code", None)
    what = (
        f"answered with status {status}" if status else f"gave no answer ({type(error).__name__})"
    )
    return StickerworksError(f"{url} {what}.", "Run the same command again; nothing is lost.")
