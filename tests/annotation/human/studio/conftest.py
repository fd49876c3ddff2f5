"""A real Label Studio server: migrated once a session, copied for each module that needs one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil
import pytest
import requests

from annotation.human.studio import process
from annotation.human.studio.accounts import ensure_accounts, login
from annotation.human.studio.client import FOLDER, Connection, connect
from annotation.human.studio.place import Place, read_accounts
from annotation.human.studio.server import find_program, start, stop
from pipeline.cli.main import app
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import Config, LabelConfig

FOREIGN = "stranger@example.org"


@dataclass(frozen=True)
class Studio:
    """A workspace with its running server."""

    workspace: Workspace
    config: Config

    @property
    def place(self) -> Place:
        return Place(self.workspace.root / FOLDER)

    @property
    def connection(self) -> Connection:
        return connect(self.workspace.root, self.config.label)

    def label(self, *words: str) -> None:
        """Run `stickerworks label` on it."""
        port = f"label.port={self.config.label.port}"
        arguments = ["--workspace", str(self.workspace.root), "--set", port, "label", *words]
        assert app(args=arguments, standalone_mode=False) in (0, None)

    @property
    def url(self) -> str:
        """Where the server answers; it is started when it doesn't run."""
        return start(self.place, self.config.label)

    def user(self, name: str) -> requests.Session:
        """What that user's browser would send."""
        return login(self.url, name, read_accounts(self.place)["passwords"][name])

    def annotator(self, number: int) -> requests.Session:
        """The browser of an annotator, counted from 0."""
        return self.user(self.config.label.annotators[number])

    def foreign(self) -> requests.Session:
        """The browser of a user who is in no allow-list."""
        return self.user(FOREIGN)

    def kill(self) -> None:
        """Kill the server as a power cut would."""
        kill(self.place)

    def restart(self) -> str:
        """Stop the server, if it still runs, and start it on the same port."""
        stop(self.place)
        return self.url


def kill(place: Place) -> None:
    """SIGKILL to the server and all that it started."""
    found = process.serving(place.data.absolute())
    assert found, "there is no server to kill"
    for server in found:
        os.killpg(server.pid, signal.SIGKILL)
    psutil.wait_procs(found, 10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A server's folder with lead, three annotators and a stranger; it doesn't run."""
    try:
        find_program(LabelConfig())
    except StickerworksError as error:
        if os.environ.get("STICKERWORKS_REQUIRE_LABEL_STUDIO") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))
    place = Place(tmp_path_factory.mktemp("a server") / FOLDER)
    everybody = (*LabelConfig().annotators, FOREIGN)
    config = LabelConfig(port=free_port(), annotators=everybody)
    place.root.mkdir()
    try:
        ensure_accounts(place, start(place, config), config)
    finally:
        stop(place)
    return place


@pytest.fixture(scope="module")
def make_studio(migrated: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Give a workspace a server of its own; stopped at the end, whatever happens."""
    made: list[Place] = []

    def make(workspace: Workspace) -> Studio:
        place = Place(workspace.root / FOLDER)
        shutil.copytree(migrated.root, place.root)
        made.append(place)
        return Studio(workspace, Config(label=LabelConfig(port=free_port())))

    yield make
    for place in made:
        stop(place)


@pytest.fixture(scope="module")
def studio(make_studio: Any, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """An empty workspace with a running server."""
    made: Studio = make_studio(Workspace(tmp_path_factory.mktemp("a workspace")))
    made.restart()
    return made
