"""Which texts can be names of tags, which names are the same, and which are never given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine.chinese_words import HAN, open_tokenizer
from pipeline.engine.text import JOINER, visible
from pipeline.tags.keywords import is_slang_number

Flags = npt.NDArray[np.bool_]

MAX_NAME_CHARS = 40
# NFKC makes some characters 18 times longer, and cells of strangers may hold megabytes.
_MAX_RAW_CHARS = 1000

# Letters that look like Latin ones, large or small: Cyrillic, Greek.
_TWINS = ("авекмнорстухіјѕԁһԛԝүӏαβεζηικνορτυχ", "abekmhopctyxijsdhqwylabezhiknoptyx")
# And what else looks alike: rare Latin letters, katakana and Chinese.
_LOOK_ALIKE = str.maketrans(
    _TWINS[0] + "μıɑɡロニカトハエタヘオ", _TWINS[1] + "miag口二力卜八工夕へ才"
)
# Letters, digits, marks and symbols; the rest parts them.
_SAYING = "LNMS"
# How a sign is drawn, not which one it is.
_VARIATIONS = dict.fromkeys([*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
# Keys of rows: what is merged into c4 would be a cluster and a tag.
_KEY = re.compile(r"[ct]\d{1,9}")
_NUMBER = re.compile(r"[\d.,+\- ]+")
_MAX_DIGITS = 4
# Up to this many characters a Chinese word may begin and end within other words: 操 in 操场.
_SHORT_HAN = 2


def shown_name(text: str) -> str:
    """A name as it is shown and stored: NFKC, one line, trimmed; "" where nothing is left."""
    drawn = text.strip()[:_MAX_RAW_CHARS].translate(_VARIATIONS)
    seen = unicodedata.normalize("NFKC", visible(drawn, JOINER, ""))
    # A joiner makes one emoji of several; between letters it is only unseen.
    after = f"{seen[1:]} "[: len(seen)]
    kept = (s for s, then in zip(seen, after, strict=True) if s != JOINER or _is_symbol(then))
    return unicodedata.normalize("NFKC", " ".join("".join(kept).split()))


def same_name(text: str) -> str:
    """What names have in common that differ in width, case, spacing, script or look-alike letters.

    Traditional characters count as simplified ones. Accents keep names apart, and so do emoji.
    """
    folded = _folded(text)
    letters = "".join(sign for sign in folded if unicodedata.category(sign)[0] in _SAYING)
    return _simplified(letters or folded)


def name_fault(text: str) -> str | None:
    """Why a text can't be a name, as the end of "it ..."; None where it can."""
    name, is_cut = shown_name(text), len(text.strip()) > _MAX_RAW_CHARS
    checks = (
        ("is empty", not text.strip()),
        ("holds a character that no file can", any(map(_is_unstorable, text[:_MAX_RAW_CHARS]))),
        (f"is longer than {MAX_NAME_CHARS} characters", len(name) > MAX_NAME_CHARS or is_cut),
        ("has no letter or digit", not any(map(str.isalnum, name))),
        ("mixes letters of several alphabets that look alike", _is_disguised(name)),
        ("reads as the key of a row does (c4, t001)", bool(_KEY.fullmatch(name.casefold()))),
        ("is only a number, and none that chats have a meaning for (666, 520)", _is_number(name)),
    )
    return next((fault for fault, holds in checks if holds), None)


def is_blocked(text: str, blocked: Iterable[str]) -> bool:
    """Whether a text says one of the blocked words.

    A Latin word counts as a whole ("class" says nothing), also spelt with a plural s, with
    stretched letters or with signs between all its letters. A Chinese one of a character or two
    counts where words begin and end with it (体操 is another word than 操).
    """
    return _compiled(frozenset(blocked)).says(text)


def which_blocked(texts: pa.Array, blocked: Iterable[str]) -> Flags:
    """``is_blocked`` of each text, null for none; words in disguise are passed over.

    Half a million texts take a second: only those that hold the letters of a word are looked at.
    """
    ready = _compiled(frozenset(blocked))
    found = np.zeros(len(texts), dtype=np.bool_)
    if ready.spellings:
        joined = pc.replace_substring_regex(texts, r"[\s\p{P}]+", "")
        may = pc.match_substring_regex(joined, ready.spellings, ignore_case=True)
        for place in np.flatnonzero(may.fill_null(False).to_numpy(zero_copy_only=False)):
            found[place] = ready.says(texts[int(place)].as_py())
    return found


@dataclass(frozen=True)
class _Blocked:
    """Blocked words made ready: all of them, Latin ones as words in order, Chinese ones.

    ``spellings`` is a pattern of what any text must hold that says one of them plainly.
    """

    whole: frozenset[str]
    phrases: frozenset[tuple[str, ...]]
    longest: int
    han: tuple[str, ...]
    spellings: str

    def says(self, text: str) -> bool:
        key = same_name(text)
        if key in self.whole:
            return True
        found = [word for word in self.han if word in key]
        if found and (
            any(len(w) > _SHORT_HAN for w in found) or _has_words(key, _gaps(text), found)
        ):
            return True
        return any(form in self.phrases for form in _forms(_words(text), self.longest))


