"""A connection to the annotation server: ours, started when it must be, or that of others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from annotation.human.studio.accounts import Accounts, ensure_accounts, find_accounts
from annotation.human.studio.server import Place, start
from pipeline.engine.errors import StickerworksError
from schemas.config import LabelConfig

if TYPE_CHECKING:
    from label_studio_sdk import LabelStudio

FOLDER = "label-studio"
_VARIABLE = "STICKERWORKS_LABEL_TOKEN"
_TIMEOUT_S = 300


@dataclass(frozen=True)
class Connection:
    """The server's address, the SDK's client for it, and who is who there."""

    url: str
    client: LabelStudio = field(repr=False)
    accounts: Accounts


def connect(root: Path, config: LabelConfig) -> Connection:
    """Connect to ``config.url``, or to the workspace's own server."""
    if config.url is None:
        place = Place(root / FOLDER)
        url = start(place, config)
        accounts = ensure_accounts(place, url, config)
        return Connection(url, _client(url, accounts.token), accounts)
    url, token = config.url.rstrip("/"), os.environ.get(_VARIABLE, "")
    if not token:
        raise StickerworksError(
            f"The token for {url} is missing.", f"Put it into the environment as {_VARIABLE}."
        )
    client = _client(url, token)
    with server_errors(url):
        there = {str(user.email).casefold(): int(user.id) for user in client.users.list()}
    return Connection(url, client, find_accounts(there, config, token))


@contextmanager
def server_errors(url: str) -> Iterator[None]:
    """Turn what the SDK raises into one line; the cause stays attached, secrets are left out."""
    import httpx
    from label_studio_sdk.core.api_error import ApiError

    try:
        yield
    except ApiError as error:
        raise StickerworksError(
            f"{url} answered with status {error.status_code}.",
            "Run the same command again; nothing is lost. Its log is label-studio/server.log.",
        ) from error
    except httpx.HTTPError as error:
        raise StickerworksError(
            f"{url} stopped answering ({type(error).__name__}).",
            "Run the same command again; it goes on where it was, and nothing is lost.",
        ) from error


def _client(url: str, token: str) -> LabelStudio:
    from label_studio_sdk import LabelStudio

    return LabelStudio(base_url=url, api_key=token, timeout=_TIMEOUT_S)
