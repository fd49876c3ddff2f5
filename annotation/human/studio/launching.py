"""Label Studio's process: how it is begun, and all that it is told."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from annotation.human.studio import process
from annotation.human.studio.ports import HOST, choose_inner
from annotation.human.studio.server_paths import ServerPaths, account_name, lead_account, prepare
from pipeline.engine.errors import StickerworksError
from schemas.labelling import LabelConfig

# Label Studio reads dozens of settings under bare names (DEBUG, HOST, CI, ...): it gets just these.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH")


def launch(
    program: Path, place: ServerPaths, config: LabelConfig, say: Callable[[str], None]
) -> tuple[subprocess.Popen[bytes], int]:
    """Begin Label Studio on a port of our choice, and note it; it answers some time later."""
    held = lead_account(place, config)
    environment = studio_environment(place, config, held)
    if prepare(place):
        say("Label Studio makes its database first: one to two minutes.")
    port = choose_inner()
    command = [str(program), "start", "--no-browser", "--internal-host", HOST, "--port", str(port)]
    with open(place.log, "ab", opener=private) as log:  # it has addresses of invitations
        try:
            child = subprocess.Popen(
                command,
                env=environment,
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
    process.note(place.state, child.pid, port)
    return child, port


def studio_environment(
    place: ServerPaths, config: LabelConfig, held: Mapping[str, Any]
) -> dict[str, str]:
    """The environment of Label Studio's own commands on our data."""
    lead = account_name(config.lead)
    if lead not in held["passwords"]:
        raise StickerworksError(
            f"The server was not made for the lead {lead}.", "Set label.lead back."
        )
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | {
        process.MARK: str(place.data),
        "PYTHONUNBUFFERED": "1",
        "LABEL_STUDIO_BASE_DATA_DIR": str(place.data),
        "LABEL_STUDIO_USERNAME": lead,
        "LABEL_STUDIO_PASSWORD": held["passwords"][lead],
        "LABEL_STUDIO_USER_TOKEN": held["token"],
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "ALLOWED_HOSTS": f"{HOST},localhost",  # no name that a web page chose leads here
        "CORS_ALLOW_ALL_ORIGINS": "false",
        "DEBUG": "false",
        "COLLECT_ANALYTICS": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "LATEST_VERSION_CHECK": "false",
        "LOCAL_FILES_SERVING_ENABLED": "true",
        "LOCAL_FILES_DOCUMENT_ROOT": str(place.files),
    }


def private(path: str, flags: int) -> int:
    """For ``open``: a file that only its owner can read."""
    return os.open(path, flags, 0o600)
