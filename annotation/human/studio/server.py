"""Our Label Studio server: one a workspace, on loopback, started and stopped by us."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests

from annotation.human.studio import process
from annotation.human.studio.server_paths import ServerPaths, account_name, lead_account, prepare
from pipeline.engine.errors import StickerworksError
from pipeline.engine.paths import named_path
from schemas.labelling import LabelConfig

__all__ = ["PROGRAM", "ServerPaths", "find_program", "running", "start", "stop"]

PROGRAM = "STICKERWORKS_LABEL_STUDIO"
"""Environment variable that names the label-studio program."""

Say = Callable[[str], None]

_HOST = "127.0.0.1"
_START_S, _LEAVE_S = 600, 5
# Label Studio reads dozens of settings under bare names (DEBUG, HOST, CI, ...): it gets just these.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH")


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
    """URL of the server, started when it isn't running; the first start makes its database.

    Interrupted at any time, another call goes on. Raises StickerworksError when the port is taken
    or the server does not come up.
    """
    place = ServerPaths(place.root.absolute())
    url = _wait(place)
    if url is None:
        _launch(place, config, say)
        url = _wait(place)
    if url is None:
        raise StickerworksError(
            "Label Studio ended at once.", f"Its own words stand at the end of {place.log}."
        )
    place.unfinished.unlink(missing_ok=True)
    return url


def stop(place: ServerPaths) -> bool:
    """Stop our server; False when it wasn't running."""
    found = process.serving(place.data.absolute())
    if not process.end(found):
        raise StickerworksError("Label Studio does not end.", f"Kill process {found[0].pid}.")
    place.state.unlink(missing_ok=True)
    return bool(found)


def running(place: ServerPaths) -> str | None:
    """URL of our server when it runs and answers; None otherwise."""
    found = process.noted(place.state, place.data.absolute())
    # Asked only where our own process listens: nobody else is taken for it.
    if found is None or found.port not in process.ports(found.process):
        return None
    url = f"http://{_HOST}:{found.port}"
    return url if _healthy(url) else None


def _launch(place: ServerPaths, config: LabelConfig, say: Say) -> None:
    program = find_program(config)
    stop(place)  # one that a kill kept from being noted
    _check_port(config.port)
    held = lead_account(place, config)
    if prepare(place):
        say("Label Studio makes its database first: one to two minutes.")
    _spawn(program, place, config, held)


def _spawn(program: Path, place: ServerPaths, config: LabelConfig, held: Mapping[str, Any]) -> None:
    command = [str(program), "start", "--no-browser", "--internal-host", _HOST]
    with open(place.log, "ab", opener=_private) as log:  # it has addresses of invitations
        try:
            child = subprocess.Popen(
                [*command, "--port", str(config.port)],
                env=_environment(place, config, held),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=place.root,
                start_new_session=True,
            )
        except OSError as error:
            raise StickerworksError(
                f"{program} can't be run: {error.strerror}.", "Run `make label-studio`."
            ) from error
    process.note(place.state, child.pid, config.port)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _environment(
    place: ServerPaths, config: LabelConfig, held: Mapping[str, Any]
) -> dict[str, str]:
    lead = account_name(config.lead)
    if lead not in held["passwords"]:
        raise StickerworksError(
            f"The server was not made for the lead {lead}.", "Set label.lead back."
        )
    return {name: os.environ[name] for name in _INHERITED if name in os.environ} | {
        process.MARK: str(place.data),
        "PYTHONUNBUFFERED": "1",
        "LABEL_STUDIO_BASE_DATA_DIR": str(place.data),
        "LABEL_STUDIO_USERNAME": lead,
        "LABEL_STUDIO_PASSWORD": held["passwords"][lead],
        "LABEL_STUDIO_USER_TOKEN": held["token"],
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "ALLOWED_HOSTS": f"{_HOST},localhost",  # no name that a web page chose leads here
        "CORS_ALLOW_ALL_ORIGINS": "false",
        "DEBUG": "false",
        "COLLECT_ANALYTICS": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "LATEST_VERSION_CHECK": "false",
        "LOCAL_FILES_SERVING_ENABLED": "true",
        "LOCAL_FILES_DOCUMENT_ROOT": str(place.files),
    }


def _check_port(port: int) -> None:
    # The server itself would take the next free port in silence. One that was just stopped or
    # killed holds its port until the last of its threads has gone.
    deadline = time.monotonic() + _LEAVE_S
    while not _free(port):
        if time.monotonic() > deadline:
            raise _port_taken(port)
        time.sleep(0.1)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise StickerworksError(
                f"Port {port} can't be used: {error.strerror}.", "Choose one: --set label.port=..."
            ) from error
    return True


def _port_taken(port: int) -> StickerworksError:
    return StickerworksError(
        f"Port {port} of this machine is taken by another program.",
        f"Choose another one: --set label.port={port + 1}.",
    )


def _wait(place: ServerPaths) -> str | None:
    """URL once the noted server answers; None when there is none, or it ends before."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        found = process.noted(place.state, place.data)
        if found is None:
            return None
        url = running(place)
        if url is not None:
            return url
        if process.ports(found.process) - {found.port}:  # taken after we looked
            stop(place)
            raise _port_taken(found.port)
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
