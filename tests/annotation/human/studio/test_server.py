"""Our server starts once, stops at once, survives kills, and takes nobody's place."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from annotation.human.studio import ports, process
from annotation.human.studio.accounts import ensure_accounts
from annotation.human.studio.server import find_program, inner, running, start, stop
from annotation.human.studio.server_paths import ServerPaths, prepare, read_accounts
from pipeline.engine.errors import StickerworksError
from schemas.labelling import LabelConfig

Port = Callable[[], int]


def number(place: ServerPaths) -> int:
    (found,) = process.serving(place.data)
    return int(found.pid)


def gateway(place: ServerPaths) -> int:
    (found,) = process.serving(place.data, process.GATEWAY_MARK)
    return int(found.pid)


def nothing_runs(place: ServerPaths) -> bool:
    return not process.serving(place.data) + process.serving(place.data, process.GATEWAY_MARK)


def ended(pid: int) -> bool:
    """Gone, or dead and not yet collected by us, who started it."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def secrets_of(place: ServerPaths) -> list[str]:
    held = read_accounts(place)
    return [held["token"], *held["passwords"].values()]


@pytest.fixture
def copied(migrated: ServerPaths, tmp_path: Path) -> Any:
    """A place whose database is made already; stopped at the end."""
    place = ServerPaths(tmp_path / "with a space" / "label-studio")
    shutil.copytree(migrated.root, place.root)
    yield place
    stop(place)


def test_a_second_start_finds_it_running(studio: Any) -> None:
    before = number(studio.place), gateway(studio.place)
    assert start(studio.place, studio.config.label) == studio.outside == running(studio.place)
    assert (number(studio.place), gateway(studio.place)) == before


def test_it_listens_on_loopback_alone(studio: Any) -> None:
    ports = []
    for pid in (number(studio.place), gateway(studio.place)):
        sockets = psutil.Process(pid).net_connections(kind="tcp")
        ((host, port),) = {s.laddr for s in sockets if s.status == psutil.CONN_LISTEN}
        assert host == "127.0.0.1"
        ports.append(port)
    assert ports == [int(studio.url.rpartition(":")[2]), studio.config.label.port]


def test_nobody_signs_up_without_an_invitation(studio: Any) -> None:
    session = requests.Session()
    address = f"{studio.url}/user/signup/"
    session.get(address)
    form = {
        "email": "intruder@example.org",
        "password": "long-enough-1",
        "csrfmiddlewaretoken": session.cookies["csrftoken"],
    }
    assert session.post(address, data=form, headers={"Referer": address}).status_code == 403


def test_it_shows_files_below_its_folder_alone(studio: Any) -> None:
    inside = studio.place.files / "stickers"
    inside.mkdir(parents=True, exist_ok=True)
    (inside / "a.png").write_bytes(b"png")
    client = studio.connection.client
    project = client.projects.create(title="files").id
    client.import_storage.local.create(project=project, path=str(inside), use_blob_urls=True)
    browser = studio.annotator(0)

    def show(path: str) -> requests.Response:
        return browser.get(f"{studio.url}/data/local-files/", params={"d": path})

    assert show("stickers/a.png").content == b"png"
    for path in ("../accounts.json", "stickers/../../accounts.json", str(studio.place.accounts)):
        answer = show(path)
        assert not answer.ok
        assert not any(secret in answer.text for secret in secrets_of(studio.place))
    with pytest.raises(Exception, match="path"):
        client.import_storage.local.create(project=project, path=str(studio.place.data))


def test_passwords_and_tokens_stand_in_neither_log_nor_command_line(studio: Any) -> None:
    studio.annotator(0)
    place = studio.place
    shown = "".join(
        " ".join(psutil.Process(pid).cmdline()) for pid in (number(place), gateway(place))
    )
    for path in place.root.iterdir():
        if path.is_file() and path not in (place.accounts, place.root / "ledger.sqlite"):
            shown += path.read_bytes().decode("utf-8", "replace")
    assert not any(secret in shown for secret in secrets_of(studio.place))
    assert stat.S_IMODE(studio.place.log.stat().st_mode) == 0o600
    assert stat.S_IMODE(studio.place.data.stat().st_mode) == 0o700


def test_a_killed_server_starts_again_with_all_that_it_had(
    copied: ServerPaths, free_port: Port
) -> None:
    config = LabelConfig(port=free_port())
    url = start(copied, config)
    before = ensure_accounts(copied, str(inner(copied)), config)
    killed, stays = psutil.Process(number(copied)), gateway(copied)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait(10)
    assert running(copied) is None
    away = requests.get(url, cookies={"sessionid": "x"}, headers={"Accept": "text/html"}, timeout=9)
    assert away.status_code == 502
    assert "label setup" in away.text
    assert start(copied, config) == url
    assert gateway(copied) == stays, "it is told where Label Studio is now"
    assert ensure_accounts(copied, str(inner(copied)), config) == before


