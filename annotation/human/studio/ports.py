"""Ports of this machine: which are free, and who holds one that isn't."""

from __future__ import annotations

import errno
import random
import shlex
import socket
import time

from annotation.human.studio import process
from pipeline.engine.errors import StickerworksError

HOST = "127.0.0.1"

_LEAVE_S = 5
# Below those that systems give to clients, one of which might take it before the server does.
_INNER = range(32_000, 32_768)


def check_port(port: int) -> None:
    """StickerworksError when ``port`` can't be listened on; says whose server holds it."""
    # One that was just stopped or killed holds its port until the last of its threads has gone.
    deadline = time.monotonic() + _LEAVE_S
    while not free(port):
        if time.monotonic() > deadline:
            raise port_taken(port)
        time.sleep(0.1)


def choose_inner() -> int:
    """A free port for Label Studio itself, which nobody but us needs to know."""
    for port in random.sample(_INNER, len(_INNER)):
        if free(port):
            return port
    raise StickerworksError(
        f"No port from {_INNER.start} to {_INNER.stop - 1} is free.", "Stop what holds them."
    )


def free(port: int) -> bool:
    """Whether nothing listens at ``port`` of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise StickerworksError(
                f"Port {port} can't be used: {error.strerror}.", "Choose one: --set label.port=..."
            ) from error
    return True


def port_taken(port: int) -> StickerworksError:
    """What to tell; a server of another workspace of ours is named with the way to stop it."""
    another = f"--set label.port={port + 1 if port < 65_535 else port - 1}"
    data = process.holder(port)
    if data is None:
        return StickerworksError(
            f"Port {port} of this machine is taken by another program.",
            f"Choose another one: {another}.",
        )
    workspace = data.parent.parent
    return StickerworksError(
        f"Port {port} of this machine serves the labelling of another workspace, {workspace}.",
        f"Stop it: stickerworks --workspace {shlex.quote(str(workspace))} label stop. "
        f"Or choose another port for this one: {another}.",
    )
