"""The text of a sticker that people settled on, out of what OCR read and what each of them left.

The box that annotators correct is filled with what OCR read, so a text that differs was written
on purpose, and one that doesn't may just not have been looked at. Corrections therefore count
among themselves, and never lose to texts that were left as they were.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.engine.text import one_line

MOST_CHARACTERS = 500
"""In all lines; a sticker says far less, and aligning takes the product of both lengths."""

CONFLICT = "its annotators corrected it differently"
UNCONFIRMED = "one annotator alone left it as it was read"
TOO_LONG = f"its text is longer than {MOST_CHARACTERS} characters"
# Between characters of scripts without spaces, a space is how somebody typed.
_DENSE = "[\u3040-\u30ff\u3400-\u9fff\uff00-\uffef]"
_BETWEEN = re.compile(f"(?<={_DENSE}) (?={_DENSE})")


@dataclass(frozen=True)
class Transcription:
    """Lines, and why they are trusted.

    ``basis``: ``agreed`` by two or more who corrected, of a ``single`` one who did, or
    ``confirmed`` by two or more who left what was read.
    """

    lines: tuple[str, ...]
    basis: str


def settle(texts: Sequence[str], read: Sequence[str]) -> Transcription | str:
    """What annotators' ``texts`` come to where OCR had ``read`` these lines, or why to nothing."""
    given = [lines for text in texts if (lines := text_lines(text))]
    short = [lines for lines in given if sum(map(len, lines)) <= MOST_CHARACTERS]
    if not short or sum(map(len, read)) > MOST_CHARACTERS:
        return TOO_LONG
    corrected = [lines for lines in short if _key(lines) != _key(read)]
    if not corrected:
        lines = _likeliest(short)
        return Transcription(lines, "confirmed") if len(short) > 1 else UNCONFIRMED
    ranked = Counter(map(_key, corrected)).most_common(2)
    (best, votes), second = ranked[0], ranked[1][1] if len(ranked) > 1 else 0
    if votes == second:
        return CONFLICT
    if votes == 1:
        return Transcription(corrected[0], "single")
    return Transcription(_likeliest([li for li in corrected if _key(li) == best]), "agreed")


def text_lines(text: str) -> tuple[str, ...]:
    """The lines of a text, cleaned, without empty ones."""
    return tuple(line for line in (one_line(part, None) for part in text.split("\n")) if line)


def _key(lines: Sequence[str]) -> str:
    """The text with spaces normalised; where its lines are broken changes nothing."""
    return _BETWEEN.sub("", " ".join(lines))


def _likeliest(same: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The lines that most gave, of equal texts; among equals more lines, which fit boxes better."""
    counts = Counter(same)
    return min(counts, key=lambda lines: (-counts[lines], -len(lines), lines))
