"""A loopback replica of a server with custom emoji, which speaks as Mastodon and as Misskey do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from loopback_site import Answer, Asked, Site, body, gif, json_body, not_found, serving

__all__ = ["Replica", "serving"]


@dataclass
class Replica(Site):
    """The emoji as entries that both kinds of server know, and their bytes by path."""

    emojis: list[Any] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, name: str, category: str | None = None, aliases: tuple[str, ...] = ()) -> str:
        """List one more emoji; return its path."""
        number = len(self.files)
        path = f"/custom_emojis/images/{number}/original/{number}.gif"
        self.files[path] = gif(number)
        entry: dict[str, Any] = {
            "shortcode": name,
            "name": name,
            "url": self.url + path,
            "static_url": f"{self.url}/static/{number}.png",
            "aliases": list(aliases),
        }
        self.emojis.append(entry if category is None else entry | {"category": category})
        return path

    def choose(self, asked: Asked) -> Answer:
        if asked.path in self.files:
            return body(self.files[asked.path], "image/gif")
        if asked.path == "/api/v1/custom_emojis":
            fields = ("shortcode", "url", "static_url", "category")
            return json_body([_only(entry, fields) for entry in self.emojis])
        if asked.path == "/api/emojis":
            fields = ("name", "url", "category", "aliases")
            return json_body({"emojis": [_only(entry, fields) for entry in self.emojis]})
        return not_found()


def _only(entry: Any, fields: tuple[str, ...]) -> Any:
    if not isinstance(entry, dict):
        return entry
    return {name: value for name, value in entry.items() if name in fields}
