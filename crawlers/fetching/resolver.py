"""A name resolver that never hands out private addresses, unless the host is allowed by name."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from twisted.internet.interfaces import IAddress, IHostnameResolver, IResolutionReceiver
from zope.interface import implementer  # type: ignore[import-untyped]

from crawlers.addresses import AllowList, is_public


@implementer(IHostnameResolver)
class CheckingResolver:
    """Passes on what the reactor's resolver finds when all of it is public.

    The connection is made to the very addresses that were checked, so a name that changes its
    answer (DNS rebinding) gains nothing. ``refused`` maps each refused host to its address.
    """

    def __init__(self, reactor: Any, allowed: AllowList) -> None:
        self._reactor = reactor
        self._inner = reactor.nameResolver
        self._allowed = allowed
        self.refused: dict[str, str] = {}

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> CheckingResolver:
        # A proxy in the environment is the user's own choice, and mostly a private address.
        proxies = [urlsplit(url).netloc.rpartition("@")[2] for url in getproxies().values()]
        return cls(reactor, AllowList.of([*crawler.settings.getlist("ALLOW_HOSTS"), *proxies]))

    def install_on_reactor(self) -> None:
        self._reactor.installNameResolver(self)

    def resolveHostName(  # noqa: N802
        self,
        resolutionReceiver: IResolutionReceiver,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[type[IAddress]] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> Any:
        receiver: Any = resolutionReceiver
        if not self._allowed.admits(hostName, portNumber):
            receiver = _Checked(resolutionReceiver, hostName, self.refused)
        return self._inner.resolveHostName(
            receiver, hostName, portNumber, addressTypes, transportSemantics
        )


@implementer(IResolutionReceiver)
class _Checked:
    """Holds addresses back until all are known, and passes on none if one is private."""

    def __init__(self, receiver: Any, host: str, refused: dict[str, str]) -> None:
        self._receiver = receiver
        self._host = host
        self._refused = refused
        self._addresses: list[Any] = []

    def resolutionBegan(self, resolution: Any) -> None:  # noqa: N802
        self._receiver.resolutionBegan(resolution)

    def addressResolved(self, address: Any) -> None:  # noqa: N802
        self._addresses.append(address)

    def resolutionComplete(self) -> None:  # noqa: N802
        private = [a.host for a in self._addresses if not is_public(ip_address(a.host))]
        if private:
            self._refused[self._host] = private[0]
        else:
            for address in self._addresses:
                self._receiver.addressResolved(address)
        self._receiver.resolutionComplete()
