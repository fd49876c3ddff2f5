"""Our Label Studio server and the gateway before it: one pair a workspace, on loopback, started
and stopped by us."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import requests

from annotation.human.studio import gateway_process as gateway
from annotation.human.studio import process
from annotation.human.studio.launching import launch
from annotation.human.studio.ports import HOST, check_port, free
from annotation.human.studio.server_paths import ServerPaths
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path
from schemas.labelling import LabelConfig

__all__ = ["PROGRAM", "ServerPaths", "find_program", "inner", "running", "start", "stop"]

PROGRAM = "STICKERWORKS_LABEL_STUDIO"
"""Environment variable that names the label-studio program."""

Say = Callable[[str], None]

_START_S, _TRIES = 600, 5


def find_program(config: LabelConfig) -> Path:
    """The label-studio program; StickerworksError when there is none."""
    for named, value in (("label.server", config.server), (PROGRAM, os.environ.get(PROGRAM))):
        if value:
            path = named_path(value, named).absolute()
            if not path.is_file():
                raise StickerworksError(f"{named} names {path}, which is no file.", "Correct it.")
            return path
    ours = Path(__file__).parents[3] / ".venv-label-studio" / "bin" / "label-studio"
    if ours.is_file():
        return ours
    installed = shutil.which("label-studio")
    if installed is None:
        raise StickerworksError(
            "Label Studio is not installed.",
            f"Run `make label-studio`, or name the program in label.server or {PROGRAM}.",
        )
    return Path(installed).absolute()


def start(place: ServerPaths, config: LabelConfig, say: Say = lambda _: None) -> str:
    """Where browsers of this machine reach the server, started when it isn't running; the first
    start makes its database.

    Interrupted at any time, another call goes on, and starts again whichever of the two processes
    has ended. Raises StickerworksError when the port is taken or the server does not come up.
    """
    place = ServerPaths(place.root.absolute())
    _end_exposed(place)
    for _ in range(_TRIES):
        url = _wait(place)
        if url is None:
            if not gateway.answering(place):
                gateway.end(place)
                check_port(config.port)
            _end_studio(place)  # one that a kill kept from being noted
            child, port = launch(find_program(config), place, config, say)
            url = _wait(place)
            # Its port was taken after we looked: it took another one, or ended.
            if url is None and (not place.state.exists() or not free(port)):
                continue
            if url is None:
                raise _ended(place, child.poll())
        place.unfinished.unlink(missing_ok=True)
        return gateway.ensure(place, config, int(url.rpartition(":")[2]))
    raise StickerworksError("Other programs take every port that we choose.", "Try again.")


def stop(place: ServerPaths) -> bool:
    """Stop our server; False when it wasn't running."""
    place = ServerPaths(place.root.absolute())
    stood = gateway.end(place)
    return _end_studio(place) or stood


def running(place: ServerPaths) -> str | None:
    """What browsers of this machine ask when all of our server runs and answers; else None."""
    place = ServerPaths(place.root.absolute())
    port = gateway.answering(place)
    return None if port is None or inner(place) is None else f"http://{HOST}:{port}"


def inner(place: ServerPaths) -> str | None:
    """URL of Label Studio itself, behind the gateway, when it runs and answers; None otherwise."""
    found = process.noted(place.state, place.data.absolute())
    # Asked only where our own process listens: nobody else is taken for it.
    if found is None or found.port not in process.ports(found.process):
        return None
    url = f"http://{HOST}:{found.port}"
    return url if _healthy(url) else None


def _end_exposed(place: ServerPaths) -> None:
    """End a server that browsers reach without the gateway: an earlier version started it."""
    found = process.noted(place.state, place.data)
    if found is not None and not place.gateway_settings.exists():
        _end_studio(place)


def _ended(place: ServerPaths, code: int | None) -> StickerworksError:
    how = f" by signal {-code}" if code and code < 0 else f" with exit code {code}" if code else ""
    remedy = f"Its own words stand at the end of {place.log}."
    if code == -signal.SIGKILL:
        remedy = "Perhaps this machine has too little memory for it. " + remedy
    return StickerworksError(f"Label Studio ended at once{how}.", remedy)


def _end_studio(place: ServerPaths) -> bool:
    found = process.serving(place.data)
    if not process.end(found):
        raise StickerworksError("Label Studio does not end.", f"Kill process {found[0].pid}.")
    place.state.unlink(missing_ok=True)
    return bool(found)


def _wait(place: ServerPaths) -> str | None:
    """URL once the noted server answers; None when there is none, or it ends before."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        found = process.noted(place.state, place.data)
        if found is None:
            return None
        url = inner(place)
        if url is not None:
            return url
        # It would take the next free port in silence when its own is taken.
        if process.ports(found.process) - {found.port}:
            _end_studio(place)
            return None
        time.sleep(0.3)
    raise StickerworksError(
        f"Label Studio does not answer, see {place.log}.",
        "Run `stickerworks label stop`, then the same command again.",
    )


def _healthy(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False  # no proxy between us and loopback
        try:
            return session.get(f"{url}/health", timeout=10).ok
        except requests.RequestException:
            return False
