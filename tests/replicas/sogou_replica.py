"""A loopback replica of Sogou's sticker and picture search.

Unverified: whether the sticker search heeds ``start`` and ``xml_len`` (to queries in ``unpaged`` it
serves their first page for good), how it says that nothing was found, and what stands where a
captcha is asked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from loopback_site import Answer, Asked, Site, body, gif, json_body, not_found, serving

__all__ = ["CAPTCHA", "Replica", "serving"]

CAPTCHA = "<!doctype html><title>搜狗搜索</title><p>请输入验证码</p>"


@dataclass
class Replica(Site):
    """Stickers, packs and pictures by query, and their bytes by path."""

    emotions: dict[str, list[Any]] = field(default_factory=dict)
    packs: dict[str, list[Any]] = field(default_factory=dict)
    pictures: dict[str, list[Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    page: int = 5
    unpaged: set[str] = field(default_factory=set)
    asks_captcha: bool = False

    def add(self, query: str) -> str:
        """Have a query find one more sticker; return its path."""
        path = self._file()
        found = self.emotions.setdefault(query, [])
        found.append({"thumbSrc": self.url + path, "idx": len(found), "source": "表情"})
        return path

    def add_pack(self, query: str, name: str, size: int) -> list[str]:
        """Have a query name a pack of that many stickers; return their paths."""
        paths = [self._file() for _ in range(size)]
        group = [
            {"groupId": len(self.files), "groupName": name, "picUrl": self.url + path}
            for path in paths
        ]
        self.packs.setdefault(query, []).append(group)
        return paths

    def add_picture(self, query: str, title: str) -> str:
        """Have a query find one more picture; return the path of Sogou's own copy."""
        path = self._file()
        entry = {
            "picUrl": f"{self.url}/original{path}",
            "oriPicUrl": f"{self.url}/original{path}",
            "thumbUrl": self.url + path,
            "width": 200,
            "height": 200,
            "title": title,
            "pageUrl": f"{self.url}/page{path}",
        }
        self.pictures.setdefault(query, []).append(entry)
        return path

    def choose(self, asked: Asked) -> Answer:
        if asked.path in self.files:
            return body(self.files[asked.path])
        if not asked.path.startswith("/napi/"):
            return not_found()
        if self.asks_captcha:
            return body(CAPTCHA.encode(), "text/html; charset=utf-8")
        query = asked.query.get("keyword") or asked.query["query"]
        start = 0 if query in self.unpaged else int(asked.query["start"])
        shown = slice(start, start + min(self.page, int(asked.query["xml_len"])))
        if asked.path == "/napi/pc/searchList" and asked.query["mode"] == "1":
            items = self.pictures.get(query, [])
            return json_body({"status": 0, "info": "ok", "data": {"items": items[shown]}})
        if asked.path == "/napi/wap/emoji/searchlist" and asked.query["routeName"] == "emosearch":
            data = {
                "groupList": self.packs.get(query, []),
                "tagList": [],
                "emotions": self.emotions.get(query, [])[shown],
            }
            return json_body({"status": 0, "info": "ok", "data": data})
        return not_found()

    def _file(self) -> str:
        number = len(self.files)
        digest = hashlib.sha256(str(number).encode()).hexdigest()[:32]
        path = f"/app/a/100520020/{digest}"
        self.files[path] = gif(number)
        return path
