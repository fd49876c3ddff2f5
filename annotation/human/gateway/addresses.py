"""Under which names the gateway may be reached, and what Label Studio is told instead."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from annotation.human.studio.gateway_settings import GatewaySettings

_DEFAULT = {"http": 80, "https": 443}
_UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


def wrong_host(host: str, settings: GatewaySettings) -> str | None:
    """What is wrong with a request's Host, for a reader; None when it is one of ours.

    No name that a page of a stranger chose may lead here (DNS rebinding).
    """
    if host.lower() in _hosts(settings):
        return None
    shown = ascii(host[:100])[1:-1]
    return (
        f"This server isn't known under the name {shown!r}. If people reach it under that name "
        f"through a proxy, set label.host: https://{shown} and run `stickerworks label setup`; "
        "through a tunnel, "
        f"let it end at the same port, {settings.port}. A proxy may also send Host: "
        f"127.0.0.1:{settings.port}."
    )


def wrong_origin(method: str, headers: Mapping[str, str], settings: GatewaySettings) -> str | None:
    """What is wrong with the page that sends a request; None when it is one of ours.

    A proxy may have removed Origin and Referer: then what browsers say of the page's site has to
    do, and that they keep SameSite cookies to themselves.
    """
    origin, referer = headers.get("Origin"), headers.get("Referer")
    if method in _UNSAFE and headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return "A page of another site asked, which isn't this server."
    ours = {f"http://127.0.0.1:{settings.port}", f"http://localhost:{settings.port}"}
    ours |= {f"http://[::1]:{settings.port}"}
    if settings.host:
        ours.add(_origin(settings.host))
    page = origin if origin is not None else _origin(referer) if referer else None
    if page is None or (origin is None and method not in _UNSAFE):
        return None
    if page.lower() in ours:
        return None
    shown = ascii(page[:100])[1:-1]
    return (
        f"A page of {shown} asked, which isn't this server. If that is the address that people "
        f"type, set label.host: {shown} and run `stickerworks label setup`."
    )


def is_public(host: str, settings: GatewaySettings, origin: str | None) -> bool:
    """Whether a browser came by ``label.host`` over TLS, so that cookies may ask for TLS."""
    if not settings.host or not settings.host.startswith("https://"):
        return False
    return host.lower() in _names(settings.host) or origin == _origin(settings.host)


def _hosts(settings: GatewaySettings) -> set[str]:
    names = {f"{name}:{settings.port}" for name in ("127.0.0.1", "localhost", "[::1]")}
    if settings.port == 80:
        names |= {"127.0.0.1", "localhost", "[::1]"}
    return names | (_names(settings.host) if settings.host else set())


def _names(address: str) -> set[str]:
    parts = urlsplit(address)
    name = parts.netloc.lower()
    default = _DEFAULT[parts.scheme]
    if parts.port is None:
        return {name, f"{name}:{default}"}
    return {name, name.rpartition(":")[0]} if parts.port == default else {name}


def _origin(address: str) -> str:
    """Scheme and name of an address; "" of what is none, which is nobody's."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    name = parts.netloc.lower().removesuffix(f":{_DEFAULT.get(parts.scheme, 0)}")
    return f"{parts.scheme}://{name}"
