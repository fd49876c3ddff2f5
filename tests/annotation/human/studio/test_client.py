"""The connection to a server: errors are for people, reads are repeated, writes never are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from label_studio_sdk.core.api_error import ApiError

from annotation.human.studio import retrying_client
from annotation.human.studio.client import connect, server_errors
from pipeline.engine.errors import StickerworksError
from schemas.labelling import LabelConfig

TOKEN = "0123456789abcdef0123456789abcdef01234567"
USERS = b'[{"id": 7, "email": "lead@x.org"}, {"id": 8, "email": "A@x.org"}]'
BREAKS_OFF = 0


class Served:
    """What a server on loopback was asked, and what it says next."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.next: list[int] = []
        self.address = ""


@contextmanager
def serve() -> Iterator[Served]:
    served = Served()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length)
            served.asked.append(f"{self.command} {self.headers['Authorization']}")
            status = served.next.pop(0) if served.next else 200
            if status == BREAKS_OFF:
                self.close_connection = True
                return
            body = USERS if status == 200 else b'{"detail": "sesame"}'
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Set-Cookie", "sessionid=sesame")
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names that the base class calls

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(retrying_client, "_FIRST_WAIT_S", 0.001)
    monkeypatch.setenv("STICKERWORKS_LABEL_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve() as server:
        yield server


def theirs(served: Served, **more: Any) -> LabelConfig:
    return LabelConfig(url=f"{served.address}/", lead="lead@x.org", annotators=("a@x.org",), **more)


def test_people_of_a_server_of_others_are_found_by_address(served: Served, tmp_path: Path) -> None:
    connection = connect(tmp_path, theirs(served))
    assert connection.accounts.ids == {"lead@x.org": 7, "a@x.org": 8}
    assert connection.url == served.address
    assert served.asked == [f"GET Token {TOKEN}"]
    assert not list(tmp_path.iterdir()), "no server of ours is started for it"
    assert TOKEN not in repr(connection)


def test_a_missing_token_is_named(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STICKERWORKS_LABEL_TOKEN")
    with pytest.raises(StickerworksError, match="as STICKERWORKS_LABEL_TOKEN"):
        connect(tmp_path, theirs(served))
    assert served.asked == []


@pytest.mark.parametrize("trouble", [BREAKS_OFF, 429, 500, 503])
def test_a_read_is_repeated(served: Served, tmp_path: Path, trouble: int) -> None:
    served.next = [trouble, trouble, trouble]
    assert connect(tmp_path, theirs(served)).accounts.ids["lead@x.org"] == 7
    assert len(served.asked) == 4


@pytest.mark.parametrize("trouble", [BREAKS_OFF, 409, 429, 500, 503])
def test_a_write_is_sent_once(served: Served, tmp_path: Path, trouble: int) -> None:
    connection = connect(tmp_path, theirs(served))
    served.asked.clear()
    served.next = [trouble] * 5
    with pytest.raises(StickerworksError), server_errors(connection.url):
        connection.client.projects.import_tasks(1, request=[{"data": {}}])
    assert len(served.asked) == 1
    served.asked.clear()
    with pytest.raises(StickerworksError), server_errors(connection.url):
        connection.client.annotations.update(id=1, result=[])
    assert len(served.asked) == 1


@pytest.mark.parametrize(
    ("status", "said"), [(401, "refused our token"), (404, "Is it Label Studio"), (500, "again")]
)
def test_what_the_server_said_is_one_line_without_secrets(
    served: Served, tmp_path: Path, status: int, said: str
) -> None:
    served.next = [status] * 4
    with pytest.raises(StickerworksError, match=f"status {status}.*{said}") as caught:
        connect(tmp_path, theirs(served))
    cause = caught.value.__cause__
    assert isinstance(cause, ApiError)
    assert cause.status_code == status
    shown = f"{caught.value} {cause.headers}"
    assert TOKEN not in shown
    assert "sesame" not in shown


def test_a_server_that_is_gone_is_one_line(served: Served, tmp_path: Path) -> None:
    connection = connect(tmp_path, theirs(served))
    gone = LabelConfig(url="http://127.0.0.1:9", lead="lead@x.org", annotators=("a@x.org",))
    with pytest.raises(StickerworksError, match="stopped answering .* nothing is lost"):
        connect(tmp_path, gone)
    assert connection.client is not None


def test_what_is_no_error_of_a_server_passes() -> None:
    with pytest.raises(ZeroDivisionError), server_errors("http://x"):
        raise ZeroDivisionError


def test_our_own_server_is_started_and_known(studio: Any) -> None:
    studio.kill()
    connection = connect(studio.workspace.root, studio.config.label)
    assert connection.accounts.lead == studio.config.label.lead
    assert connection.files == studio.place.files
    assert {u.email for u in connection.client.users.list()} >= {connection.accounts.lead}


def test_a_proxy_has_no_say_on_loopback(studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    connection = connect(studio.workspace.root, studio.config.label)
    assert list(connection.client.users.list())
