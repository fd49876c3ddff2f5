"""What the gateway adds to Label Studio's pages: Chinese words, and a style that hides what would
only be refused."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from aiohttp import web

from annotation.human.gateway.forwarding import SAFETY
from schemas.questions import Language

_CHINESE = '<script src="/_stickerworks/chinese.js" defer></script>'
_HIDDEN = '<link rel="stylesheet" href="/_stickerworks/labelling.css">'
_KINDS = {"page.css": "text/css", "labelling.css": "text/css", "chinese.js": "text/javascript"}


def with_ours(page: bytes, language: Language, *, annotator: bool) -> bytes:
    """A page of Label Studio with what its reader needs beside.

    >>> with_ours(b"<head></head>", "en", annotator=True)
    b'<head><link rel="stylesheet" href="/_stickerworks/labelling.css"></head>'
    """
    added = (_HIDDEN if annotator else "") + (_CHINESE if language == "zh" else "")
    return page.replace(b"</head>", added.encode() + b"</head>", 1)


def own_file(name: str) -> web.Response:
    """A file of ours by its name."""
    kind = _KINDS.get(name)
    if kind is None:
        return web.Response(status=404, text="There is no such file.\n", headers=SAFETY)
    headers = {**SAFETY, "Cache-Control": "max-age=300"}
    return web.Response(text=_text(name), content_type=kind, charset="utf-8", headers=headers)


@cache
def _text(name: str) -> str:
    ours = files("annotation.human.gateway")
    text = ours.joinpath(name).read_text(encoding="utf-8")
    if name == "chinese.js":
        words = json.loads(ours.joinpath("chinese.json").read_text(encoding="utf-8"))
        text = text.replace("__WORDS__", json.dumps(words, ensure_ascii=False))
    return text
