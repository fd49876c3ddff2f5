"""Keeps tests and the processes that they start on this machine.

``install`` wraps what leaves it in Python's sockets; programs that aren't Python (a browser) and
children whose environment a test replaces aren't reached. What is refused is also written down,
so that a test fails whose code survives the refusal.
"""

from __future__ import annotations

import functools
import os
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # every child of a test imports this module, so it imports little
    from ipaddress import IPv4Address, IPv6Address

ATTEMPTS = "STICKERWORKS_TESTS_ATTEMPTS"
"""Environment variable: the file that refusals are written to."""

_read = 0


class OutsideLoopbackError(socket.gaierror):
    """A test tried to reach another machine; resolvers and clients take it for no network."""


def install() -> None:
    """Guard this process; doing it twice changes nothing."""
    if hasattr(socket.getaddrinfo, "__wrapped__"):
        return
    for name, place in (("connect", 0), ("connect_ex", 0), ("sendto", -1), ("sendmsg", 3)):
        setattr(socket.socket, name, _sending(getattr(socket.socket, name), place))
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
        setattr(socket, name, _resolving(getattr(socket, name)))


def attempts() -> list[str]:
    """What was refused since the last call, in this process and its children."""
    global _read  # noqa: PLW0603 - one file a process, read on from where it was left
    path = os.environ.get(ATTEMPTS)
    if path is None or not os.path.exists(path) or os.path.getsize(path) <= _read:
        return []
    with open(path, encoding="utf-8") as file:
        file.seek(_read)
        lines = file.read().splitlines()
        _read = file.tell()
    return lines


def _sending(original: Callable[..., Any], place: int) -> Callable[..., Any]:
    @functools.wraps(original)
    def guarded(self: socket.socket, *arguments: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and len(arguments) > place:
            address = arguments[place]
            if isinstance(address, tuple) and not _is_here(address[0]):
                _refuse(*address[:2])
        return original(self, *arguments)

    return guarded


def _resolving(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def guarded(host: Any, *arguments: Any, **options: Any) -> Any:
        # An address needs no asking; whoever connects to it is refused then.
        if _address(host) is None and not _is_here(host):
            _refuse(host, arguments[0] if arguments else options.get("port"))
        return original(host, *arguments, **options)

    return guarded


def _is_here(host: Any) -> bool:
    address = _address(host)
    if address is not None:
        inner = getattr(address, "ipv4_mapped", None) or address
        return bool(inner.is_loopback or inner.is_unspecified)
    name = _name(host)
    return name in ("", "localhost", _this_machine()) or name.endswith(".localhost")


def _address(host: Any) -> IPv4Address | IPv6Address | None:
    from ipaddress import IPv4Address, ip_address

    name = _name(host)
    try:
        return ip_address(name.partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(name)) if name else None  # 127.1 and its like
    except (OSError, ValueError):
        return None


def _name(host: Any) -> str:
    return (host.decode("latin-1") if isinstance(host, bytes) else str(host or "")).lower()


@functools.cache
def _this_machine() -> str:
    return socket.gethostname().lower()


def _refuse(host: Any, port: Any) -> None:
    if _name(host).rstrip(".").endswith(".invalid"):
        # RFC 6761 6.4: such names exist nowhere, and nobody need be asked.
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    test = os.environ.get("PYTEST_CURRENT_TEST", "a test")
    command = " ".join(" ".join(sys.orig_argv).split())[:200]
    said = f"Tests may reach loopback alone, but {test} tried {_name(host)}:{port} in: {command}"
    path = os.environ.get(ATTEMPTS)
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(said + "\n")
    raise OutsideLoopbackError(socket.EAI_FAIL, said)
