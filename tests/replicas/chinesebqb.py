"""A loopback replica of ChineseBQB on raw.githubusercontent.com that misbehaves on demand.

It serves the documented shape: an index whose entries name media beside it, by their decoded
paths.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

from loopback_site import (
    Answer,
    Asked,
    Site,
    body,
    chunked,
    endless,
    gif,
    in_turn,
    not_found,
    serving,
    status,
    truncated,
)

__all__ = ["INDEX", "ROOT", "Replica", "body", "chunked", "endless", "gif", "in_turn"]
__all__ += ["serving", "status", "truncated"]

INDEX = "chinesebqb_github.json"
ROOT = "/zhaoolee/ChineseBQB/master"


@dataclass
class Replica(Site):
    """The index, and what lies beside it; keys of ``answers`` are paths below the root."""

    files: dict[str, bytes] = field(default_factory=dict)
    extra_entries: list[object] = field(default_factory=list)

    @property
    def index_url(self) -> str:
        return f"{self.url}{ROOT}/{INDEX}"

    def add(self, category: str, name: str, data: bytes | None = None) -> str:
        """List a sticker, with bytes of its own unless some are given; return its id."""
        item = f"{category}/{name}"
        self.files[item] = gif(len(self.files)) if data is None else data
        return item

    def media_requests(self) -> list[str]:
        """Ids of the media that were asked for, in order."""
        prefix = ROOT + "/"
        return [
            path[len(prefix) :]
            for path in self.requests
            if path.startswith(prefix) and not path.startswith(prefix + INDEX)
        ]

    def index(self) -> bytes:
        entries: list[object] = []
        for item in self.files:
            category, _, name = item.partition("/")
            url = f"https://raw.githubusercontent.com/zhaoolee/ChineseBQB/master/{item}"
            entries.append({"name": name, "category": category, "url": url})
        body = {"status": 1000, "info": "ChineseBQB", "data": entries + self.extra_entries}
        return json.dumps(body, ensure_ascii=True).encode()

    def _answer_to(self, whole: str, asked: Asked) -> Answer:
        bare = whole.removeprefix(ROOT + "/")
        return self.answers[bare] if bare in self.answers else super()._answer_to(whole, asked)

    def choose(self, asked: Asked) -> Answer:
        bare = asked.path.removeprefix(ROOT + "/")
        if bare == INDEX:
            return body(self.index(), "text/plain; charset=utf-8")
        if bare in self.files:
            time.sleep(self.answer_delay_s)
            return body(self.files[bare])
        return not_found()
