"""A loopback replica of getstickerpack.com and of the bucket in which its stickers lie.

Unverified: what stands in ``user``, and what a page beyond the last one says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from loopback_site import Answer, Asked, Site, body, gif, json_body, not_found, serving, status

__all__ = ["Replica", "serving"]

_API = "/api/v1/stickerdb"


@dataclass
class Replica(Site):
    """Packs by slug, which queries find which, and the stickers' bytes by path."""

    packs: dict[str, dict[str, Any]] = field(default_factory=dict)
    finds: dict[str, list[str]] = field(default_factory=dict)
    extra_entries: list[Any] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    page: int = 2

    def add(self, slug: str, size: int, *queries: str, title: str | None = None) -> list[str]:
        """Add a pack of that many stickers that these queries find; return their paths."""
        paths = []
        images = []
        for index in range(1, size + 1):
            url = f"storage/uploads/sticker-pack/{slug}/sticker_{index}.png"
            self.files[f"/{url}"] = gif(len(self.files))
            paths.append(f"/{url}")
            images.append({"url": url, "sticker_index": index, "is_animated": 0})
        self.packs[slug] = {
            "title": slug.replace("-", " ") if title is None else title,
            "slug": slug,
            "download_counter": 12,
            "updated_at": "2024-05-01T00:00:00.000000Z",
            "user": {"name": "Ana"},
            "images": images,
        }
        for query in queries:
            self.finds.setdefault(query, []).append(slug)
        return paths

    def choose(self, asked: Asked) -> Answer:
        if asked.path in self.files:
            return body(self.files[asked.path], "image/png")
        if asked.path == f"{_API}/search":
            return self._search(asked)
        pack = self.packs.get(asked.path.removeprefix(f"{_API}/stickers/"))
        return not_found() if pack is None else json_body({"data": pack})

    def _search(self, asked: Asked) -> Answer:
        if asked.method != "POST" or asked.headers["Content-Type"] != "application/json":
            return status(405)
        sought = asked.json()
        slugs, first = self.finds.get(sought["query"], []), self.page * (sought["page"] - 1)
        shown: list[Any] = [
            {name: value for name, value in self.packs[slug].items() if name != "images"}
            | {"cover_image": f"storage/uploads/sticker-pack/{slug}/cover.png"}
            for slug in slugs[first : first + self.page]
        ]
        pages = -(-len(slugs) // self.page)
        meta = {"total": len(slugs), "total_pages": pages}
        return json_body({"data": shown + self.extra_entries, "meta": meta})
