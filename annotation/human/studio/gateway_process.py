"""The gateway's process: found, told, begun and ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import requests

from annotation.human.studio import process
from annotation.human.studio.gateway_settings import (
    program,
    read_settings,
    settings_of,
    write_settings,
)
from annotation.human.studio.launching import INHERITED, private
from annotation.human.studio.ports import HOST, check_port, port_taken
from annotation.human.studio.server_paths import ServerPaths
from pipeline.engine.errors import StickerworksError
from schemas.labelling import LabelConfig

HEALTH = "/_stickerworks/health"
TAKEN = 98
"""Exit code when the port was taken after we looked."""

_START_S = 30


def ensure(place: ServerPaths, config: LabelConfig, inner: int) -> str:
    """URL of the gateway to Label Studio at port ``inner``, begun when none answers.

    One that runs stays at its port, and takes up what changed in the configuration; one of before
    an update of the program is begun again there.
    """
    port = answering(place)
    if port is not None and _is_of_now(place):
        write_settings(place, settings_of(config, port, inner))
        return f"http://{HOST}:{port}"
    end(place)  # one that a kill kept from being noted, or that hangs
    return _begin_at(place, config, port or config.port, inner)


def _is_of_now(place: ServerPaths) -> bool:
    try:
        return read_settings(place).program == program()
    except StickerworksError:  # of another version, which wrote something else
        return False


def _begin_at(place: ServerPaths, config: LabelConfig, port: int, inner: int) -> str:
    check_port(port)
    write_settings(place, settings_of(config, port, inner))
    child = _begin(place)
    process.note(place.gateway_state, child.pid, port)
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if child.poll() == TAKEN:
            raise port_taken(port)
        if child.returncode is not None:
            break
        if answering(place) is not None:
            return f"http://{HOST}:{port}"
        time.sleep(0.05)
    end(place)
    raise StickerworksError(
        "The gateway before Label Studio does not come up.",
        f"Its own words stand at the end of {place.gateway_log}.",
    )


def answering(place: ServerPaths) -> int | None:
    """The port of the gateway when it runs and answers; None otherwise."""
    found = process.noted(place.gateway_state, place.data, process.GATEWAY_MARK)
    if found is None or found.port not in process.ports(found.process):
        return None
    with requests.Session() as session:
        session.trust_env = False  # no proxy between us and loopback
        try:
            fine = session.get(f"http://{HOST}:{found.port}{HEALTH}", timeout=10).ok
        except requests.RequestException:
            return None
    return found.port if fine else None


def end(place: ServerPaths) -> bool:
    """End every gateway of the workspace; False when there was none."""
    found = process.serving(place.data, process.GATEWAY_MARK)
    if not process.end(found):
        raise StickerworksError("The gateway does not end.", f"Kill process {found[0].pid}.")
    place.gateway_state.unlink(missing_ok=True)
    return bool(found)


def _begin(place: ServerPaths) -> subprocess.Popen[bytes]:
    ours = str(Path(__file__).parents[3])
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environment |= {
        process.GATEWAY_MARK: str(place.data),
        "PYTHONPATH": os.pathsep.join([ours, *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONUNBUFFERED": "1",
    }
    with open(place.gateway_log, "ab", opener=private) as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "annotation.human.gateway", str(place.root)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=place.root,
            start_new_session=True,
        )
