"""A replica of Wikimedia Commons' search on loopback, made from MediaWiki's source.

Unverified: whether ``index`` counts on over pages (only its order is relied on), and the codes of
Commons' own refusals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loopback_site import Answer, Asked, json_body, not_found
from search_site import SearchSite


@dataclass
class CommonsReplica(SearchSite):
    """A wiki whose search lists GIFs; ``parts`` is how many details of a batch fit an answer."""

    parts: int | None = None
    error: str | None = None

    def entry(self, item: str, media_url: str) -> dict[str, Any]:
        return {
            "pageid": int(item),
            "ns": 6,
            "title": f"File:Happy cat {item}.gif",
            "imagerepository": "local",
            "imageinfo": [
                {
                    "timestamp": "2015-01-01T00:00:00Z",
                    "user": "Uploader",
                    "size": 40,
                    "width": 1,
                    "height": 1,
                    "url": media_url,
                    "descriptionurl": f"https://commons.wikimedia.org/wiki/File:Happy_cat_{item}.gif",
                    "sha1": "0" * 40,
                    "mime": "image/gif",
                    "extmetadata": {
                        "ObjectName": said(f"Happy cat {item}"),
                        "Categories": said("Animated GIF files|Cats"),
                        "Artist": said(
                            '<a href="//x/User:Cat" title="User:Cat">A. Cat</a><br>&amp; B'
                        ),
                        "LicenseShortName": said("CC BY-SA 4.0"),
                        "LicenseUrl": said("https://creativecommons.org/licenses/by-sa/4.0"),
                    },
                }
            ],
        }

    def search(self, asked: Asked) -> Answer:
        if asked.path != "/w/api.php" or asked.query.get("action") != "query":
            return not_found()
        if self.error:
            error = {"code": self.error, "info": "No.", "docref": "See the API."}
            return json_body({"error": error, "servedby": "replica"})
        found = self.listed.get(asked.query["gsrsearch"].removeprefix("filemime:image/gif "), [])
        offset = int(asked.query.get("gsroffset", 0))
        each = min(int(asked.query["gsrlimit"]), self.page_size)
        batch = [
            {**entry, "index": place} if isinstance(entry, dict) else entry
            for place, entry in enumerate(found[offset : offset + each], offset + 1)
        ]
        return json_body(self._answer(asked, batch, offset, offset + each < len(found)))

    def _answer(self, asked: Asked, batch: list[Any], offset: int, more: bool) -> dict[str, Any]:
        # In order of the pages' ids, as the wiki lists them, and not as the search found them.
        pages = sorted(batch, key=lambda entry: str(entry.get("pageid")), reverse=True)
        start = int(asked.query.get("iicontinue", "0|").partition("|")[0])
        end = len(pages) if self.parts is None else start + self.parts
        shown = [
            entry if start <= place < end else bare(entry) for place, entry in enumerate(pages)
        ]
        if not pages:
            return {"batchcomplete": True}
        body: dict[str, Any] = {"query": {"pages": shown}}
        if end < len(pages):
            now = {"gsroffset": offset} if offset else {}
            return body | {"continue": {"iicontinue": f"{end}|x", "continue": "gsroffset||"} | now}
        if more:
            body["continue"] = {"gsroffset": offset + len(batch), "continue": "gsroffset||"}
        return body | {"batchcomplete": True}


def said(value: Any) -> dict[str, Any]:
    """A piece of metadata."""
    return {"value": value, "source": "commons-desc-page"}


def bare(entry: dict[str, Any]) -> dict[str, Any]:
    """A page without the details of its file."""
    return {name: value for name, value in entry.items() if name != "imageinfo"}
