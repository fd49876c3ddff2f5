"""Accounts on the server: the lead's is made with it, annotators come by invitation."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from annotation.human.studio.server_paths import (
    ServerPaths,
    account_name,
    read_accounts,
    write_accounts,
)
from pipeline.engine.errors import StickerworksError
from schemas.labelling import LabelConfig

_TIMEOUT_S = 60


@dataclass(frozen=True)
class Accounts:
    """The lead, the token that speaks for them, and the users' numbers by e-mail (casefolded)."""

    lead: str
    token: str = field(repr=False)  # a token in a traceback would be a leak
    ids: Mapping[str, int]


def ensure_accounts(place: ServerPaths, url: str, config: LabelConfig) -> Accounts:
    """Make the annotators' accounts that are missing on our server; idempotent.

    A password is kept before its account is made, so that a kill in between loses nothing.
    """
    held = read_accounts(place)
    there = user_ids(url, held["token"])
    missing = [name for name in map(account_name, config.accounts) if name not in there]
    new = {name: secrets.token_urlsafe(12) for name in missing if name not in held["passwords"]}
    if new:
        held["passwords"] |= new
        write_accounts(place, held)
    for name in missing:
        sign_up(url, held["token"], name, held["passwords"][name])
    if missing:
        there = user_ids(url, held["token"])
    refused = [name for name in missing if name not in there]
    if refused:
        raise StickerworksError(
            f"The server made no account of {', '.join(refused)}.",
            "Name annotators by e-mail address: label.annotators.",
        )
    return find_accounts(there, config, held["token"])


def find_accounts(there: Mapping[str, int], config: LabelConfig, token: str) -> Accounts:
    """The configured people among the users of a server; StickerworksError names the missing."""
    people = (config.lead, *config.accounts)
    missing = [name for name in people if account_name(name) not in there]
    if missing:
        raise StickerworksError(
            f"The server has no account of {', '.join(missing)}.",
            "Invite them there, or correct label.lead and label.annotators.",
        )
    return Accounts(config.lead, token, there)


def user_ids(url: str, token: str) -> dict[str, int]:
    """Numbers of all users of our server by e-mail (casefolded)."""
    with _web_errors(url), _session() as session:
        users = _get(session, f"{url}/api/users/", token)
    return {account_name(str(user["email"])): int(user["id"]) for user in users}


def sign_up(url: str, token: str, email: str, password: str) -> None:
    """Make an account by an invitation of the lead, as a browser would."""
    with _web_errors(url):
        with _session() as session:
            path = _get(session, f"{url}/api/invite", token)["invite_url"]
        with _session() as session:  # of their own: who is logged in can't sign up
            form = {"email": email, "password": password}
            _post_form(session, url + path[path.index("/user/") :], form)


def login(url: str, email: str, password: str, certificate: str | None = None) -> requests.Session:
    """A session of that user, as a browser would have; writes carry the CSRF header.

    ``certificate`` is that of a server which vouches for itself. Raises StickerworksError when the
    password is refused.
    """
    session = _session()
    session.verify = certificate or True
    with _web_errors(url):
        _post_form(session, f"{url}/user/login/", {"email": email, "password": password})
        who = session.get(f"{url}/api/current-user/whoami", timeout=_TIMEOUT_S)
    if not who.ok:
        raise StickerworksError(f"{url} refused the password of {email}.")
    session.headers["X-CSRFToken"] = session.cookies.get("csrftoken") or ""
    session.headers["Referer"] = url
    return session


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # neither proxies nor a .netrc have a say on loopback
    return session


def _get(session: requests.Session, address: str, token: str) -> Any:
    headers = {"Authorization": f"Token {token}"}
    answer = session.get(address, headers=headers, timeout=_TIMEOUT_S)
    answer.raise_for_status()
    return answer.json()


def _post_form(session: requests.Session, address: str, form: Mapping[str, str]) -> None:
    session.get(address, timeout=_TIMEOUT_S).raise_for_status()
    hidden = {"csrfmiddlewaretoken": session.cookies.get("csrftoken", "")}
    answer = session.post(
        address, data={**form, **hidden}, headers={"Referer": address}, timeout=_TIMEOUT_S
    )
    answer.raise_for_status()


@contextmanager
def _web_errors(url: str) -> Iterator[None]:
    try:
        yield
    except requests.RequestException as error:
        status = None if error.response is None else error.response.status_code
        said = f"answered with status {status}" if status else "stopped answering"
        remedy = "Run the same command again; nothing is lost."
        if status in (401, 403):
            remedy = "It doesn't know our token: restore accounts.json of its time from a copy."
        # The cause is left out: it names addresses, and an invitation's address is a key.
        raise StickerworksError(f"{url} {said} ({type(error).__name__}).", remedy) from None
