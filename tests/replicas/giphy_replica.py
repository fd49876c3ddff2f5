"""A replica of GIPHY's search on loopback, made from its documentation.

Unverified: whether ``total_count`` counts what can't be paged to, whether ``tags`` still comes,
and the bodies of its errors beyond their ``meta``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from loopback_site import Answer, Asked, json_body, not_found
from search_site import SearchSite

_SEARCH = re.compile(r"/v1/(gifs|stickers)/search")


@dataclass
class GiphyReplica(SearchSite):
    """GIPHY, for whoever has the key; ``troubled`` answers as it documents its own trouble."""

    key: str = "k3y-of-giphy"
    troubled: bool = False

    def entry(self, item: str, media_url: str) -> dict[str, Any]:
        asset = {"url": f"{media_url}?cid=c0ffee&rid=giphy.gif", "width": "1", "height": "1"}
        return {
            "type": "sticker",
            "id": item,
            "slug": f"happy-cat-{item}",
            "url": f"https://giphy.com/stickers/happy-cat-{item}",
            "username": "cats",
            "source": "",
            "rating": "g",
            "title": f"Happy cat {item} Sticker by Cats",
            "alt_text": "a cat",
            "import_datetime": "2014-05-29 02:28:32",
            "trending_datetime": "0000-00-00 00:00:00",
            "user": {"username": "cats", "display_name": "Cats & Co", "profile_url": "x"},
            "images": {"original": asset | {"size": "40", "frames": "1"}, "fixed_height": asset},
            "is_sticker": 1,
        }

    def search(self, asked: Asked) -> Answer:
        if not _SEARCH.fullmatch(asked.path):
            return not_found()
        if asked.query.get("api_key") != self.key:
            return json_body(said([], 0, 0, 401, "Unauthorized"), 401)
        if len(asked.query["q"]) > 50:
            return json_body(said([], 0, 0, 414, "URI Too Long"), 414)
        if self.troubled:
            return json_body(said([], 0, 0, 200, "OK", ""))
        offset, limit = int(asked.query["offset"]), min(int(asked.query["limit"]), self.page_size)
        found = self.listed.get(asked.query["q"], [])
        return json_body(said(found[offset : offset + limit], len(found), offset))


def said(
    entries: Any,
    total: int,
    offset: int,
    code: int = 200,
    message: str = "OK",
    response_id: str = "r1",
) -> dict[str, Any]:
    """A whole answer."""
    count = len(entries)
    return {
        "data": entries,
        "pagination": {"total_count": total, "count": count, "offset": offset},
        "meta": {"status": code, "msg": message, "response_id": response_id},
    }
