"""A replica of KLIPY's native search on loopback, made from its documentation and public clients.

Unverified: ``tags``, whether advertisements count among ``per_page``, the address of an item's
page, and what an answer with ``"result": false`` says beside that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loopback_site import Answer, Asked, json_body, not_found
from search_site import SearchSite

AD = {"type": "ad", "content": "<iframe src='https://ads.example/'>", "width": 1, "height": 1}


@dataclass
class KlipyReplica(SearchSite):
    """KLIPY, for whoever has the key; each page ends in an advertisement.

    ``refusing`` answers with status 200 and no result.
    """

    key: str = "k3y of/klipy"
    refusing: bool = False

    def entry(self, item: str, media_url: str) -> dict[str, Any]:
        def file(extension: str) -> dict[str, Any]:
            return {"url": f"{media_url}?{extension}", "width": 498, "height": 498, "size": 40}

        size = {"gif": file("gif"), "webp": file("webp"), "mp4": file("mp4")}
        return {
            "id": int(item),
            "slug": f"happy-cat-{item}",
            "title": f"Happy cat {item}",
            "type": "sticker",
            "blur_preview": "data:image/jpeg;base64,AA==",
            "file": {"xs": size, "hd": size},
            "tags": ["cat", "happy"],
        }

    def search(self, asked: Asked) -> Answer:
        prefix = f"/api/v1/{self.key}/"
        if not asked.path.startswith(prefix):
            return json_body({"result": False, "errors": {"message": ["Invalid API key"]}}, 401)
        if asked.path.removeprefix(prefix) not in ("gifs/search", "stickers/search"):
            return not_found()
        if self.refusing:
            return json_body({"result": False, "errors": {"message": ["Invalid API key"]}})
        page, each = int(asked.query["page"]), min(int(asked.query["per_page"]), self.page_size)
        found = self.listed.get(asked.query["q"], [])
        shown = found[(page - 1) * each : page * each]
        return json_body(said([*shown, AD], page, page * each < len(found)))


def said(entries: Any, page: int = 1, has_next: bool = False) -> dict[str, Any]:
    """A whole answer."""
    data = {"data": entries, "current_page": page, "per_page": 24, "has_next": has_next}
    return {"result": True, "data": data}
