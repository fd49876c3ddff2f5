"""The title in a file's name: people name stickers by their captions, machines by numbers."""

from __future__ import annotations

import re

from crawlers.bqb import Theme, name_parts

_LONGEST = 1000  # no file has a longer name
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")
# How Telegram names a sticker, and a UUID: they hold dashes, and need no digit.
_ID = re.compile(r"A[A-Za-z]AD[\w-]{8,24}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_SIZE = re.compile(r"@\dx$", re.IGNORECASE)
_COPY = re.compile(r"[(（]\d{1,3}[)）]$|[\s_-]copy(?:\s\d{1,3})?$|的?副本\d{0,3}$", re.IGNORECASE)
# Beyond those that ChineseBQB's own names hold.
_MACHINE_NAMES = frozenset(
    {"file", "giphy", "gif", "pic", "photo", "pxl", "sticker", "stickers", "tenor", "tumblr"}
    | {"untitled", "表情", "截图", "屏幕截图", "屏幕快照", "qq截图", "未命名"}
)


def title_of(name: str, folder: str) -> str | None:
    """What a file's name says beyond its folder's; None for a number, a hash or a machine's name.

    >>> title_of("linedog-惊讶2@2x.gif", "linedog"), title_of("AgAD0AADlp-MDg.webp", "patrick")
    ('惊讶', None)
    """
    if len(name) > _LONGEST:
        return None
    end = _EXTENSION.search(name)
    stem = name[: end.start()] if end else name
    if _ID.fullmatch(stem):
        return None
    stem = _SIZE.sub("", stem)
    for _ in range(2):  # "猫 - 副本 (2)"
        stem = _COPY.sub("", stem).rstrip(" _-")
    # With an extension, without which the last word behind a dot would be taken for one.
    parts = (part.replace("_", " ") for part in name_parts(f"{stem}.gif", Theme(folder, "")))
    said = " ".join(part for part in parts if _bare(part) not in _MACHINE_NAMES)
    # One letter of an alphabet tells files apart and says nothing.
    return None if len(said) == 1 and said.isascii() else said or None


def _bare(text: str) -> str:
    return text.replace(" ", "").casefold()