def test_a_killed_gateway_is_begun_again_before_the_same_server(
    copied: ServerPaths, free_port: Port
) -> None:
    config = LabelConfig(port=free_port())
    url = start(copied, config)
    stays, killed = number(copied), psutil.Process(gateway(copied))
    killed.kill()
    killed.wait(10)
    assert running(copied) is None
    assert start(copied, config) == url
    assert number(copied) == stays
    told = json.loads(copied.gateway_settings.read_text("utf-8"))
    copied.gateway_settings.write_text(json.dumps(told | {"program": "of before"}), "utf-8")
    earlier, elsewhere = gateway(copied), config.model_copy(update={"port": free_port()})
    assert start(copied, elsewhere) == url, "people go on at the port that they know"
    assert ended(earlier), "it was updated since"
    copied.gateway_state.unlink()  # one that nobody noted
    before = gateway(copied)
    assert start(copied, config) == url
    assert ended(before)
    assert number(copied) == stays


def test_a_server_that_browsers_reach_without_a_gateway_is_moved_behind_one(
    copied: ServerPaths, free_port: Port
) -> None:
    config = LabelConfig(port=free_port())
    copied.gateway_settings.unlink(missing_ok=True)
    held = {"PATH": os.environ["PATH"], process.MARK: str(copied.data)}
    earlier = subprocess.Popen(["sleep", "60"], env=held, start_new_session=True)
    process.note(copied.state, earlier.pid, config.port)
    assert start(copied, config) == f"http://127.0.0.1:{config.port}"
    assert earlier.wait(5) != 0


def test_a_port_of_another_workspace_is_told_with_the_way_to_stop_it(
    studio: Any, copied: ServerPaths
) -> None:
    port = studio.config.label.port
    with pytest.raises(StickerworksError, match="labelling of another workspace") as caught:
        start(copied, LabelConfig(port=port))
    said = str(caught.value)
    assert f"--workspace '{studio.workspace.root}' label stop" in said
    assert f"--set label.port={port + 1}" in said
    assert nothing_runs(copied)


def test_a_server_that_ends_while_it_is_waited_for_is_started_again(
    copied: ServerPaths, free_port: Port
) -> None:
    held = {"PATH": os.environ["PATH"], process.MARK: str(copied.data)}
    dying = subprocess.Popen(["sleep", "2"], env=held, start_new_session=True)
    config = LabelConfig(port=free_port())
    process.note(copied.state, dying.pid, config.port)
    assert start(copied, config) == f"http://127.0.0.1:{config.port}"
    dying.wait()


def test_it_outlives_the_program_that_started_it_and_is_stopped_once(
    copied: ServerPaths, free_port: Port
) -> None:
    port = free_port()
    script = (
        "import sys; from pathlib import Path; from schemas.config import LabelConfig;"
        "from annotation.human.studio.server import ServerPaths, start;"
        "start(ServerPaths(Path(sys.argv[1])), LabelConfig(port=int(sys.argv[2])))"
    )
    subprocess.run([sys.executable, "-c", script, copied.root, str(port)], check=True)
    assert running(copied) == f"http://127.0.0.1:{port}"
    assert os.getsid(number(copied)) == number(copied)
    both = number(copied), gateway(copied)
    assert stop(copied) is True
    assert all(map(ended, both))
    assert running(copied) is None
    assert stop(copied) is False


def test_a_server_that_nobody_noted_is_found_by_its_data(
    copied: ServerPaths, free_port: Port
) -> None:
    config = LabelConfig(port=free_port())
    url = start(copied, config)
    pid = number(copied)
    copied.state.unlink()
    assert start(copied, config) == url, "it doesn't stand in its own way"
    assert ended(pid)
    copied.state.unlink()
    assert stop(copied) is True
    assert nothing_runs(copied)


def test_a_taken_port_is_named_with_the_way_out(copied: ServerPaths) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = rf"Port {port} .*--set label\.port=\d+"
        with pytest.raises(StickerworksError, match=said):
            start(copied, LabelConfig(port=port))
    assert nothing_runs(copied)


def test_a_port_taken_after_we_looked_is_noticed(
    copied: ServerPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("studio.server", "studio.gateway_process"):
        monkeypatch.setattr(f"annotation.human.{module}.check_port", lambda port: None)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StickerworksError, match=f"Port {port} .* taken"):
            start(copied, LabelConfig(port=port))
    assert process.serving(copied.data, process.GATEWAY_MARK) == []


