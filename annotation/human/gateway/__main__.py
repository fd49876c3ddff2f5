"""The gateway's own process: ``python -m annotation.human.gateway FOLDER``."""

from __future__ import annotations

import errno
import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from aiohttp import web

from annotation.human.gateway.app import make_app
from annotation.human.studio.gateway_process import TAKEN
from annotation.human.studio.gateway_settings import read_settings
from annotation.human.studio.ports import HOST
from annotation.human.studio.server_paths import ServerPaths

_LOG_BYTES, _LOGS = 2_000_000, 2


def main(folder: str) -> int:
    """Serve until a signal ends it; the exit code."""
    place = ServerPaths(Path(folder))
    settings = read_settings(place)
    kept = RotatingFileHandler(
        place.root / "gateway-access.log", maxBytes=_LOG_BYTES, backupCount=_LOGS, encoding="utf-8"
    )
    (place.root / "gateway-access.log").chmod(0o600)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", handlers=[kept]
    )
    try:
        web.run_app(
            make_app(place),
            host=HOST,
            port=settings.port,
            access_log=None,
            print=None,
            shutdown_timeout=5,
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return TAKEN
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
