"""A loopback replica of Telegram's Bot API, as far as it has to do with sticker sets.

After the public documentation of the Bot API. Unverified: the exact words of its errors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from loopback_site import Answer, Asked, Site, body, gif, json_body, not_found

__all__ = ["TOKEN", "TelegramReplica"]

TOKEN = "123456789:AAplantedTokenThatMustNotBeSeen_0123"


@dataclass
class TelegramReplica(Site):
    """Sets by name, and files by their ids; ``waits`` calls of getFile are told to come later."""

    sets: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    waits: int = 0

    @property
    def options(self) -> dict[str, Any]:
        return {"api": self.url}

    def add(self, name: str, *emoji: str, title: str | None = None) -> None:
        """A set with a sticker for each emoji."""
        stickers = []
        for number, sign in enumerate(emoji):
            file = f"CAAC{name}{number}"
            self.files[file] = gif(len(self.files))
            stickers.append(
                {
                    "file_id": file,
                    "file_unique_id": f"AgAD{name}{number}",
                    "type": "regular",
                    "width": 512,
                    "height": 512,
                    "is_animated": False,
                    "is_video": False,
                    "emoji": sign,
                    "set_name": name,
                    "file_size": len(self.files[file]),
                }
            )
        self.sets[name] = {
            "name": name,
            "title": title or f"Set {name}",
            "sticker_type": "regular",
            "stickers": stickers,
        }

    def choose(self, asked: Asked) -> Answer:
        token, _, method = asked.path.removeprefix("/bot").partition("/")
        if asked.path.startswith("/file/bot"):
            token, _, path = asked.path.removeprefix("/file/bot").partition("/")
            file = self.files.get(path.removeprefix("stickers/").removesuffix(".webp"))
            return body(file) if file is not None and token == TOKEN else not_found()
        if token != TOKEN:
            return _failed(401, "Unauthorized")
        if method == "getStickerSet":
            known = self.sets.get(asked.query.get("name", ""))
            return _worked(known) if known else _failed(400, "Bad Request: STICKERSET_INVALID")
        if method == "getFile":
            return self._file(asked.query.get("file_id", ""))
        return _failed(404, "Not Found")

    def _file(self, file: str) -> Answer:
        if self.waits:
            self.waits -= 1
            return _failed(429, "Too Many Requests: retry after 1", retry_after=1)
        if file not in self.files:
            return _failed(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        return _worked({"file_id": file, "file_path": f"stickers/{file}.webp"})


def _worked(result: dict[str, Any]) -> Answer:
    return json_body({"ok": True, "result": result})


def _failed(code: int, description: str, **parameters: int) -> Answer:
    said: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    return json_body(said | ({"parameters": parameters} if parameters else {}), code)
