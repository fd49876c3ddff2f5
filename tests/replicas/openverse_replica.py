"""A replica of Openverse's image search on loopback, made from its published serialisers.

Unverified: the highest page that it serves today, which ``page_count`` tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loopback_site import Answer, Asked, json_body, not_found
from search_site import SearchSite


@dataclass
class OpenverseReplica(SearchSite):
    """Openverse for whoever has no token: 20 items a page, ``most_pages`` pages."""

    most_pages: int = 12

    def entry(self, item: str, media_url: str) -> dict[str, Any]:
        return {
            "id": f"00000000-0000-4000-8000-{item:0>12}",
            "title": f"Happy cat {item}",
            "indexed_on": "2020-01-01T00:00:00Z",
            "foreign_landing_url": f"https://commons.wikimedia.org/w/index.php?curid={item}",
            "url": media_url,
            "creator": "A. Cat",
            "creator_url": "https://commons.wikimedia.org/wiki/User:Cat",
            "license": "by-sa",
            "license_version": "4.0",
            "license_url": "https://creativecommons.org/licenses/by-sa/4.0/",
            "provider": "wikimedia",
            "source": "wikimedia",
            "category": None,
            "filesize": 40,
            "filetype": "gif",
            "tags": [
                {"name": "cat", "accuracy": None},
                {"name": "mammal", "accuracy": 0.97},
            ],
            "attribution": f'"Happy cat {item}" by A. Cat is licensed under CC BY-SA 4.0.',
            "mature": False,
            "width": 1,
            "height": 1,
        }

    def search(self, asked: Asked) -> Answer:
        if asked.path != "/v1/images/":
            return not_found()
        page, each = int(asked.query.get("page", 1)), int(asked.query.get("page_size", 20))
        if each > 20:
            return json_body({"detail": "Authentication is needed for larger pages."}, 401)
        each = min(each, self.page_size)
        found = self.listed.get(asked.query["q"], [])
        pages = min(-(-len(found) // each), self.most_pages)
        if page > max(1, pages):
            return json_body({"detail": "Invalid page."}, 404)
        shown = found[(page - 1) * each : page * each]
        return json_body(said(shown, len(found), pages, page))


def said(entries: Any, total: int, pages: int, page: int = 1) -> dict[str, Any]:
    """A whole answer."""
    return {
        "result_count": total,
        "page_count": pages,
        "page_size": 20,
        "page": page,
        "results": entries,
        "warnings": [],
    }
