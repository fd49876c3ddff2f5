"""A name for a cluster from its own words: one that people would recognise, and no other's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.tags.name_forms import is_blocked, name_fault, same_name, shown_name

# What a word is worth as a name beside its score: one that says little, one of one character.
_SAYS_LITTLE, _ONE_CHARACTER = 0.1, 0.5
# A phrase stands for its word when that much of the keywords with the word say it.
_PHRASE_SHARE = 0.6
_LONGEST_PHRASE = 4
# Keywords of a cluster that are read for phrases: what is common is common in the nearest ones.
_READ = 200
_ENGLISH_SHARE = 1 / 3
# A word names a cluster only if that much of its keywords have it, and that much of the first
# one's share; where no word has, the first does.
_LEAST_SHARE, _NEARLY = 0.3, 0.6
_SHORT_KEYWORD = 6
_NEAREST = 5
# 撤回A, 撤回B: the same again.
_SERIAL = re.compile(r"[^A-Za-z][A-Z]$")
_LATIN = re.compile(r"[a-z]{2,}")

Read = Sequence[tuple[str, list[str]]]


@dataclass(frozen=True)
class ClusterWords:
    """Best words of a cluster with their scores; its keywords and their words, nearest first."""

    terms: Sequence[tuple[str, float]]
    keywords: pa.Array
    tokens: pa.ListArray


class Suggester:
    """Suggests names one after the other, each of them once."""

    def __init__(
        self,
        blocked: frozenset[str],
        function_words: Collection[str],
        taken: Iterable[Sequence[str]],
    ) -> None:
        self._blocked = blocked
        self._say_little = frozenset(function_words)
        self._taken = {same_name(name) for names in taken for name in names}

    def suggest(self, cluster: ClusterWords, number: int) -> tuple[str | None, str | None]:
        """A name and an English one; the name is None where all words are blocked."""
        read = list(
            zip(
                cluster.keywords[:_READ].to_pylist(),
                cluster.tokens[:_READ].to_pylist(),
                strict=True,
            )
        )
        allowed = [(w, s) for w, s in cluster.terms if not is_blocked(w, self._blocked)]
        terms = self._by_worth(allowed, read)
        name = next((n for n in self._names(terms, read, number) if self._is_free(n)), None)
        if name is not None:
            self._taken.add(same_name(name))
            name = _as_written(name, read)
        return name, _english(terms, read)

    def _by_worth(self, terms: Sequence[tuple[str, float]], read: Read) -> list[str]:
        """Words, the best name first; those that few keywords have come last."""
        share = {word: sum(word in tokens for _, tokens in read) / len(read) for word, _ in terms}
        first = terms[0][0] if terms else ""
        nearly = 0 if first in self._say_little else _NEARLY * share.get(first, 0)
        common = {word for word, part in share.items() if part >= max(_LEAST_SHARE, nearly)}
        if common <= self._say_little:
            common.add(first)

        def worth(term: tuple[str, float]) -> tuple[bool, float]:
            word, score = term
            return word not in common, -score * self._weight(word)

        return [word for word, _ in sorted(terms, key=worth)]

    def _weight(self, word: str) -> float:
        if word in self._say_little:
            return _SAYS_LITTLE
        return _ONE_CHARACTER if len(word) == 1 else 1.0

    def _names(self, terms: Sequence[str], read: Read, number: int) -> Iterator[str]:
        """Texts that may name the cluster, the best first."""
        if not terms:
            return
        first, others = terms[0], terms[1:4]
        own = (_bare(keyword) for keyword, words in read if first in words)
        short = [k for k in own if k not in self._say_little and _is_short(k)]
        if len(read) == 1:
            yield from short
        if (phrase := self._phrase(first, read)) is not None:
            yield phrase
        if first in self._say_little:
            yield from short[:_NEAREST]
        else:
            yield first
        yield from (f"{first} {other}" for other in others)
        yield from (*short, first)
        yield from (f"{first} {number}{again}" for again in ("", *range(-2, -100, -1)))

    def _phrase(self, term: str, read: Read) -> str | None:
        """The longest run of words around a word that most keywords with it say, if any."""
        said: Counter[str] = Counter()
        holding = [(keyword, tokens) for keyword, tokens in read if term in tokens]
        for keyword, tokens in holding:
            said.update({run for run in self._runs(term, tokens) if run in keyword.casefold()})
        enough = max(2.0, _PHRASE_SHARE * len(holding))
        common = [run for run, count in said.items() if count >= enough]
        return max(common, key=lambda run: (len(run), said[run], run), default=None)

    def _runs(self, term: str, tokens: Sequence[str]) -> Iterator[str]:
        """Words that follow each other, the term among them, as they are written."""
        for length in range(2, _LONGEST_PHRASE + 1):
            for begin in range(len(tokens) - length + 1):
                run = tokens[begin : begin + length]
                weak = {run[0], run[-1]} & self._say_little
                if term in run and (not weak - {term} or term in self._say_little):
                    yield (" " if all(word.isascii() for word in run) else "").join(run)

    def _is_free(self, name: str) -> bool:
        return (
            same_name(name) not in self._taken
            and name_fault(name) is None
            and not is_blocked(name, self._blocked)
        )


def _as_written(name: str, read: Read) -> str:
    """A name in the case that keywords of just that name have: words are in lower case."""
    written = (shown_name(keyword) for keyword, _ in read if keyword.casefold() == name)
    return min(written, default=name)


def _bare(keyword: str) -> str:
    """A keyword without the signs around it: 你说什么?!"""
    signs = [place for place, sign in enumerate(keyword) if sign.isalnum()]
    return shown_name(keyword[signs[0] : signs[-1] + 1]) if signs else ""


def _is_short(keyword: str) -> bool:
    """Whether a keyword is a name as it is: a few letters, no sentence and no number in a row."""
    return 1 < len(keyword) <= _SHORT_KEYWORD and keyword.isalpha() and not _SERIAL.search(keyword)


def _english(terms: Sequence[str], read: Read) -> str | None:
    """The best Latin word, if the cluster is about it."""
    for term in terms:
        if _LATIN.fullmatch(term):
            holding = sum(term in tokens for _, tokens in read)
            if holding >= max(1, _ENGLISH_SHARE * len(read)):
                return term
    return None
