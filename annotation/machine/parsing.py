"""Answers as values: what is left of a thought, members of JSON, yes or no, and classes."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from annotation.machine.loose_json import read_objects
from pipeline.engine.text import storable_lines

_LONGEST = 100_000
_LONGEST_KEY = 100
_DEEPEST = 4
# Marks of models that think aloud, and signs that steer models and stay in answers now and then.
_OPENS = re.compile(r"<(?:think|thinking|thought)>|◁think▷", re.IGNORECASE)
_CLOSES = re.compile(r"</(?:think|thinking|thought)>|◁/think▷", re.IGNORECASE)
_STEERING = re.compile(r"<\|[a-z0-9_]{1,30}\|>|</?answer>|</s>\Z", re.IGNORECASE)
_WRAPS = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」", "『": "』", "«": "»", "`": "`"}

_TEXT = r"(?:text|words?|letters?|writing|written|captions?|文字|字样|字|文本|字符)"
_UNSURE = re.compile(
    r"\W*(?:(?:i['’]?m|i\ am)?\s?(?:not\ (?:sure|certain)|unsure|uncertain)|unclear|maybe|perhaps"
    r"|yes\s?(?:/|or)\s?no\b|不确定|不清楚|无法确定|不知道|可能|是否|有没有)",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"\W*(?:(?:the\ )?answer(?:\ is)?|答案?(?:是|为)?)?\W*(?:"
    r"(?P<no>no|nope|none|not|n|false|否|不(?!错)|没(?!错)|無|无|是?没有|いいえ)"
    r"|(?P<yes>yes|yeah|yep|yup|y|true|correct|是|有|存在|对|没错|はい))"
    r"(?:(?<=[^a-z])|\b)",
    re.IGNORECASE,
)
_DENIES = re.compile(
    rf"\b(?:no|not|without|isn['’]t|aren['’]t|doesn['’]t|don['’]t|cannot|can['’]t)\b"
    rf"[^.,;!?\n]{{0,40}}{_TEXT}|(?:没有?|無|无|不(?:含|包含|存在))[^。，；！？,.\n]{{0,12}}{_TEXT}",
    re.IGNORECASE,
)
_AFFIRMS = re.compile(
    rf"\b(?:is|are|has|have|contains?|includes?|shows?|says?|reads?|see|displays?)\b"
    rf"[^.,;!?\n]{{0,40}}{_TEXT}|(?:有|写着|包含|含有|存在)[^。，；！？,.\n]{{0,12}}{_TEXT}",
    re.IGNORECASE,
)
_TAKES_BACK = re.compile(
    rf"\b(?:there(?:['’]s|\ is|\ are)|has|have|contains?)\ no\b[^.,;!?\n]{{0,20}}{_TEXT}"
    rf"|没有[^。，；！？\n]{{0,6}}{_TEXT}",
    re.IGNORECASE,
)
_FIRST = 300


def without_thought(text: str) -> str:
    """The answer behind what a model thought aloud; nothing when the thought has no end.

    Templates that open the thought themselves leave an answer that only closes it.
    """
    answer = []
    at, inside = 0, _opens_unseen(text)
    while True:
        mark = (_CLOSES if inside else _OPENS).search(text, at)
        if not inside:
            answer.append(text[at : mark.start() if mark else None])
        if mark is None:
            return _STEERING.sub("", "".join(answer)).strip()
        at, inside = mark.end(), not inside


def _opens_unseen(text: str) -> bool:
    closes, opens = _CLOSES.search(text), _OPENS.search(text)
    return closes is not None and (opens is None or closes.start() < opens.start())


def unwrapped(text: str) -> str:
    """A text without the code fence or the one pair of quotes that stands around all of it."""
    text = text.strip()
    if len(text) > 6 and text.startswith("```") and text.endswith("```") and text.count("```") == 2:
        first, _, rest = text[3:-3].partition("\n")
        text = (rest if re.fullmatch(r"\w*\s*", first) else text[3:-3]).strip()
    closing = _WRAPS.get(text[:1])
    inner = text[1:-1]
    if closing and len(text) > 1 and text.endswith(closing) and not {text[0], closing} & set(inner):
        return inner.strip()
    return text


def read_members(text: str) -> dict[str, Any] | None:
    """The members of all JSON objects in an answer, by ``bare`` key; None where there is no object.

    Of objects that have the same key the first counts. What lies in an object within an object is
    found under its own key, and under both keys joined.
    """
    objects = read_objects(text[:_LONGEST])
    if not objects:
        return None
    found: dict[str, Any] = {}
    waiting: deque[tuple[str, Any, int]] = deque(("", one, 0) for one in objects)
    while waiting:
        prefix, value, depth = waiting.popleft()
        for key, member in _members(value):
            for name in (f"{prefix}{key}", key):
                if member is not None and len(name) <= _LONGEST_KEY:
                    found.setdefault(name, member)
            if depth < _DEEPEST and isinstance(member, (dict, list)):
                waiting.append((f"{prefix}{key}_"[:_LONGEST_KEY], member, depth + 1))
    return found


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    for one in value if isinstance(value, list) else (value,):
        if isinstance(one, dict):
            yield from ((bare(str(key)[: 2 * _LONGEST_KEY]), member) for key, member in one.items())


def take(found: Mapping[str, Any], key: str) -> str | None:
    """The text under a key, however it is spelt; numbers and lists become text, objects none."""
    return _as_text(found.get(bare(key)), _DEEPEST)


def read_yes_no(text: str) -> str | None:
    """``yes`` or ``no``, as a word of its own or a sentence about text; None for neither."""
    text = text[:_FIRST]
    if _UNSURE.match(text):
        return None
    leading = _LEADING.match(text)
    if leading is not None:
        if leading["no"]:
            return "no"
        # "Yes, there is no text" says neither.
        return None if _TAKES_BACK.search(text) else "yes"
    if _DENIES.search(text):
        return "no"
    return "yes" if _AFFIRMS.search(text) else None


def read_class(text: str, classes: Sequence[str]) -> str | None:
    """The one class that a text names; None where it names none, or more than one."""
    flat = f"_{bare(text)}_"
    exact = [name for name in classes if f"_{bare(name)}_" == flat]
    named = exact or [name for name in classes if f"_{bare(name)}_" in flat]
    # "edited photo" names the class photo as well: the longest name that holds the others counts.
    longest = [n for n in named if all(bare(other) in bare(n) for other in named)]
    return longest[0] if longest else None


def bare(name: str) -> str:
    """A name in lower case, with one underscore for all that is neither letter nor digit."""
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def _as_text(value: Any, depth: int) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (str, int, float)):
        return storable_lines(str(value))
    if isinstance(value, list) and depth:
        texts = (_as_text(item, depth - 1) for item in value)
        return ", ".join(text for text in texts if text) or None
    return None
