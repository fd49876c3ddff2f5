from __future__ import annotations

import http.client
import json
import socket
import urllib.error
import urllib.parse
import urllib.request
import urllib.robotparser
from hashlib import sha256

import pytest

from pipeline.demo.collection import INDEX_NAME, PREFIX
from pipeline.demo.site import HOST, serve
from pipeline.engine.errors import StickerworksError


@pytest.fixture(scope="module")
def site(collection):
    with serve(collection.folder) as running:
        yield running


def fetch(site, path, headers=None, method="GET"):
    connection = http.client.HTTPConnection(HOST, site.port, timeout=10)
    connection.request(method, path, headers=headers or {})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, response.headers, body


def address(row):
    return f"{PREFIX}/{urllib.parse.quote(row.path)}"


def test_index_lists_everything_at_the_address_it_runs_at(site, collection):
    status, _, body = fetch(site, f"{PREFIX}/{INDEX_NAME}")
    index = json.loads(body)
    assert (status, index["status"]) == (200, 1000)
    assert [item["url"] for item in index["data"]] == [
        f"{site.base_url}{PREFIX}/{row.path}" for row in collection.stickers
    ]


def test_every_file_arrives_as_it_was_drawn(site, collection):
    for row in collection.stickers:
        if row.sha256:
            status, headers, body = fetch(site, address(row))
            assert (status, sha256(body).hexdigest()) == (200, row.sha256)
            assert headers["Content-Type"].startswith("image/")


def test_unquoted_names_do_not_arrive(site, collection):
    """The traps in the names are real: `#` and `?` cut a path that isn't quoted."""
    for character in "#?":
        (row,) = [row for row in collection.of_case("ordinary") if character in row.name]
        raw = urllib.parse.quote(row.path.partition(character)[0])
        assert fetch(site, f"{PREFIX}/{raw}")[0] == 404


def test_misses_are_what_the_truth_says(site, collection):
    (missing,) = collection.of_case("missing")
    assert fetch(site, address(missing))[0] == 404
    (page,) = collection.of_case("html_page")
    status, headers, body = fetch(site, address(page))
    assert (status, headers["Content-Type"]) == (200, "image/gif")
    assert body.startswith(b"<!DOCTYPE html>")
    (folder,) = collection.of_case("folder_entry")
    status, headers, body = fetch(site, address(folder))
    assert (status, headers.get_content_type()) == (200, "text/html")


def test_robots_disallow_the_private_pack_alone(site, collection):
    robots = urllib.robotparser.RobotFileParser(f"{site.base_url}/robots.txt")
    robots.read()
    for row in collection.stickers:
        allowed = robots.can_fetch("stickerworks/0.1", site.base_url + address(row))
        assert allowed == (row.case != "private")


def test_a_second_request_with_the_etag_gets_304(site, collection):
    path = address(collection.of_case("ordinary")[0])
    _, first, _ = fetch(site, path)
    status, again, body = fetch(site, path, {"If-None-Match": first["ETag"]})
    assert (status, body, again["ETag"]) == (304, b"", first["ETag"])
    assert again["Last-Modified"] == first["Last-Modified"]
    status, _, body = fetch(site, path, {"If-None-Match": '"another"'})
    assert (status, len(body) > 0) == (200, True)


def test_head_has_headers_and_no_body(site, collection):
    row = collection.of_case("ordinary")[0]
    status, headers, body = fetch(site, address(row), method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) == collection.file(row).stat().st_size


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/etc/passwd",
        f"{PREFIX}/../../../../etc/passwd",
        f"{PREFIX}/%2e%2e/%2e%2e/etc/passwd",
        f"{PREFIX}//etc/passwd",
        f"{PREFIX}/expected.jsonl",
        f"{PREFIX}/%00",
        f"{PREFIX}/%ff%fe",
    ],
)
def test_nothing_but_the_index_is_served(site, path):
    assert fetch(site, path)[0] == 404


def test_a_taken_port_gives_way_to_a_free_one_or_is_an_error(collection):
    with serve(collection.folder) as first:
        with serve(collection.folder, port=first.port) as second:
            assert second.port != first.port
            assert fetch(second, "/robots.txt")[0] == 200
        with (
            pytest.raises(StickerworksError, match=f"Port {first.port}"),
            serve(collection.folder, port=first.port, strict=True),
        ):
            pytest.fail("it must not run")


def test_a_free_port_is_used_as_asked_and_freed_again(collection):
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    for _ in range(2):
        with serve(collection.folder, port=port, strict=True) as site:
            assert site.base_url == f"http://127.0.0.1:{port}"


def test_a_crawler_that_hangs_up_early_leaves_no_noise(collection, capfd):
    (heavy,) = collection.of_case("oversize")
    with serve(collection.folder) as site:
        for _ in range(3):
            with socket.create_connection((HOST, site.port)) as connection:
                connection.sendall(f"GET {address(heavy)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                connection.recv(100)
                # Linger 0 resets the connection while the server still writes.
                linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        assert fetch(site, "/robots.txt")[0] == 200
    assert capfd.readouterr() == ("", "")
