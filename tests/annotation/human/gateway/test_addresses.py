"""Names under which the gateway answers, and pages that may ask it."""

from __future__ import annotations

import pytest

from annotation.human.gateway.addresses import is_public, wrong_host, wrong_origin
from annotation.human.gateway.settings import GatewaySettings, settings_of
from schemas.labelling import LabelConfig


def told(host: str | None = None, port: int = 8090) -> GatewaySettings:
    return settings_of(LabelConfig(host=host), port, 32000)


@pytest.mark.parametrize("host", ["127.0.0.1:8090", "localhost:8090", "LOCALHOST:8090",
                                  "[::1]:8090"])  # fmt: skip
def test_loopback_with_the_port_is_known(host: str) -> None:
    assert wrong_host(host, told()) is None


@pytest.mark.parametrize("host", ["", "evil.example", "127.0.0.1", "127.0.0.1:8091",
                                  "127.0.0.1.evil.example:8090", "label.example.org.evil.example",
                                  "label.example.org:8443", "x@127.0.0.1:8090"])  # fmt: skip
def test_other_names_are_refused_with_the_setting_to_change(host: str) -> None:
    said = wrong_host(host, told("https://label.example.org"))
    assert said is not None
    assert "label.host" in said


def test_a_public_address_is_known_with_and_without_its_usual_port() -> None:
    for host in ("label.example.org", "Label.example.org:443"):
        assert wrong_host(host, told("https://label.example.org/")) is None
    assert wrong_host("label.example.org:443", told("http://label.example.org")) is not None
    assert wrong_host("label.example.org", told("https://label.example.org:443")) is None
    assert wrong_host("label.example.org:8443", told("https://label.example.org:8443")) is None
    assert wrong_host("127.0.0.1", told(port=80)) is None


def test_pages_of_strangers_may_not_ask() -> None:
    public = told("https://label.example.org")
    for origin in ("http://127.0.0.1:8090", "http://localhost:8090", "https://label.example.org"):
        assert wrong_origin("POST", {"Origin": origin}, public) is None
    for origin in ("https://evil.example", "null", "http://label.example.org",
                   "http://127.0.0.1:9000", "https://label.example.org.evil.example"):  # fmt: skip
        said = wrong_origin("GET", {"Origin": origin}, public)
        assert said is not None
        assert "label.host" in said


def test_where_a_proxy_removed_the_origin_other_headers_speak() -> None:
    assert wrong_origin("POST", {}, told()) is None
    ours = {"Referer": "http://127.0.0.1:8090/user/login/", "Sec-Fetch-Site": "same-origin"}
    assert wrong_origin("POST", ours, told()) is None
    assert wrong_origin("POST", {"Referer": "https://evil.example/form"}, told()) is not None
    assert wrong_origin("GET", {"Referer": "https://wiki.example/links"}, told()) is None
    for site in ("cross-site", "same-site"):
        assert wrong_origin("POST", {"Sec-Fetch-Site": site}, told()) is not None
        assert wrong_origin("GET", {"Sec-Fetch-Site": site}, told()) is None


def test_cookies_ask_for_tls_where_the_browser_came_by_it() -> None:
    public = told("https://label.example.org")
    assert is_public("label.example.org", public, None)
    assert is_public("127.0.0.1:8090", public, "https://label.example.org")
    assert not is_public("127.0.0.1:8090", public, None)
    assert not is_public("label.example.org", told("http://label.example.org"), None)
