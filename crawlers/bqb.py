"""How ChineseBQB names things: ``001Funny_滑稽大佬😏BQB`` / ``滑稽大佬00012-鼓掌.gif``."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_CATEGORY = re.compile(r"^\d{2,4}(?P<theme>.+?)BQB$")
_NUMBER = re.compile(r"(?<!\d)\d+$")
# What cameras, phones and messengers call a file that nobody named.
_MACHINE_NAMES = frozenset(
    {"dsc", "download", "image", "images", "img", "mmexport", "qq图片", "screenshot", "tb"}
    | {"timg", "unnamed", "webwxgetmsgimg", "wechatimg", "wx", "图片", "微信图片", "下载"}
)
_MEDIA_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_OPAQUE = re.compile(r"^(?=.*\d)[A-Za-z0-9_=+]{8,}$|^[A-Fa-f0-9]{12,}$")
_DROPPED = frozenset({"So", "Sk", "Cf", "Cs", "Cc", "Co", "Cn", "Me"})
_VARIATION_SELECTORS = frozenset("\ufe0e\ufe0f")


@dataclass(frozen=True)
class Theme:
    """The two names in a category: either may be empty."""

    chinese: str
    english: str

    @property
    def keyword(self) -> str | None:
        """The trigger word: the Chinese theme, else the English one."""
        return self.chinese or self.english or None


def is_category(name: str) -> bool:
    """Whether a folder is named as ChineseBQB names its categories."""
    return bool(_CATEGORY.match(name))


def theme_of(category: str) -> Theme:
    """Theme of a category without its number, emoji and BQB.

    >>> theme_of("015Golden_Curator_Panda金馆长熊猫🐼BQB")
    Theme(chinese='金馆长熊猫', english='Golden Curator Panda')
    """
    match = _CATEGORY.match(category)
    text = _without_emoji(match["theme"] if match else category)
    start = next((at for at, character in enumerate(text) if _is_chinese(character)), len(text))
    return Theme(_trim(text[start:]), _trim(text[:start]).replace("_", " "))


def name_parts(name: str, theme: Theme) -> list[str]:
    """What a file name says, in order and each once: no theme, no number, no bare hash.

    >>> name_parts("滑稽大佬00012-鼓掌.gif", theme_of("001Funny_滑稽大佬😏BQB"))
    ['鼓掌']
    """
    parts = (_part(part, theme) for part in _MEDIA_SUFFIX.sub("", name).split("-"))
    return list(dict.fromkeys(part for part in parts if part))


def _part(text: str, theme: Theme) -> str | None:
    text = _trim(text)
    if _OPAQUE.match(text) and not _is_numbered_word(text):
        return None
    text = _trim(_NUMBER.sub("", text))
    if _bare(text) in {_bare(theme.chinese), _bare(theme.english), *_MACHINE_NAMES}:
        return None
    return text if any(character.isalpha() for character in text) else None


def _is_numbered_word(text: str) -> bool:
    """``KumamotoBear00007`` is a word with a number, not a hash."""
    return bool(re.fullmatch(r"[A-Za-z_]+\d{3,6}", text))


def _bare(text: str) -> str:
    return text.replace("_", "").replace(" ", "").casefold()


def _trim(text: str) -> str:
    return text.strip(" _\t\u3000")


def _without_emoji(text: str) -> str:
    return "".join(
        character
        for character in text
        if unicodedata.category(character) not in _DROPPED and character not in _VARIATION_SELECTORS
    )


def _is_chinese(character: str) -> bool:
    return unicodedata.name(character, "").startswith("CJK UNIFIED IDEOGRAPH")
