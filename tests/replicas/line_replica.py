"""A loopback replica of LINE STORE's search and of the server of LINE's packs.

After public clients' code. Unverified: which types of packs have which files, and what the search
answers beyond the fields here.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

from loopback_site import Answer, Asked, Site, body, json_body, not_found

__all__ = ["LineReplica", "png"]


@dataclass
class LineReplica(Site):
    """Packs, found where a title holds the query, and their stickers' files."""

    packs: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Any]:
        return {"store": self.url, "cdn": self.url}

    def add(self, title: str, stickers: int, kind: str = "STATIC", **extra: Any) -> str:
        """A pack with so many stickers; its id."""
        pack = str(20_000 + len(self.packs))
        ids = [1_000_000 + len(self.files) + number for number in range(stickers)]
        moving = "iPhone/sticker_animation@2x.png" if "ANIMATION" in kind else None
        for sticker in ids:
            file = moving or "iPhone/sticker@2x.png"
            self.files[f"/stickershop/v1/sticker/{sticker}/{file}"] = png(sticker, bool(moving))
        self.packs[pack] = {
            "packageId": int(pack),
            "onSale": True,
            "title": {"ja": f"{title}の日本語", "en": title},
            "author": {"ja": "作者"},
            "stickers": [{"id": sticker, "width": 370, "height": 320} for sticker in ids],
            "hasAnimation": bool(moving),
            "hasSound": False,
            "stickerResourceType": kind,
        } | extra
        return pack

    def choose(self, asked: Asked) -> Answer:
        if asked.path == "/api/search/sticker":
            return json_body(self._search(asked.query))
        if asked.path in self.files:
            return body(self.files[asked.path], "image/png")
        parts = asked.path.split("/")
        if asked.path.endswith("/android/productInfo.meta") and parts[4] in self.packs:
            return json_body(self.packs[parts[4]])
        return not_found()

    def _search(self, query: dict[str, str]) -> dict[str, Any]:
        found = [
            {"id": pack, "title": meta["title"]["en"], "type": "STICKER", "authorName": "作者"}
            for pack, meta in self.packs.items()
            if query["query"] in meta["title"]["en"]
        ]
        start = int(query["offset"])
        return {"totalCount": len(found), "items": found[start : start + int(query["limit"])]}


def png(number: int, moving: bool = False) -> bytes:
    """A real PNG that no other number gives, of two frames where it moves."""
    from PIL import Image

    colours = [(number % 256, number // 256 % 256, number // 65536 % 256, last) for last in (9, 99)]
    first, second = (Image.new("RGBA", (2, 2), colour) for colour in colours)
    out = io.BytesIO()
    first.save(out, "PNG", save_all=moving, append_images=[second] if moving else [])
    return out.getvalue()
