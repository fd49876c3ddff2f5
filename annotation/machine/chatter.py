"""What models say around an answer: cut off where the rest stays right, else found.

Real texts that only look like it must pass: what is quoted is never looked at, and a beginning
counts only with the words and marks that make it one ("Here is the caption:", not "Here is").
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from annotation.machine.chatter_patterns import (
    BACK,
    BOLD,
    BULLET,
    FORM,
    INLINE,
    ITALIC,
    ITEM,
    LABELLED,
    MARKUP,
    ONESELF,
    TALK,
    preface_of,
)
from annotation.machine.chatter_words import (
    ANNOUNCES,
    PERSON,
    SAYING,
    SENTENCE,
    STRONG,
    STRONG_ZH,
    TASK,
    WEAK,
    WEAK_ZH,
    WORD,
)
from annotation.machine.checks import CHATTER, QUOTED, REPETITION
from annotation.machine.parsing import unwrapped

_LONGEST = 20_000
_TAIL = 400
_ROUNDS = 8

_TAGGED = re.compile(r"<([A-Za-z_]{2,20})>([^<>]{1,5000})</\1>")
_TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")
_MOST_TOKENS, _LONGEST_LOOP = 2000, 24
_HAN_LAUGH = 20


def without_chatter(text: str) -> str:
    """The answer alone: prefaces, labels, quotes, marks, closings, notes and counts cut off.

    Nothing where it is a preface alone.
    """
    whole = text.strip()
    # Of a list or a form no part is the answer: it is flagged as it is.
    if len(text) > _LONGEST or _is_structured(QUOTED.sub(" ", whole)):
        return whole
    for _ in range(_ROUNDS):
        shorter = _without_back(_without_front(_without_marks(whole)))
        if shorter == whole:
            break
        whole = shorter
    return whole


def find_chatter(text: str, *, speech: bool = False) -> list[str]:
    """``chatter`` and ``repetition`` as far as a text, what it quotes left out, has them.

    Where it isn't about what somebody says (``speech``), nobody speaks in it for themselves.
    """
    plain = QUOTED.sub(" ", text[:_LONGEST])
    talks = TALK.search(plain) or (
        not speech and (ONESELF.search(plain) or _is_about_the_task(plain))
    )
    found = [CHATTER] if _is_structured(plain) or _is_marked_up(plain) or talks else []
    return [*found, REPETITION] if repeats(plain) else found


def _is_about_the_task(text: str) -> bool:
    return any(
        PERSON.search(sentence) and TASK.search(sentence) and not SAYING.search(sentence)
        for sentence in SENTENCE.split(text)
    )


def repeats(text: str) -> bool:
    """Whether a text goes round in a loop of words, or in Chinese of signs."""
    tokens = [token.casefold() for token in _TOKEN.findall(text)[:_MOST_TOKENS]]
    return any(_loops(tokens, size) for size in range(1, _LONGEST_LOOP + 1))


def _loops(tokens: Sequence[str], size: int) -> bool:
    run = 0
    for at in range(size, len(tokens)):
        run = run + 1 if tokens[at] == tokens[at - size] else 0
        # Laughter is written by any number of signs.
        single = _HAN_LAUGH if tokens[at] >= "\u3400" else 8
        many = {1: single, 2: 5, 3: 4, 4: 4, 5: 4, 6: 3, 7: 3}.get(size, 2.6)
        # A loop of one is none of two.
        if run >= (many - 1) * size and (size == 1 or len({*tokens[at - size + 1 : at + 1]}) > 1):
            return True
    return False


def _is_structured(text: str) -> bool:
    """Whether it is a list or a form instead of sentences."""
    return max(len(pattern.findall(text)) for pattern in (ITEM, LABELLED, FORM, INLINE)) >= 2


def _is_marked_up(text: str) -> bool:
    return MARKUP.search(text) is not None


def _without_marks(text: str) -> str:
    text = _out_of_object(unwrapped(text))
    if tagged := _TAGGED.fullmatch(text):
        text = tagged[2].strip()
    if len(LABELLED.findall(text)) < 2:
        text = BOLD.sub(r"\1", text)
    if whole := ITALIC.fullmatch(text):
        text = whole[2]
    if "\n" not in text and (bullet := BULLET.match(text)):
        text = text[bullet.end() :]
    return text


def _out_of_object(text: str) -> str:
    """The one text of a JSON object that has no other member."""
    if not (text.startswith("{") and text.endswith("}")):
        return text
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    only = [*found.values()] if isinstance(found, dict) else []
    return only[0].strip() if len(only) == 1 and isinstance(only[0], str) else text


def _without_front(text: str) -> str:
    found = preface_of(text) or _announcement(text)
    if found is None:
        return text
    rest = text[found.end() :]
    return rest[:1].upper() + rest[1:]


def _announcement(text: str) -> re.Match[str] | None:
    """What ends with a colon and is made of words for answers and such as go with them alone."""
    found = ANNOUNCES.match(text)
    if found is None:
        return None
    said = found[0].rstrip().rstrip(":：").casefold().replace("’", "'")
    words = set(WORD.findall(said))
    chinese = STRONG_ZH.sub("", said)
    if words and not WORD.sub("", said).strip(" ,()-"):
        fits = words & STRONG and all(word in WEAK | STRONG or word.isdigit() for word in words)
    else:
        fits = chinese != said and not WEAK_ZH.sub("", chinese)
    return found if fits else None


def _without_back(text: str) -> str:
    start = max(0, len(text) - _TAIL)
    found = BACK.search(text[start:])
    kept = text[: start + found.start()].rstrip() if found else ""
    # What is quoted is no chatter, and a cut within it would leave half of it.
    return kept if kept and _is_closed(kept) else text


def _is_closed(text: str) -> bool:
    counts = [text.count(sign) for sign in "“”「」『』()（）"]
    pairs = zip(counts[::2], counts[1::2], strict=True)
    return text.count('"') % 2 == 0 and all(opened <= closed for opened, closed in pairs)
