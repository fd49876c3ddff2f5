"""A name resolver that never hands out private addresses, unless the host is allowed by name."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from crawlers.addresses import PORTS, AllowList, is_public

_LOOK_UP_S = 5.0
_MOST_CHECKED = 10_000


class PrivateNameError(Exception):
    """A name turns out to be a private address."""


class CheckingResolver(AbstractResolver):
    """Passes on what a name resolves to when all of it is public.

    The connection is made to the very addresses that were checked, so a name that changes its
    answer (DNS rebinding) gains nothing.
    """

    def __init__(self, inner: AbstractResolver, allowed: AllowList) -> None:
        self._inner = inner
        self._allowed = allowed
        self._checked: set[str] = set()

    @classmethod
    def of(cls, allow_hosts: Iterable[str]) -> CheckingResolver:
        """A resolver of the running loop that asks the system."""
        # A proxy in the environment is the user's own choice, and mostly a private address.
        return cls(ThreadedResolver(), AllowList.of([*allow_hosts, *_proxies()]))

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not self._allowed.admits(host, port):
            for result in found:
                if not is_public(ip_address(result["host"].partition("%")[0])):
                    address = result["host"]
                    raise PrivateNameError(f"{host} resolves to the private address {address}")
        return found

    async def refuse_private(self, host: str, port: int) -> None:
        """Raise PrivateNameError for a name that is private as far as this machine knows.

        For what goes through a proxy, which looks names up itself: it may know more, or others.
        """
        name = f"{host}:{port}"
        if name in self._checked:
            return
        # Behind a proxy there may be no resolver that answers, and what looks names up waits long.
        with suppress(OSError):
            await asyncio.wait_for(self.resolve(host, port), _LOOK_UP_S)
        if len(self._checked) >= _MOST_CHECKED:
            self._checked.clear()
        self._checked.add(name)

    async def close(self) -> None:
        await self._inner.close()


def _proxies() -> Iterator[str]:
    """Hosts of the environment's proxies, which may be written without a scheme."""
    for scheme, written in getproxies().items():
        if scheme not in PORTS:  # "no" lists hosts that no proxy is asked for
            continue
        try:
            place = urlsplit(written if "//" in written else f"//{written}").netloc
        except ValueError:
            continue
        if host := place.rpartition("@")[2]:
            yield host
