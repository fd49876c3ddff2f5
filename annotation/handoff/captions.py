"""Which caption a sticker is taught with, out of what people wrote and what a model had said."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from annotation.handoff.cleaning import chat_text

MOST_CHARACTERS = 1000
UNCHANGED = "the machine's caption was left as it was"
TOO_LONG = f"it is longer than {MOST_CHARACTERS} characters"
OTHER = "it is neither English nor Chinese by its script"
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f'’-]*")
# Kana and Hangul, Cyrillic, Greek, Arabic, Thai, ...: letters of neither language.
_NEITHER = re.compile(r"[^\W\d_A-Za-z\u00c0-\u024f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True)
class AgreedCaption:
    """A caption by people: how many of them wrote it, of how many who wrote in its language."""

    text: str
    agreed: int
    of: int


@dataclass(frozen=True)
class Chosen:
    """One caption a language, and the captions that were left out by reason."""

    captions: Mapping[str, AgreedCaption]
    left_out: Mapping[str, int]


def choose_captions(
    written: Sequence[str], machine: Iterable[str], corrected: Iterable[str] = ()
) -> Chosen:
    """One caption a language of those that annotators wrote.

    One, so that a sticker weighs the same however many people described it. It is the one that
    most of them wrote, of equals the longest: what happens in an animation is what captions are
    tuned for (VSD2M), and longer ones say more of it. A caption that a model had written is left
    out: a model learns nothing from its own words, and leaving them is no effort. ``corrected``
    are those of ``written`` that people made of another model's text, so they had a hand in them.
    """
    known = {caption_key(chat_text(text)) for text in machine}
    known -= {caption_key(chat_text(text)) for text in corrected}
    left_out: Counter[str] = Counter()
    texts: dict[str, list[str]] = {}
    for raw in written:
        text = chat_text(raw)
        language = language_of(text)
        if caption_key(text) in known:
            left_out[UNCHANGED] += 1
        elif len(text) > MOST_CHARACTERS:
            left_out[TOO_LONG] += 1
        elif language is None:
            left_out[OTHER] += 1
        else:
            texts.setdefault(language, []).append(text)
    return Chosen({name: _best(same) for name, same in sorted(texts.items())}, left_out)


def language_of(text: str) -> str | None:
    """``zh`` or ``en`` by script, None for neither: Han characters against words in Latin letters.

    A word quoted in the other script decides nothing; nor can English be told from French.

    >>> [language_of(t) for t in ("猫说 OK", "it says 你好 to you", "ねこ", "!!!")]
    ['zh', 'en', None, None]
    """
    han, latin, neither = (len(p.findall(text)) for p in (_HAN, _LATIN, _NEITHER))
    if han + latin == 0 or 3 * neither > han + latin:  # 猫の日常 is Chinese, 日本語です is not
        return None
    return "zh" if han > latin else "en"


def _best(texts: Sequence[str]) -> AgreedCaption:
    votes = Counter(map(caption_key, texts))
    best = min(texts, key=lambda text: (-votes[caption_key(text)], -len(text), text))
    return AgreedCaption(best, votes[caption_key(best)], len(texts))


def caption_key(text: str) -> str:
    """What two spellings of a caption share: case, spaces and the stop at its end are left out."""
    return " ".join(text.casefold().split()).rstrip(".。!！ ")
