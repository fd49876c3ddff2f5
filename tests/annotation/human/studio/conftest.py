"""A real Label Studio server: migrated once a session, copied for whoever needs one."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from labelling_booth import make_drawn

from annotation.human.studio import process
from annotation.human.studio.accounts import ensure_accounts, login
from annotation.human.studio.client import FOLDER, Connection, connect
from annotation.human.studio.server import find_program, inner, start, stop
from annotation.human.studio.server_paths import ServerPaths, read_accounts
from pipeline.engine.errors import StickerworksError
from pipeline.engine.workspace import Workspace
from schemas.config import Config
from schemas.labelling import LabelConfig
from stickerworks.cli.main import app

FOREIGN = "stranger@example.org"


@dataclass(frozen=True)
class Studio:
    """A workspace with its running server."""

    workspace: Workspace
    config: Config

    @property
    def place(self) -> ServerPaths:
        return ServerPaths(self.workspace.root / FOLDER)

    @property
    def connection(self) -> Connection:
        return connect(self.workspace.root, self.config.label)

    def label(self, *words: str, options: Sequence[str] = ()) -> None:
        """Run `stickerworks label` on it."""
        port = f"label.port={self.config.label.port}"
        base = ["--workspace", str(self.workspace.root), "--set", port, *options]
        arguments = [*base, "label", *words]
        assert app(args=arguments, standalone_mode=False) in (0, None)

    @property
    def outside(self) -> str:
        """Where browsers reach the server; it is started when it doesn't run."""
        return start(self.place, self.config.label)

    @property
    def url(self) -> str:
        """Where Label Studio itself answers, which has no roles; started when it doesn't run."""
        start(self.place, self.config.label)
        url = inner(self.place)
        assert url is not None
        return url

    def user(self, name: str) -> requests.Session:
        """What that user's browser would send."""
        return login(self.url, name, read_accounts(self.place)["passwords"][name])

    def annotator(self, number: int) -> requests.Session:
        """The browser of an annotator, counted from 0."""
        return self.user(self.config.label.accounts[number])

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


def kill(place: ServerPaths) -> None:
    """SIGKILL to the server and all that it started."""
    found = process.serving(place.data.absolute())
    assert found, "there is no server to kill"
    for server in found:
        os.killpg(server.pid, signal.SIGKILL)
    psutil.wait_procs(found, 10)


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Ports that nothing listens on, each given once.

    They lie below those that the system gives to clients, one of which might take it before the
    server does, and workers of a session start far apart.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = iter(range(10_000 + (os.getppid() % 50 * 8 + worker % 8) * 50, 32_000))

    def next_free() -> int:
        for port in ports:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with suppress(OSError):
                    probe.bind(("127.0.0.1", port))
                    return port
        raise RuntimeError("no port is free")

    return next_free


@dataclass(frozen=True)
class Migrated:
    """The folder of a server that doesn't run: lead, three annotators and a stranger.

    Its first start was killed while it migrated. ``told`` is what the second one said, ``kept``
    and ``after`` are the secrets that the first one left and the second one has, ``people`` those
    who have an account.
    """

    place: ServerPaths
    told: list[str]
    kept: dict[str, Any]
    after: dict[str, Any]
    people: list[str]


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Migrated:
    """Made once by all the workers of a session: it takes a minute of computing."""
    try:
        find_program(LabelConfig())
    except StickerworksError as error:
        if os.environ.get("STICKERWORKS_REQUIRE_LABEL_STUDIO") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))

    def make(folder: Path) -> None:
        made = migrate(ServerPaths(folder / FOLDER), free_port())
        (folder / "made.json").write_text(json.dumps(made))

    folder = made_once(tmp_path_factory, "a server", make)
    return Migrated(ServerPaths(folder / FOLDER), **json.loads((folder / "made.json").read_text()))


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first worker of a session fills, and all others find."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, done = shared / name, shared / f"{name} is made"
    with open(shared / f"{name} lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def migrate(place: ServerPaths, port: int) -> dict[str, Any]:
    """Make a server's database, after a start that is killed on the way."""
    everybody = (*LabelConfig().accounts, FOREIGN)
    config = LabelConfig(port=port, annotators=everybody)
    told: list[str] = []
    place.root.mkdir()
    try:
        kill_while_it_migrates(place, config)
        kept = read_accounts(place)
        url = start(place, config, told.append)
        after = read_accounts(place)
        assert url == f"http://127.0.0.1:{port}"
        people = sorted(ensure_accounts(place, str(inner(place)), config).ids)
    finally:
        stop(place)
    return {"told": told, "kept": kept, "after": after, "people": people}


def kill_while_it_migrates(place: ServerPaths, config: LabelConfig) -> None:
    script = (
        "import sys; from pathlib import Path; from schemas.config import LabelConfig;"
        "from annotation.human.studio.server import ServerPaths, start;"
        "start(ServerPaths(Path(sys.argv[1])), LabelConfig(port=int(sys.argv[2])))"
    )
    ours = subprocess.Popen([sys.executable, "-c", script, place.root, str(config.port)])
    database = place.data / "label_studio.sqlite3"
    while not (database.exists() and database.stat().st_size > 300_000):
        assert ours.poll() is None
        time.sleep(0.1)
    ours.kill()
    ours.wait()
    kill(place)  # it goes on without us


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Gives a folder by name; the function fills it the first time that any worker asks."""
    return partial(made_once, tmp_path_factory)


@pytest.fixture(scope="module")
def drawn(once: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Workspace]:
    """Gives copies of a workspace of drawn stickers."""
    made = once("drawn", make_drawn) / "workspace"

    def copy() -> Workspace:
        root = tmp_path_factory.mktemp("drawn") / "workspace"
        return Workspace(shutil.copytree(made, root))

    return copy


@pytest.fixture(scope="session")
def migrated(first_start: Migrated) -> ServerPaths:
    """A server's folder with lead, three annotators and a stranger; it doesn't run."""
    return first_start.place


@contextmanager
def serving(migrated: ServerPaths, workspace: Workspace, port: int) -> Iterator[Studio]:
    """A workspace with a server of its own; stopped at the end, whatever happens."""
    place = ServerPaths(workspace.root / FOLDER)
    shutil.copytree(migrated.root, place.root)
    try:
        yield Studio(workspace, Config(label=LabelConfig(port=port)))
    finally:
        stop(place)


@pytest.fixture(scope="module")
def make_studio(migrated: ServerPaths, free_port: Callable[[], int]) -> Iterator[Any]:
    """Give a workspace a server of its own, stopped when the module is done."""
    with ExitStack() as stack:
        yield lambda workspace: stack.enter_context(serving(migrated, workspace, free_port()))


@pytest.fixture(scope="session")
def studio(
    migrated: ServerPaths, free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Studio]:
    """An empty workspace with a running server, which all modules share."""
    workspace = Workspace(tmp_path_factory.mktemp("a workspace"))
    with serving(migrated, workspace, free_port()) as made:
        made.restart()
        yield made
