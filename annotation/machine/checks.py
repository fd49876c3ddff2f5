"""What may be wrong with a model's text: refusals, languages, and quotes that nobody can read."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher

REFUSAL, EMPTY, WRONG_LANGUAGE, UNREAD_QUOTE, CUT_OFF, UNPARSED, UNKNOWN_CLASS = (
    "refusal",
    "empty",
    "wrong_language",
    "unread_quote",
    "cut_off",
    "unparsed",
    "unknown_class",
)
USELESS = frozenset({REFUSAL, EMPTY, WRONG_LANGUAGE, UNPARSED, UNKNOWN_CLASS})
"""Flags of texts that later turns of a conversation are not given."""

_CANT = r"(?:can['’]?t|cannot|can not|am unable|['’]m unable|am not able|['’]m not able|won['’]?t)"
_REFUSALS = re.compile(
    rf"""\s*(?:
        (?:i['’]?m|i\ am)\ (?:really\ |very\ |so\ )?sorry[,.!]?\ .{{0,40}}{_CANT}
      | (?:sorry|apologies|unfortunately)[,.!]?\ .{{0,20}}\bi\ ?{_CANT}
      | i\ ?{_CANT}\ (?:to\ )?(?:help|assist|comply|describe|provide|process|fulfil|do|identify
            |see|view|analy|answer|continue|engage|discuss|create|generate|translate|summari)
      | as\ an?\ (?:ai|artificial|large\ language|language\ model)
      | (?:很|非常|十分)?(?:抱歉|对不起|不好意思).{{0,12}}(?:无法|不能|不可以|没办法|不便)
      | 我(?:无法|不能|没办法)(?:提供|帮|协助|描述|回答|处理|识别|查看|看到|完成|继续|翻译|概括)
      | 作为(?:一个|一名|一款)?\ ?(?:ai|人工智能|语言模型|大模型|大型语言)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_QUOTED = re.compile(
    r"“([^”]{1,200})”|「([^」]{1,200})」|『([^』]{1,200})』|«([^»]{1,200})»|‘([^’]{2,200})’"
    r'|"([^"\n]{1,200})"|《([^》]{1,200})》'
)
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]+(?:['’][A-Za-z]+)?")
_FUNCTION_WORDS = frozenset(
    # Words that French, Spanish or German text hardly has.
    re.findall(
        r"\w+",
        "the an is are was of and with in at to for from by it its this that who which his her "
        "their there while up down out into over or not be has have",
    )
)
_ENOUGH_WORDS = 8
_SHARE_FOUND = 0.7


def is_refusal(text: str) -> bool:
    """Whether a text begins like a model that declines, in English or Chinese."""
    return _REFUSALS.match(text) is not None


def speaks(text: str, language: str) -> bool:
    """Whether a text, what it quotes left out, is written in ``en`` or ``zh``.

    Scripts decide; longer Latin texts also need English function words, which tells English from
    French or German but not from a list of English nouns, so short texts pass.
    """
    words = _LATIN.findall(plain := _QUOTED.sub(" ", text))
    han, kana, other = _count_scripts(plain)
    total = len(words) + han + kana + other
    if not total:
        # All of it is quoted, or there is no letter: nothing speaks against the language.
        return True
    if language == "zh":
        return han / total >= 0.5 and kana / total < 0.1
    if len(words) / total < 0.8:
        return False
    english = sum(word.casefold() in _FUNCTION_WORDS for word in words)
    return len(words) < _ENOUGH_WORDS or english / len(words) >= 0.1


def unread_quotes(text: str, read: str) -> list[str]:
    """What a text quotes although it doesn't stand in what OCR read."""
    quotes = (next(group for group in match.groups() if group) for match in _QUOTED.finditer(text))
    return [quote for quote in quotes if not stands_in(quote, read)]


def stands_in(quote: str, read: str) -> bool:
    """Whether most of a quote's letters stand in ``read`` in the same order.

    OCR and models err by a letter here and there; case, width, spaces and marks don't count. A
    quote without letters or digits stands everywhere.
    """
    wanted, there = _letters(quote), _letters(read)
    if not wanted or wanted in there:
        return True
    matcher = SequenceMatcher(None, wanted, there[:2000], autojunk=False)
    blocks = matcher.get_matching_blocks()
    least = 1 if any(ord(sign) > 0x2E80 for sign in wanted) else min(3, len(wanted))
    return sum(block.size for block in blocks if block.size >= least) / len(wanted) >= _SHARE_FOUND


def _letters(text: str) -> str:
    return "".join(s for s in unicodedata.normalize("NFKC", text).casefold() if s.isalnum())


def _count_scripts(text: str) -> tuple[int, int, int]:
    han = kana = other = 0
    for sign in text:
        if not sign.isalpha() or sign < "ɐ":
            continue
        code = ord(sign)
        if 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0x20000 <= code <= 0x3FFFF:
            han += 1
        elif 0x3040 <= code <= 0x30FF:
            kana += 1
        else:
            other += 1
    return han, kana, other
