"""Names that tags go by, looked for in what is said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.tags.name_forms import same_name

_MOST_WORDS = 8


@dataclass(frozen=True)
class TagNames:
    """Tags by every name that they go by: their own, the English one, aliases.

    Names are those of ``same_name``, so width, case, script and spaces make no difference.
    ``short`` are tags all of whose names have one character, ``starts`` what names begin with.
    """

    tags: Mapping[str, tuple[int, ...]]
    longest: int
    short: frozenset[int]
    starts: frozenset[str]

    @classmethod
    def of(cls, names: Iterable[tuple[int, Iterable[str | None]]]) -> TagNames:
        """Names by tag; blank ones name nothing."""
        tags: dict[str, tuple[int, ...]] = {}
        for tag, called in names:
            for key in sorted({same_name(name) for name in called if name} - {""}):
                tags[key] = (*tags.get(key, ()), tag)
        long = {tag for key, called in tags.items() if len(key) > 1 for tag in called}
        short = {tag for called in tags.values() for tag in called} - long
        longest, starts = max(map(len, tags), default=0), frozenset(key[0] for key in tags)
        return cls(tags, longest, frozenset(short), starts)

    def equal(self, text: str) -> tuple[int, ...]:
        """Tags that a whole text is a name of."""
        # NFKC makes text longer, hardly ever shorter: spaces and signs aside.
        return self.tags.get(same_name(text), ()) if len(text) <= 2 * self.longest + 8 else ()

    def within(self, words: Sequence[str]) -> Iterator[tuple[int, int, int]]:
        """Tags whose names are whole words in a row, with the place of the first and of the end.

        Names of one character are left to ``equal``: most texts say them by accident.
        """
        for begin, word in enumerate(words):
            if word[0] not in self.starts:
                continue
            said = ""
            for end in range(begin, min(len(words), begin + _MOST_WORDS)):
                said += words[end]
                if len(said) > self.longest:
                    break
                if len(said) > 1:
                    for tag in self.tags.get(said, ()):
                        yield tag, begin, end + 1
