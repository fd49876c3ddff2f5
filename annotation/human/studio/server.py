"""Our Label Studio server: one a workspace, on loopback, started and stopped by us."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

from pipeline.engine.errors import StickerworksError
from pipeline.engine.storage import atomic_file
from schemas.config import LabelConfig

_HOST = "127.0.0.1"
_START_S, _STOP_S = 600, 20
_PROGRAM = "STICKERWORKS_LABEL_STUDIO"
# What the caller's own Python or Django is told must not reach the server's.
_FOREIGN = ("PYTHON", "DJANGO", "LABEL_STUDIO", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Place:
    """The folder of a workspace that holds all of its server."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def files(self) -> Path:
        """The only files that the server shows."""
        return self.root / "files"

    @property
    def accounts(self) -> Path:
        return self.root / "accounts.json"

    @property
    def state(self) -> Path:
        return self.root / "server.json"

    @property
    def log(self) -> Path:
        return self.root / "server.log"


def find_program(config: LabelConfig) -> Path:
    """The label-studio program; StickerworksError when none is installed."""
    ours = Path(__file__).parents[3] / ".venv-label-studio" / "bin" / "label-studio"
    named = (config.server, os.environ.get(_PROGRAM), ours, shutil.which("label-studio"))
    for place in named:
        if place is not None and Path(place).expanduser().is_file():
            return Path(place).expanduser().absolute()
    raise StickerworksError(
        "Label Studio is not installed.", "Run `make label-studio`, or set label.server."
    )


def start(place: Place, config: LabelConfig) -> str:
    """URL of the server, started when it isn't running; the first start migrates its database.

    Raises StickerworksError when the port is taken or the server does not come up.
    """
    url = running(place)
    if url is not None:
        return url
    program = find_program(config)
    stop(place)  # what a kill left half alive
    _check_port(config.port)
    lead = lead_account(place, config)
    for folder in (place.data, place.files):
        folder.mkdir(parents=True, exist_ok=True)
    port = str(config.port)
    with place.log.open("ab") as log:
        process = subprocess.Popen(
            [program, "start", "--no-browser", "--internal-host", _HOST, "--port", port],
            env=_environment(place, config, lead),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=place.root,
            start_new_session=True,
        )
    _note(place, process.pid, config.port)
    return _wait(place, process)


def stop(place: Place) -> bool:
    """Stop our server and all its processes; False when it wasn't running."""
    process = _process(_read(place.state))
    if process is None:
        place.state.unlink(missing_ok=True)
        return False
    group = process.pid
    os.killpg(group, signal.SIGTERM)
    try:
        process.wait(_STOP_S)
    except psutil.TimeoutExpired:
        os.killpg(group, signal.SIGKILL)
        process.wait(_STOP_S)
    place.state.unlink(missing_ok=True)
    return True


def running(place: Place) -> str | None:
    """URL of our server when it runs and answers; None otherwise."""
    state = _read(place.state)
    if _process(state) is None or not place.accounts.exists():
        return None
    url = f"http://{_HOST}:{state['port']}"
    return url if _answers(url, read_accounts(place)["token"]) else None


def read_accounts(place: Place) -> dict[str, Any]:
    """The secrets: ``token`` of the lead, and ``passwords`` by e-mail."""
    held: dict[str, Any] = json.loads(place.accounts.read_text(encoding="utf-8"))
    return held


def write_accounts(place: Place, held: Mapping[str, Any]) -> None:
    """Keep the secrets in a file that only its owner can read."""
    with atomic_file(place.accounts) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(held, indent=1), encoding="utf-8")


def lead_account(place: Place, config: LabelConfig) -> dict[str, Any]:
    """The secrets, made before the server first starts: a kill in between loses none."""
    if not place.accounts.exists():
        password = {config.lead: secrets.token_urlsafe(12)}
        write_accounts(place, {"token": secrets.token_hex(20), "passwords": password})
    return read_accounts(place)


def _environment(place: Place, config: LabelConfig, held: Mapping[str, Any]) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
    return kept | {
        "LABEL_STUDIO_BASE_DATA_DIR": str(place.data),
        "LABEL_STUDIO_USERNAME": config.lead,
        "LABEL_STUDIO_PASSWORD": held["passwords"][config.lead],
        "LABEL_STUDIO_USER_TOKEN": held["token"],
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "COLLECT_ANALYTICS": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "LATEST_VERSION_CHECK": "false",
        "LOCAL_FILES_SERVING_ENABLED": "true",
        "LOCAL_FILES_DOCUMENT_ROOT": str(place.files),
    }


def _check_port(port: int) -> None:
    # The server itself would take the next free port in silence.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise StickerworksError(
                f"Port {port} of this machine is taken by another program.",
                f"Choose another one: --set label.port={port + 1}.",
            ) from error


def _wait(place: Place, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        url = running(place)
        if url is not None:
            return url
        time.sleep(0.5)
    stop(place)
    raise StickerworksError(
        "Label Studio did not start.", f"Its own words stand at the end of {place.log}."
    )


def _answers(url: str, token: str) -> bool:
    """Whether it is ours: our token opens it."""
    try:
        headers = {"Authorization": f"Token {token}"}
        answer = requests.get(f"{url}/api/version", headers=headers, timeout=10)
        who = requests.get(f"{url}/api/current-user/whoami", headers=headers, timeout=10)
    except requests.RequestException:
        return False
    return answer.ok and who.ok


def _note(place: Place, pid: int, port: int) -> None:
    # Process numbers are used again; with the time of its start one is unmistakable.
    born = psutil.Process(pid).create_time()
    with atomic_file(place.state) as temporary:
        temporary.write_text(json.dumps({"pid": pid, "born": born, "port": port}))


def _read(path: Path) -> dict[str, Any]:
    try:
        held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return held


def _process(state: Mapping[str, Any]) -> psutil.Process | None:
    try:
        process = psutil.Process(state["pid"])
        same = abs(process.create_time() - state["born"]) < 1
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (KeyError, psutil.NoSuchProcess):
        return None
