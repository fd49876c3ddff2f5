"""Who asks: what Label Studio says of a session or token, remembered for a short time."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

_KEEP_S, _MOST = 20.0, 2000
SESSION, CSRF = "sessionid", "csrftoken"
_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=5)


class UnreadableError(aiohttp.ClientError):
    """Label Studio, or what stands in its place, says something else than it does."""


@contextmanager
def understood() -> Iterator[None]:
    """Turn what can't be read of Label Studio's answers into UnreadableError."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableError(type(error).__name__) from error


@dataclass(frozen=True)
class Visitor:
    """A user of Label Studio: their number and account (casefolded)."""

    user: int
    account: str


@dataclass(frozen=True)
class Proof:
    """What a browser or program sent to say who it is; a token speaks louder than a session."""

    session: str
    csrf: str
    token: str

    @property
    def key(self) -> bytes:
        return hashlib.sha256(f"{self.session}\0{self.token}".encode()).digest()

    def headers(self) -> dict[str, str]:
        """The same for Label Studio, and nothing else of what was sent."""
        if self.token:
            return {"Authorization": self.token}
        pairs = ((SESSION, self.session), (CSRF, self.csrf))
        cookies = "; ".join(f"{name}={value}" for name, value in pairs if value)
        return {"Cookie": cookies} if cookies else {}


def proof_of(cookies: Mapping[str, str], authorization: str | None) -> Proof:
    """What a request proves itself with."""
    token = (authorization or "").strip()
    if not token.lower().startswith(("token ", "bearer ")):
        token = ""
    return Proof(_clean(cookies.get(SESSION)), _clean(cookies.get(CSRF)), token)


def _clean(value: str | None) -> str:
    fine = value is not None and len(value) < 4000 and value.isascii() and value.isprintable()
    return value if fine and value and not set(value) & set(' ";,\\') else ""


class Visitors:
    """Answers of Label Studio to who somebody is, by hashes of what they prove it with."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client
        self._known: OrderedDict[bytes, tuple[float, Visitor | None]] = OrderedDict()

    async def who(self, inside: str, proof: Proof) -> Visitor | None:
        """The user; None for nobody. Raises aiohttp.ClientError when Label Studio is away."""
        if not (proof.session or proof.token):
            return None
        held = self._known.get(proof.key)
        if held is not None and time.monotonic() - held[0] < _KEEP_S:
            return held[1]
        address = f"{inside}/api/current-user/whoami"
        async with self._client.get(
            address, headers=proof.headers(), timeout=_TIMEOUT, allow_redirects=False
        ) as answer:
            if answer.status >= 500:
                answer.raise_for_status()
            with understood():
                said = await answer.json() if answer.status == 200 else None
                found = said if said is None else _visitor(said)
        self._known[proof.key] = (time.monotonic(), found)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return found

    def forget(self, proof: Proof | None = None) -> None:
        """Ask again, about everybody or those who prove themselves so."""
        if proof is None:
            self._known.clear()
        else:
            self._known.pop(proof.key, None)


def _visitor(said: Mapping[str, Any]) -> Visitor:
    return Visitor(int(said["id"]), str(said["email"]).casefold())
