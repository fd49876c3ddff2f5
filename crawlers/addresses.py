"""Which hosts a crawl may talk to: public ones, and private ones only where allowed by name.

Whoever writes a listing or a redirect chooses the address, so every written form of an address
counts: 127.0.0.1, 127.1, 2130706433, 0x7f000001, [::ffff:127.0.0.1], full-width digits, ...
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import unquote, urlsplit

Address = IPv4Address | IPv6Address
MAX_ADDRESS = 8000
"""Characters of the longest address that is fetched or stored; servers take no longer ones."""
PORTS = {"http": 80, "https": 443}
"""Kinds of addresses that are fetched, and where they lead without a port."""

_LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa")
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = IPv6Network("::/96")


@dataclass(frozen=True)
class Objection:
    """Why an address may not be fetched: a short class, and the reason for people."""

    error_class: str
    error: str


@dataclass(frozen=True)
class AllowList:
    """Private hosts that may be fetched: entries "host" or "host:port"."""

    entries: frozenset[str]

    @classmethod
    def of(cls, entries: Iterable[str]) -> AllowList:
        return cls(frozenset(entry.strip().lower() for entry in entries))

    def admits(self, host: str, port: int | None) -> bool:
        shown = f"[{host}]" if ":" in host else host
        names = {host.lower(), shown.lower()}
        return bool(self.entries & (names | {f"{name}:{port}" for name in names}))


def objection(url: str, allowed: AllowList) -> Objection | None:
    """Why this address may not be fetched, as far as its text shows; None when it may."""
    if len(url) > MAX_ADDRESS:
        error = f"the address has {len(url)} characters, more than {MAX_ADDRESS}"
        return Objection("too_long", error)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return Objection("bad_url", "the address can't be read")
    if "@" in parts.netloc:
        return Objection("userinfo", "addresses with a user or password are never fetched")
    if parts.scheme not in PORTS:
        return Objection("scheme", f"addresses of the kind {parts.scheme!r} are never fetched")
    if allowed.admits(host, port or PORTS[parts.scheme]):
        return None
    return _objection_to_host(host)


def _objection_to_host(host: str) -> Objection | None:
    name = _plain(host)
    try:
        address = literal_address(host)
    except ValueError:
        address, name = None, ""
    if not name:
        return Objection("bad_url", f"{host!r} is neither a name nor an address")
    if address is not None and not is_public(address):
        return Objection("private_address", f"{host} is the private address {address}")
    if any(name == local or name.endswith(f".{local}") for local in _LOCAL_NAMES):
        return Objection("private_address", f"{name} is a name of this machine or network")
    return None


def literal_address(host: str) -> Address | None:
    """The address that a host writes out, in any form that resolvers take; None for a name.

    Raises ValueError where a host is made of numbers yet is no address.
    """
    text = _plain(host)
    if ":" in text:
        return ip_address(text.partition("%")[0])
    labels = text.split(".")
    last = labels[-1]
    if not last.isdecimal() and not last.startswith("0x"):
        return None
    numbers = [_number(label) for label in labels]
    *heads, tail = numbers
    if len(numbers) > 4 or any(head > 255 for head in heads):
        raise ValueError(host)
    if tail >= 256 ** (5 - len(numbers)):
        raise ValueError(host)
    value = sum(head << (24 - 8 * place) for place, head in enumerate(heads)) + tail
    return IPv4Address(value)


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, also where it is wrapped in another."""
    if isinstance(address, IPv6Address):
        inner = _wrapped(address)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in (*_NAT64, _COMPATIBLE)):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _plain(host: str) -> str:
    text = unicodedata.normalize("NFKC", unquote(host)).replace("\u3002", ".")
    return text.strip("[]").rstrip(".").lower()


def _number(label: str) -> int:
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8 if len(label) > 1 and label.startswith("0") else 10)
