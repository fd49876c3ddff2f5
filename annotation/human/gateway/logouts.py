"""Sessions that ended: Label Studio keeps none, and goes on believing a cookie that it signed.

A cookie is signed anew with every answer, so not a cookie is remembered but the login behind it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import time
import zlib
from pathlib import Path

from pipeline.engine.atomic_files import atomic_file
from pipeline.engine.errors import StickerworksError, disk_errors

_KEEP_S = 31 * 86_400  # Label Studio believes none that is older than two weeks
_MOST = 20_000
_MAX_BYTES, _MAX_SESSION = 5_000_000, 20_000


class Logouts:
    """Logins that ended, by hash, in a file that outlives the process; the oldest go first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ended = _read(path)

    def ended(self, session: str) -> bool:
        """Whether its login ended."""
        return _login(session) in self._ended

    def end(self, session: str) -> None:
        """Remember that its login ended; StickerworksError when that can't be written."""
        now = time.time()
        self._ended[_login(session)] = now
        kept = [(key, at) for key, at in self._ended.items() if now - at < _KEEP_S]
        self._ended = dict(sorted(kept, key=lambda pair: pair[1])[-_MOST:])
        with disk_errors(self._path), atomic_file(self._path) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_text(json.dumps(self._ended), encoding="utf-8")


def _read(path: Path) -> dict[str, float]:
    try:
        with path.open("rb") as file:
            held = json.loads(file.read(_MAX_BYTES))
        return {str(key): float(at) for key, at in held.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise StickerworksError(
            f"{path} can't be read ({type(error).__name__}).",
            "Delete it: whoever logged out counts as logged in again, if they kept the cookie.",
        ) from error


def _login(session: str) -> str:
    """A hash of who logged in and when, as the cookie says; of the cookie where it says neither."""
    told = session
    held = _content(session)
    if isinstance(held, dict) and {"_auth_user_id", "last_login"} <= held.keys():
        told = f"{held['_auth_user_id']} {held['last_login']}"
    return hashlib.sha256(told.encode()).hexdigest()


def _content(session: str) -> object:
    # Django's: base64 of JSON, after a dot where it is compressed, then its time and signature.
    packed = session.startswith(".")
    text = session.removeprefix(".").partition(":")[0]
    try:
        found = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if packed:
            found = zlib.decompressobj().decompress(found, _MAX_SESSION)
        return json.loads(found)
    except (binascii.Error, zlib.error, ValueError, RecursionError):
        return None