@lru_cache(maxsize=8)
def _compiled(blocked: frozenset[str]) -> _Blocked:
    keys = {same_name(word): tuple(_words(word)) for word in blocked if shown_name(word)}
    han = tuple(sorted(key for key in keys if HAN.search(key)))
    phrases = frozenset(words for key, words in keys.items() if words and not HAN.search(key))
    spellings = {word[0] for word in phrases}.union(keys, *map(_traditional, han))
    return _Blocked(
        whole=frozenset(keys),
        phrases=phrases,
        longest=max(map(len, phrases), default=0),
        han=han,
        spellings="|".join(map(re.escape, sorted(spellings))),
    )


def _words(text: str) -> list[str]:
    """Words of a text, Chinese left out: letters and digits that stand together."""
    groups = groupby(_folded(text), lambda s: s.isalnum() and not HAN.match(s))
    return ["".join(signs) for is_word, signs in groups if is_word]


def _forms(words: list[str], longest: int) -> Iterable[tuple[str, ...]]:
    """Runs of words as they may stand among blocked ones."""
    for length in range(1, min(longest, len(words)) + 1):
        for begin in range(len(words) - length + 1):
            run = tuple(words[begin : begin + length])
            yield run
            yield (*run[:-1], run[-1].removesuffix("s"))
            # fuuuck is fuck, assss is ass.
            for most in (1, 2):
                yield tuple(_squeezed(word, most) for word in run)


def _squeezed(word: str, most: int) -> str:
    """A word whose letters that stand three times or more in a row stand ``most`` times."""
    runs = ("".join(signs) for _, signs in groupby(word))
    return "".join(run[:most] if len(run) > 2 else run for run in runs)


def _gaps(text: str) -> set[int]:
    """Where signs that same_name leaves out part its result."""
    places, at = set(), 0
    for sign in _folded(text):
        if unicodedata.category(sign)[0] in _SAYING:
            at += 1
        else:
            places.add(at)
    return places


def _has_words(key: str, begins: set[int], found: list[str]) -> bool:
    """Whether one of ``found`` is made of whole words of a text, or lies within a longer one."""
    at = 0
    words = list(_tokenizer().cut(key, HMM=False))
    for word in words:
        begins.add(at)
        at += len(word)
        if any(len(short) > 1 and short in word for short in found):
            return True
    begins.add(at)
    return any(
        place in begins and place + len(short) in begins
        for short in found
        for place in range(len(key))
        if key.startswith(short, place)
    )


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    return open_tokenizer()


def _folded(text: str) -> str:
    """NFKC, lower case, no unseen characters, look-alike letters as what they look like."""
    lower = unicodedata.normalize("NFKC", shown_name(text).casefold())
    # Decomposed, so that ё is seen as e with two dots.
    letters = unicodedata.normalize("NFD", lower).translate(_LOOK_ALIKE)
    return unicodedata.normalize("NFC", letters)


def _simplified(text: str) -> str:
    # Traditional to simplified, with the variants that Taiwan writes.
    return str(_converter("tw2s").convert(text.replace("麽", "麼"))) if HAN.search(text) else text


def _traditional(text: str) -> tuple[str, str]:
    return _converter("s2t").convert(text), _converter("s2tw").convert(text)


@lru_cache(maxsize=3)
def _converter(kind: str) -> Any:
    import opencc

    return opencc.OpenCC(kind)


def _is_symbol(sign: str) -> bool:
    return unicodedata.category(sign) == "So"


def _is_number(name: str) -> bool:
    """Whether it is a bare number of five digits or more, or with a decimal point."""
    digits = re.sub(r"\D", "", name)
    if not _NUMBER.fullmatch(name) or is_slang_number(digits):
        return False
    return len(digits) > _MAX_DIGITS or re.search(r"[.,]\d", name) is not None


def _is_unstorable(sign: str) -> bool:
    """Whether XML can't hold a character, or nobody can read it (for private use)."""
    code, kind = ord(sign), unicodedata.category(sign)
    nothing = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return nothing or kind in ("Cs", "Co") or (kind == "Cc" and not sign.isspace())


def _is_disguised(name: str) -> bool:
    """Whether a word has Latin letters and others that look like Latin ones."""
    lower = unicodedata.normalize("NFD", name.casefold())
    for is_word, signs in groupby(lower, str.isalpha):
        letters = set(signs) if is_word else set()
        if letters.intersection(_TWINS[0]) and any("a" <= letter <= "z" for letter in letters):
            return True
    return False
