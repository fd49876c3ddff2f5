"""A name resolver that never hands out private addresses, unless the host is allowed by name."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from crawlers.addresses import AllowList, is_public


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

    @classmethod
    def of(cls, allow_hosts: Iterable[str]) -> CheckingResolver:
        """A resolver of the running loop that asks the system."""
        # A proxy in the environment is the user's own choice, and mostly a private address.
        proxies = [urlsplit(url).netloc.rpartition("@")[2] for url in getproxies().values()]
        return cls(ThreadedResolver(), AllowList.of([*allow_hosts, *proxies]))

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

    async def close(self) -> None:
        await self._inner.close()
