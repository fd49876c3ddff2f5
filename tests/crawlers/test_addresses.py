from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.addresses import AllowList, is_public, literal_address, objection

NONE = AllowList.of([])

PRIVATE_FORMS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.1.",
    "%31%32%37.0.0.1",
    "１２７.0.0.1",
    "127。0。0。1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fc00::1]",
    "[fec0::1]",
    "[ff02::1]",
    "0.0.0.0",
    "0",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "224.0.0.1",
    "255.255.255.255",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "metadata.google.internal",
    "printer.local",
]


@pytest.mark.parametrize("host", PRIVATE_FORMS)
def test_every_written_form_of_a_private_address_is_refused(host: str) -> None:
    found = objection(f"http://{host}/a.gif", NONE)
    assert found is not None
    assert found.error_class == "private_address"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/a.gif",
        "gopher://example.com/",
        "data:image/gif;base64,R0lGODlh",
        "javascript:alert(1)",
        "//example.com/a.gif",
        "",
    ],
)
def test_only_http_and_https_are_fetched(url: str) -> None:
    found = objection(url, NONE)
    assert found is not None
    assert found.error_class in ("scheme", "bad_url")


@pytest.mark.parametrize(
    "url", ["http:///a", "http://[::1/a", "http://1.2.3.999/", "http://99999999999/", "http://a:x/"]
)
def test_what_is_neither_name_nor_address_is_refused(url: str) -> None:
    found = objection(url, NONE)
    assert found is not None
    assert found.error_class == "bad_url"


@pytest.mark.parametrize(
    "host", ["raw.githubusercontent.com", "8.8.8.8", "[2606:4700::1111]", "1e100.net", "例子.测试"]
)
def test_public_hosts_pass(host: str) -> None:
    assert objection(f"https://{host}/a.gif", NONE) is None


def test_an_allowed_host_is_allowed_on_its_port_alone() -> None:
    allowed = AllowList.of(["127.0.0.1:8000", "localhost", "[::1]:9"])
    assert objection("http://127.0.0.1:8000/a", allowed) is None
    assert objection("http://127.0.0.1:8001/a", allowed) is not None
    assert objection("http://127.0.0.1/a", allowed) is not None
    assert objection("http://127.1:8000/a", allowed) is not None
    assert objection("http://localhost:1234/a", allowed) is None
    assert objection("http://[::1]:9/a", allowed) is None
    assert objection("file://127.0.0.1:8000/a", allowed) is not None


def _forms(address: IPv4Address) -> list[str]:
    value = int(address)
    a, b, c, d = address.packed
    return [
        str(address),
        str(value),
        hex(value),
        f"0{value:o}",
        f"{a}.{value & 0xFFFFFF}",
        f"{a}.{b}.{value & 0xFFFF}",
        f"0x{a:x}.0{b:o}.{c}.{d}",
        f"{address}.",
    ]


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_all_forms_of_an_address_are_read_as_that_address(address: IPv4Address) -> None:
    assert {literal_address(form) for form in _forms(address)} == {address}
    refused = {objection(f"http://{form}/", NONE) is None for form in _forms(address)}
    assert refused == {is_public(address)}


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_wrapping_an_address_in_ipv6_changes_nothing(address: IPv4Address) -> None:
    value = int(address)
    wrapped = [
        IPv6Address((0xFFFF << 32) | value),
        IPv6Address((0x2002 << 112) | (value << 80)),
        IPv6Address(int(ip_address("64:ff9b::")) | value),
    ]
    assert {is_public(each) for each in wrapped} == {is_public(address)}


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_no_text_breaks_the_check(text: str) -> None:
    objection(f"http://{text}/a", NONE)
    objection(text, NONE)


@pytest.mark.parametrize("user", ["bob:hunter2@", "bob@", ":hunter2@", "@"])
def test_addresses_with_a_user_or_password_are_refused(user: str) -> None:
    for allowed in (NONE, AllowList.of(["example.com"])):
        found = objection(f"http://{user}example.com/a.gif", allowed)
        assert found is not None
        assert found.error_class == "userinfo"
        assert "hunter2" not in found.error
