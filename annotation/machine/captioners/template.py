"""One plain sentence from what the tables know; it looks at no pixels and is no model."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from annotation.machine.captioner import Caption, Captioner, CaptionInput, Write
from pipeline.engine.options import Options

KEYWORDS = 5
KEYWORD_LENGTH = 30
TEXT_LENGTH = 80

# Marks that would end our own quotation, or open another one inside of it.
_QUOTES = str.maketrans(dict.fromkeys('"“”„‟«»「」『』〝〞＂', "'"))
# A file name that is only a hash, cut or whole, and so says nothing.
_HASH = re.compile(r"[0-9a-f]{12,}(…|\.\w{1,5}…?)?", re.IGNORECASE)


def describe(sticker: CaptionInput, language: str) -> str:
    """The sentence of one sticker in ``en`` or ``zh``."""
    keywords = clean_keywords(sticker.keywords)
    text = clean(sticker.text, TEXT_LENGTH)
    writer = _chinese if language == "zh" else _english
    return writer(sticker, keywords, text)


def clean(text: str, length: int) -> str:
    """One line without control, format or quotation characters, cut to ``length``."""
    # Cut first as well: normalising megabytes that are thrown away would be a gift to an attacker.
    flat = unicodedata.normalize("NFC", text[: length * 4])
    # What is newer than this Python knows isn't told either.
    shown = "".join(filter(str.isprintable, " ".join(flat.split())))
    line = " ".join(shown.translate(_QUOTES).split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def clean_keywords(keywords: Sequence[str]) -> list[str]:
    """The first few keywords that say something, each once."""
    cleaned = (clean(word, KEYWORD_LENGTH) for word in keywords)
    telling = (
        word
        for word in cleaned
        if any(sign.isalpha() for sign in word) and not _HASH.fullmatch(word)
    )
    distinct: dict[str, str] = {}
    for word in telling:
        distinct.setdefault(word.casefold(), word)
    return list(distinct.values())[:KEYWORDS]


def _english(sticker: CaptionInput, keywords: list[str], text: str) -> str:
    motion = {True: "animated", False: "still", None: ""}[sticker.animated]
    look = {"real": "photographic", "cartoon": "cartoon"}.get(sticker.domain or "")
    words = " ".join(word for word in (motion, look, "sticker") if word)
    sentence = f"{'An' if words[0] in 'aeiou' else 'A'} {words}"
    quoted = [f'"{word}"' for word in keywords]
    if quoted:
        many = f"{', '.join(quoted[:-1])} and {quoted[-1]}" if len(quoted) > 1 else quoted[0]
        sentence += f" about {many}"
    if text:
        sentence += f', with the words "{text}"'
    return sentence + "."


def _chinese(sticker: CaptionInput, keywords: list[str], text: str) -> str:
    motion = {True: "动态", False: "静态", None: ""}[sticker.animated]
    look = {"real": "实拍", "cartoon": "卡通"}.get(sticker.domain or "", "")
    sentence = f"一张{look}{motion}表情"
    if keywords:
        sentence += "，关键词是" + "、".join(f"“{word}”" for word in keywords)
    if text:
        sentence += f"，画面上写着“{text}”"
    return sentence + "。"


def _write(languages: Sequence[str], options: Options) -> Write:
    def write(stickers: Sequence[CaptionInput]) -> list[list[Caption]]:
        return [
            [Caption("description", spoken, describe(sticker, spoken)) for spoken in languages]
            for sticker in stickers
        ]

    return write


CAPTIONER = Captioner(name="template", prompt="template/1", write=_write)