def test_label_studio_goes_elsewhere_when_its_port_is_taken_after_we_looked(
    copied: ServerPaths, free_port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = [other.getsockname()[1], free_port()]
        chosen = iter(ports)
        monkeypatch.setattr("annotation.human.studio.launching.choose_inner", lambda: next(chosen))
        start(copied, LabelConfig(port=free_port()))
        assert inner(copied) == f"http://127.0.0.1:{ports[1]}"


@pytest.mark.parametrize("alike", ["neither", "born at that time", "on those data"])
def test_a_stranger_with_the_number_of_our_process_is_left_alone(
    tmp_path: Path, alike: str
) -> None:
    place = ServerPaths(tmp_path)
    mark = place.data if alike == "on those data" else tmp_path / "another"
    environment = {"PATH": os.environ["PATH"], process.MARK: str(mark)}
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True, env=environment)
    try:
        process.note(place.state, stranger.pid, 1)
        held = json.loads(place.state.read_text())
        if alike != "born at that time":
            place.state.write_text(json.dumps({**held, "born": held["born"] - 60}))
        assert process.noted(place.state, place.data) is None
        if alike != "on those data":
            assert stop(place) is False
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_what_does_not_listen_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_STOP_S", 0.5)
    deaf = "trap '' TERM; sh -c \"trap '' TERM; echo deaf; while :; do sleep 0.1; done\" & wait"
    leader = subprocess.Popen(
        ["sh", "-c", deaf],
        start_new_session=True,
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], process.MARK: str(ServerPaths(tmp_path).data)},
    )
    assert leader.stdout is not None
    leader.stdout.readline()
    family = [psutil.Process(leader.pid), *psutil.Process(leader.pid).children(recursive=True)]
    process.note(tmp_path / "server.json", leader.pid, 1)
    assert stop(ServerPaths(tmp_path)) is True
    assert all(ended(member.pid) for member in family)


def test_another_lead_is_refused(copied: ServerPaths, free_port: Port) -> None:
    with pytest.raises(StickerworksError, match=r"not made for the lead boss@example\.org"):
        start(copied, LabelConfig(port=free_port(), lead="boss@example.org"))


def test_accounts_that_cannot_be_read_are_named_without_their_content(
    copied: ServerPaths, free_port: Port
) -> None:
    copied.accounts.write_text('{"token": "abc')
    with pytest.raises(StickerworksError, match=r"accounts\.json can't be read") as caught:
        start(copied, LabelConfig(port=free_port()))
    assert "abc" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_program_that_ends_at_once_points_to_its_log(tmp_path: Path, free_port: Port) -> None:
    program = tmp_path / "label-studio"
    program.write_text("#!/bin/sh\necho broken\nexit 1\n")
    program.chmod(0o755)
    place = ServerPaths(tmp_path / "place")
    with pytest.raises(StickerworksError, match=r"ended at once with exit code 1\. .*server\.log"):
        start(place, LabelConfig(port=free_port(), server=str(program)))
    assert place.log.read_text() == "broken\n"
    assert list(read_accounts(place)["passwords"]) == ["lead@example.org"]


def test_a_program_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StickerworksError, match=r"label\.server names .*nowhere"):
        find_program(LabelConfig(server="nowhere"))
    monkeypatch.setenv("STICKERWORKS_LABEL_STUDIO", str(tmp_path / "gone"))
    with pytest.raises(StickerworksError, match="STICKERWORKS_LABEL_STUDIO names .*gone"):
        find_program(LabelConfig())


def test_killed_while_it_migrates_a_rerun_works(first_start: Any) -> None:
    assert first_start.told == ["Label Studio makes its database first: one to two minutes."]
    assert first_start.after == first_start.kept
    everybody = (LabelConfig().lead, *LabelConfig().accounts, "stranger@example.org")
    assert first_start.people == sorted(map(str.casefold, everybody))


@pytest.mark.slow
def test_killed_before_the_lead_has_our_token_the_database_is_made_anew(
    copied: ServerPaths,
) -> None:
    """With a server, the test above sees how it goes on."""
    _take_the_lead_away(copied)
    kept = read_accounts(copied)
    assert prepare(copied) is True
    assert read_accounts(copied) == kept
    assert [path.name for path in copied.data.iterdir()] == [copied.unfinished.name]


def _take_the_lead_away(place: ServerPaths) -> None:
    """As a server leaves its database that is killed before the lead has our token."""
    place.unfinished.touch()
    connection = sqlite3.connect(place.data / "label_studio.sqlite3")
    with connection:
        connection.execute("PRAGMA foreign_keys = off")
        connection.execute("DELETE FROM organization")
        connection.execute("UPDATE authtoken_token SET key = 'a' || substr(key, 2)")
    connection.close()


def test_two_that_choose_the_same_port_at_once_both_come_up(
    migrated: ServerPaths, tmp_path: Path, free_port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = free_port()
    monkeypatch.setattr(ports, "_INNER", range(first, first + 4))
    # Nobody listens while both look, so that both choose the first one.
    monkeypatch.setattr(random, "sample", lambda pool, count: list(pool))
    places = [ServerPaths(tmp_path / name / "label-studio") for name in ("a", "b")]
    for place in places:
        shutil.copytree(migrated.root, place.root)
    configs = [LabelConfig(port=first + 40 + n) for n in range(2)]
    try:
        with ThreadPoolExecutor(2) as both:
            told = list(both.map(start, places, configs))
        assert told == [f"http://127.0.0.1:{config.port}" for config in configs]
        assert len({inner(place) for place in places}) == 2
        assert all(map(running, places))
    finally:
        for place in places:
            stop(place)
    assert all(map(nothing_runs, places))
