"""Commands on a workspace in a bucket, from two machines, and what may be wrong with one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from object_store_faults import Answer, FaultyStore, Forward, between, refused

from stickerworks.cli import addresses
from stickerworks.cli.main import _run

from .conftest import draw

Said = tuple[int, str, str]
Command = Callable[..., Said]


@pytest.fixture
def address(object_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-anyones-eyes")
    monkeypatch.chdir(tmp_path)
    return f"s3://stickers/{uuid.uuid4().hex}"


@pytest.fixture
def command(
    address: str,
    object_store: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Command:
    """Runs a command on a machine of its own: exit code, what it said, what it answered."""

    def run(*arguments: str, machine: str = "one", url: str = object_store, at: str = "") -> Said:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / machine))
        addresses._FETCHED.clear()
        given = ["--workspace", at or address, "--set", f"storage.endpoint={url}"]
        capfd.readouterr()
        code = _run([*arguments, *given, "--set", "storage.allow_http=true"])
        said = capfd.readouterr()
        assert "not-for-anyones-eyes" not in said.err + said.out
        return code, said.err, said.out

    return run


def source(folder: Path) -> str:
    return f"crawl.sources=[{{source: folder, options: {{path: {folder}}}}}]"


def test_two_machines_work_in_turn(command: Command, tmp_path: Path) -> None:
    draw(tmp_path / "stickers")
    kept = ["--set", "crawl.shard_rows=4", "--set", "tags.clusters=2"]
    where = ["--set", source(tmp_path / "stickers")]
    code, said, _ = command("crawl", "--json", *where)
    assert code == 0, said
    code, said, _ = command("crawl", "--keep", *kept, *where, machine="two")
    assert code == 0, said
    assert "8 stickers" in said
    # What the second machine kept holds for the first.
    code, said, answer = command("status", "--json")
    assert code == 0, said
    assert json.loads(answer)["workspace"].startswith("s3://stickers/")
    code, said, _ = command("crawl", "--dry-run", *where)
    assert "tags.clusters" not in said
    kept_file = next((tmp_path / "one").rglob("stickerworks.yaml"))
    assert "tags.clusters" in kept_file.read_text()


def wrong(code: str) -> Callable[[str, str, Forward], Answer]:
    return lambda method, path, forward: refused(403, code)


def forbid_writes(method: str, path: str, forward: Forward) -> Answer:
    return refused(403, "AccessDenied") if method == "PUT" else forward()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (wrong("InvalidAccessKeyId"), "refused the credentials"),
        (forbid_writes, "No permission to write"),
    ],
)
def test_a_store_that_refuses_is_one_line(
    command: Command, object_store: str, tmp_path: Path, fault: object, words: str
) -> None:
    with between(object_store) as store:
        _break(store, fault)
        code, said, _ = command("crawl", "--set", source(tmp_path), url=store.url)
    assert code == 1
    assert_one_line(said, words)


def _break(store: FaultyStore, fault: object) -> None:
    store.fault = fault  # type: ignore[assignment]


def test_a_bucket_that_is_missing_and_an_address_that_is_none_are_one_line(
    command: Command, tmp_path: Path
) -> None:
    code, said, _ = command("status", at="s3://nowhere/x")
    assert code == 1
    assert_one_line(said, "There is no bucket nowhere")
    code, said, _ = command("status", at="ftp://nowhere/x")
    assert code == 1
    assert_one_line(said, "is no address of a folder in a bucket")
    code, said, _ = command("status", url="http://127.0.0.1:1")
    assert code == 1
    assert_one_line(said, "Could not reach the store")


def test_an_address_may_stand_in_a_file(
    command: Command,
    address: str,
    object_store: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    draw(tmp_path / "stickers")
    assert command("crawl", "--set", source(tmp_path / "stickers"))[0] == 0
    (tmp_path / "stickerworks.yaml").write_text(
        f"workspace: {address}\nstorage: {{endpoint: '{object_store}', allow_http: true}}\n"
    )
    assert _run(["status", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["workspace"] == address


def assert_one_line(said: str, words: str) -> None:
    last = said.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert words in last
    assert "Traceback" not in said
