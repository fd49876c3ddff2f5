"""A loopback replica of Baidu's image search and of the hosts of its small copies.

It writes JSON as Baidu does: an escaped apostrophe, bare control characters, and an empty object
at the end of every page. Unverified: what a page beyond the last one says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from loopback_site import Answer, Asked, Site, body, gif, json_body, not_found, serving, status

from crawlers.sources.baidu_addresses import MEANT, PUNCTUATION, WRITTEN

__all__ = ["CAPTCHA", "FORBIDDEN", "Replica", "encode_address", "serving"]

CAPTCHA = "<html><title>百度安全验证</title><script src='//wappass.example/v'></script></html>"
FORBIDDEN = {"antiFlag": 1, "message": "Forbid spider access", "bfe_log_id": "1"}
_CIPHER = str.maketrans(MEANT, WRITTEN)


def encode_address(address: str) -> str:
    """An address in Baidu's cipher."""
    marks = {sign: mark for mark, sign in PUNCTUATION.items()}
    return "".join(marks.get(sign, sign.translate(_CIPHER)) for sign in address)


@dataclass
class Replica(Site):
    """Pictures by query, and Baidu's copies of them by path; originals refuse to be linked."""

    pictures: dict[str, list[Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    list_num: int | None = None
    refuses: bool = False
    asks_captcha: bool = False

    def add(self, query: str, title: str = "猫") -> str:
        """Have a query find one more animated picture; return the path of Baidu's copy."""
        number = len(self.files)
        path = f"/it/u={number},{number + 7}&fm=253&fmt=auto&app=138&f=GIF"
        self.files[path] = gif(number)
        entry = {
            "thumbURL": self.url + path,
            "middleURL": self.url + path,
            "hoverURL": "",
            "objURL": encode_address(f"{self.url}/original/{number}.gif"),
            "replaceUrl": [{"ObjURL": "", "FromURL": f"{self.url}/page/{number}.html"}],
            "fromURL": encode_address(f"{self.url}/page/{number}.html"),
            "fromPageTitle": f"<strong>{title}</strong>",
            "fromPageTitleEnc": title,
            "width": 200,
            "height": 200,
            "type": "gif",
            "di": "0",
            "cs": f"{number},{number + 7}",
        }
        self.pictures.setdefault(query, []).append(entry)
        return path

    def choose(self, asked: Asked) -> Answer:
        if asked.path in self.files:
            return body(self.files[asked.path], "image/gif")
        if asked.path.startswith("/original/"):
            return status(403)
        if asked.path != "/search/acjson" or asked.query["tn"] != "resultjson_com":
            return not_found()
        if self.refuses:
            return json_body(FORBIDDEN)
        if self.asks_captcha:
            return body(CAPTCHA.encode(), "text/html; charset=utf-8")
        wanted = asked.query["word"] if asked.query["lm"] in ("-1", "6") else ""
        found = self.pictures.get(wanted, [])
        start = int(asked.query["pn"])
        assert int(asked.query["gsm"], 16) == start
        return body(self._page(asked, found, start), "application/json")

    def _page(self, asked: Asked, found: list[Any], start: int) -> bytes:
        number = len(found) if self.list_num is None else self.list_num
        page = {
            "queryEnc": asked.query["word"],
            "listNum": number,
            "displayNum": 10 * number,
            "data": [*found[start : start + int(asked.query["rn"])], {}],
        }
        text = json.dumps(page, ensure_ascii=False)
        return text.replace("'", "\\'").replace("\\t", "\t").encode("utf-8", "surrogatepass")
