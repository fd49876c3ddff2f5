"""Which version of Label Studio answers, and whether it is the one that all was tried with."""

from __future__ import annotations

from typing import Any

import requests

from pipeline.engine.errors import StickerworksError

TRIED = "1.23.2"
"""As constraints-label-studio.txt pins it."""

_TIMEOUT_S = 30
_MOST = 40


def check_version(url: str, *, ours: bool) -> str | None:
    """What to warn of; None at the version that all was tried with.

    Raises StickerworksError for another major version, whose calls and screens we don't know, and
    for what isn't Label Studio.
    """
    with requests.Session() as session:
        session.trust_env = not ours
        try:
            answer = session.get(f"{url}/api/version", timeout=_TIMEOUT_S)
            said: Any = answer.json() if answer.ok else None
        except (requests.RequestException, ValueError):
            said = None
    release = said.get("release") if isinstance(said, dict) else None
    if not isinstance(release, str):
        raise StickerworksError(
            f"{url} does not say which version of Label Studio it is.", "Is it Label Studio?"
        )
    return compare(release)


def compare(release: str) -> str | None:
    """The same of a version's number.

    >>> compare("1.23.2")
    >>> compare("1.22.0")
    'Label Studio is of version 1.22.0; all was tried with 1.23.2.'
    """
    if release == TRIED:
        return None
    shown = ascii(release[:_MOST])[1:-1]
    said = f"Label Studio is of version {shown}; all was tried with {TRIED}."
    if release.partition(".")[0] != TRIED.partition(".")[0]:
        raise StickerworksError(said, "Run `make label-studio`, or use a server of that version.")
    return said
