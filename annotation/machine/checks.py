"""What may be wrong with a model's text: its language, and quotes that nobody can read."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cached_property
from itertools import islice

REFUSAL, EMPTY, WRONG_LANGUAGE, UNREAD_QUOTE, CUT_OFF, UNPARSED, UNKNOWN_CLASS = (
    "refusal",
    "empty",
    "wrong_language",
    "unread_quote",
    "cut_off",
    "unparsed",
    "unknown_class",
)
CHATTER, REPETITION = "chatter", "repetition"
TRIMMED = "trimmed"
"""Says that something was cut off around a text, and nothing against it."""

USELESS = frozenset({REFUSAL, EMPTY, WRONG_LANGUAGE, UNPARSED, UNKNOWN_CLASS, REPETITION})
"""Flags of texts that later turns of a conversation are not given."""

_WIDEST = 200
QUOTED = re.compile(
    rf"“([^“”]{{1,{_WIDEST}}})”|„([^„“”]{{1,{_WIDEST}}})[“”]|「([^「」]{{1,{_WIDEST}}})」"
    rf"|『([^『』]{{1,{_WIDEST}}})』|«([^«»]{{1,{_WIDEST}}})»|《([^《》]{{1,{_WIDEST}}})》"
    rf'|"([^"\n]{{1,{_WIDEST}}})"|＂([^＂\n]{{1,{_WIDEST}}})＂'
    # An apostrophe stands between letters, as in it's, or behind one, as in the cats' tails.
    rf"|‘((?:[^‘’\n]|(?<=[a-z])’(?=[a-z])){{1,{_WIDEST}}})’(?![a-z])"
    rf"|(?<![a-z0-9])'((?:[^'\n]|(?<=[a-z])'(?=[a-z])){{2,{_WIDEST}}})'(?![a-z0-9])",
    re.IGNORECASE,
)
# A gesture, shape or sound that is named by a word or a letter, and not written on the sticker.
_NAMED = re.compile(
    r"[-\s]?(?:gestures?|hand ?signs?|hands?|pose|poses|shaped?|fingers?)\b"
    r"|(?:字)?(?:手势|形|状|型|手|姿势|动作)",
    re.IGNORECASE,
)
_MOST_QUOTES = 50
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]+(?:['’][A-Za-z]+)?")
_COMMON = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the a an is are was were of and with in at to for from by it its this that who "
        "which his her he she their they there while up down out into over on or not be has have "
        "as",
        "fr": "le la les un une des du qui que est et dans sur avec pour au aux il elle ses sont "
        "par",
        "de": "der die das ein eine einen einem einer und ist mit auf im dem nicht sich von zu es "
        "sie er wie den als",
        "es": "el la los las un una y en con por para del que se su al es está están de como",
        "it": "il lo la gli un una di che è con per del della e sul sono nel si da",
        "pt": "o os um uma e em com para da do que se de está é seu sua ao na no",
        "nl": "de het een en van met op is die dat zijn voor aan te wordt naar",
        "id": "yang dan dengan di ini itu sedang seekor seorang tidak untuk dari sebuah ke pada",
        "vi": "một và con với của là đang trên có không những các cho",
        "tr": "bir ve ile bu için çok olan gibi da de",
        "pl": "w i z na się jest nie do to kot ze o jak",
        "sv": "en ett och är med på som det av i den",
    }.items()
}
"""Words that stand in nearly every sentence of a language."""
_ENOUGH_WORDS = 5
_MANY_WORDS = 20
_SHARE_FOUND = 0.7
_ALPHABETS = 0x2E80
"""Code points from here on are those of Chinese, Japanese and Korean."""


def speaks(text: str, language: str) -> bool:
    """Whether a text, what it quotes left out, is written in ``en`` or ``zh``.

    Scripts decide. Longer Latin texts must also have at least as many everyday words of English
    as of another language; many words without any of English aren't English either.
    """
    plain = QUOTED.sub(" ", text)
    words = _LATIN.findall(plain)
    han, kana, other = _count_scripts(plain)
    total = len(words) + han + kana + other
    if not total:
        # All of it is quoted, which speaks against no language, or there is no word at all.
        return plain != text
    if language == "zh":
        return han / total >= 0.5 and kana / total < 0.1
    if len(words) / total < 0.8:
        return False
    found = Counter(word.casefold() for word in words)
    common = {code: sum(found[word] for word in known) for code, known in _COMMON.items()}
    english = common.pop("en")
    if len(words) >= _MANY_WORDS and not english:
        return False
    return len(words) < _ENOUGH_WORDS or max(common.values()) <= english


def unread_quotes(text: str, read: str) -> list[str]:
    """What a text quotes, gestures such as an "OK" hand left out, that OCR didn't read.

    Looks at the first fifty quotes.
    """
    there = _OcrWords(read)
    quotes = (
        next(group for group in match.groups() if group)
        for match in islice(QUOTED.finditer(text), _MOST_QUOTES)
        if not _NAMED.match(text, match.end())
    )
    return [quote for quote in quotes if not there.has(quote)]


def stands_in(quote: str, read: str) -> bool:
    """Whether most of a quote's letters stand in ``read``, in pieces of three or more.

    OCR and models err by a letter here and there, and read lines in another order; case, width,
    spaces and marks don't count. Of Chinese and other texts without an alphabet each sign counts
    by itself. A quote without letters or digits stands everywhere.
    """
    return _OcrWords(read).has(quote)


class _OcrWords:
    """What OCR read, ready for looking up many quotes."""

    def __init__(self, read: str) -> None:
        self._text = _letters(read)

    @cached_property
    def _signs(self) -> Counter[str]:
        return Counter(self._text)

    @cached_property
    def _threes(self) -> frozenset[str]:
        return frozenset(self._text[at : at + 3] for at in range(len(self._text) - 2))

    def has(self, quote: str) -> bool:
        wanted = _letters(quote)
        if wanted in self._text:
            return True
        if any(ord(sign) > _ALPHABETS for sign in wanted):
            found = (Counter(wanted) & self._signs).total()
        else:
            pieces = (at for at in range(len(wanted) - 2) if wanted[at : at + 3] in self._threes)
            found = len({at + step for at in pieces for step in range(3)})
        return found / len(wanted) >= _SHARE_FOUND


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
