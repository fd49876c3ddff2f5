"""A connection to the annotation server: ours, started when it must be, or that of others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from annotation.human.studio.accounts import Accounts, ensure_accounts, find_accounts
from annotation.human.studio.passwords import take_up_pending
from annotation.human.studio.server import inner, start
from annotation.human.studio.server_paths import ServerPaths, account_name
from pipeline.engine.errors import StickerworksError
from schemas.labelling import LabelConfig

if TYPE_CHECKING:
    from label_studio_sdk import LabelStudio

FOLDER = "label-studio"
_VARIABLE = "STICKERWORKS_LABEL_TOKEN"
_TIMEOUT_S, _CONNECT_S = 300, 10

Say = Callable[[str], None]


@dataclass(frozen=True)
class Connection:
    """The address that people type, the SDK's client, who is who, and the files that are shown.

    The client goes straight to our Label Studio, where people's browsers meet the gateway.
    """

    url: str
    client: LabelStudio = field(repr=False)
    accounts: Accounts
    files: Path


def connect(root: Path, config: LabelConfig, say: Say = lambda _: None) -> Connection:
    """Connect to ``config.url``, or to the server of the workspace ``root``, started if need be.

    ``say`` hears of a start. Raises StickerworksError when there is no token, no answer, or no
    account of somebody who is configured.
    """
    place = ServerPaths(root / FOLDER)
    if config.url is None:
        outside = start(place, config, say)
        url = inner(place)
        if url is None:
            raise StickerworksError(
                "Label Studio stopped answering just after it had started.",
                f"Its own words stand at the end of {place.log}.",
            )
        take_up_pending(place, config)
        accounts = ensure_accounts(place, url, config)
        told = config.host.rstrip("/") if config.host else outside
        return Connection(told, _client(url, accounts.token, ours=True), accounts, place.files)
    url, token = config.url.rstrip("/"), os.environ.get(_VARIABLE, "").strip()
    if not token:
        raise StickerworksError(
            f"The token for {url} is missing.", f"Put it into the environment as {_VARIABLE}."
        )
    with server_errors(url):
        client = _client(url, token, ours=False)
        there = {account_name(str(user.email)): int(user.id) for user in client.users.list()}
    return Connection(url, client, find_accounts(there, config, token), place.files)


@contextmanager
def server_errors(url: str) -> Iterator[None]:
    """Turn what the SDK raises into one line; the cause stays attached, secrets are left out."""
    import httpx
    from label_studio_sdk.core.api_error import ApiError

    try:
        yield
    except ApiError as error:
        error.headers = None  # cookies, for instance
        raise StickerworksError(
            f"{url} answered with status {error.status_code}.", _remedy(error.status_code)
        ) from error
    except httpx.HTTPError as error:
        raise StickerworksError(
            f"{url} stopped answering ({type(error).__name__}).",
            "Run the same command again; it goes on where it was, and nothing is lost.",
        ) from error


def _remedy(status: int | None) -> str:
    if status in (401, 403):
        return f"It refused our token; for a server of others, correct {_VARIABLE}."
    if status is not None and status < 500 and status not in (408, 409, 429):
        return (
            "Is it Label Studio, at the version that we use? "
            "Its own words stand in its log (ours: label-studio/server.log)."
        )
    return (
        "Run the same command again; nothing is lost. "
        "Its own words stand in its log (ours: label-studio/server.log)."
    )


def _client(url: str, token: str, *, ours: bool) -> LabelStudio:
    import httpx
    from label_studio_sdk import LabelStudio

    from annotation.human.studio.retrying_client import PatientClient

    web = PatientClient(
        timeout=httpx.Timeout(_TIMEOUT_S, connect=_CONNECT_S),
        follow_redirects=True,
        trust_env=not ours,  # a proxy has no say on loopback
    )
    # The SDK itself would send writes again whose answer was lost.
    return LabelStudio(base_url=url, api_key=token, httpx_client=web, max_retries=0)
