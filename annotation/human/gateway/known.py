"""What the gateway's process knows while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from annotation.human.gateway.attempts import Attempts
from annotation.human.gateway.homes import Homes
from annotation.human.gateway.live import LiveProgress
from annotation.human.gateway.logouts import Logouts
from annotation.human.gateway.visitors import Visitors
from annotation.human.studio.gateway_settings import GatewaySettings, read_settings
from annotation.human.studio.server_paths import ServerPaths


@dataclass
class Gateway:
    """One workspace's, with its connections to Label Studio."""

    place: ServerPaths
    client: aiohttp.ClientSession
    visitors: Visitors = field(init=False)
    homes: Homes = field(init=False)
    logouts: Logouts = field(init=False)
    attempts: Attempts = field(default_factory=Attempts)
    _settings: GatewaySettings | None = None
    _stamps: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        self.visitors = Visitors(self.client)
        self.homes = Homes(self.place, LiveProgress(self.client))
        self.logouts = Logouts(self.place.logouts)

    def settings(self) -> GatewaySettings:
        """The settings as they are now; new passwords and lists ask everybody anew who they are."""
        stamps = tuple(map(_stamp, (self.place.gateway_settings, self.place.accounts)))
        if self._settings is None or stamps != self._stamps:
            self._settings = read_settings(self.place)
            self._stamps = stamps
            self.visitors.forget()
        return self._settings


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_ino
