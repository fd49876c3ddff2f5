"""What an answer says about one field, and what may be wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from annotation.machine.chat import Answer
from annotation.machine.chatter import find_chatter, without_chatter
from annotation.machine.checks import (
    CUT_OFF,
    EMPTY,
    REFUSAL,
    TRIMMED,
    UNKNOWN_CLASS,
    UNPARSED,
    UNREAD_QUOTE,
    USELESS,
    WRONG_LANGUAGE,
    speaks,
    stands_in,
    unread_quotes,
)
from annotation.machine.parsing import (
    read_class,
    read_members,
    read_yes_no,
    take,
    unwrapped,
    without_thought,
)
from annotation.machine.prompt_set import FieldSpec
from annotation.machine.refusals import is_refusal
from pipeline.engine.text import storable_lines


@dataclass(frozen=True)
class JudgedText:
    """A field's text, flags, and error where there is no text."""

    text: str | None
    flags: tuple[str, ...] = ()
    error: str | None = None

    @property
    def useful(self) -> bool:
        """Whether later turns of a conversation may build on it."""
        return self.text is not None and not USELESS & set(self.flags)


def judge(answer: Answer, key: str | None, language: str, spec: FieldSpec, read: str) -> JudgedText:
    """One field of an answer; it has a text, or an error that says why not.

    ``key`` is the field's name in the answer's JSON, None where the answer is the text itself;
    ``read`` is what OCR read on the sticker.
    """
    if answer.error is not None:
        return JudgedText(None, (), answer.error)
    said = storable_lines(without_thought(answer.text or ""))
    cut_off = answer.finish == "length"
    if answer.refused:
        return JudgedText(said, (REFUSAL,)) if said else _nothing(REFUSAL, "the model refused")
    if not said:
        return _nothing(EMPTY, "the answer is cut off" if cut_off else "the answer is empty")
    found = _read_plain(said, spec) if key is None else _read_member(said, key, spec)
    if found.text is not None and not found.flags:
        found = _checked(found.text, language, spec, read)
    # What was found in an object, or is one of a few words, is whole whatever came after it.
    if cut_off and found.text is None:
        found = replace(found, error=f"the answer is cut off: {found.error}")
    elif cut_off and key is None and found.text not in ("yes", "no"):
        found = replace(found, flags=(*found.flags, CUT_OFF))
    return found


def _nothing(flag: str, reason: str) -> JudgedText:
    return JudgedText(None, (flag,), reason)


def _read_plain(said: str, spec: FieldSpec) -> JudgedText:
    if spec.kind != "yes_no":
        text = said if spec.kind == "text" else unwrapped(said)
        return JudgedText(text) if text else _nothing(EMPTY, "the answer is empty")
    word = read_yes_no(said)
    if word is not None:
        return JudgedText(word)
    return JudgedText(said, (REFUSAL if is_refusal(said) else UNPARSED,))


def _read_member(said: str, key: str, spec: FieldSpec) -> JudgedText:
    found = read_members(said)
    if found is None:
        if is_refusal(said):
            return JudgedText(said, (REFUSAL,))
        return _nothing(UNPARSED, f"the answer holds no JSON object: {said[:80]!r}")
    given = take(found, key)
    text = (given or "").strip()
    # That nothing is written on a sticker is something to say about it.
    if not text and (given is None or spec.kind != "reading"):
        return _nothing(EMPTY, f"the answer has no {key}")
    if spec.kind == "class":
        return JudgedText(read_class(text, spec.classes) or text)
    if spec.kind == "yes_no":
        return JudgedText(read_yes_no(text) or text)
    return JudgedText(text)


def _checked(text: str, language: str, spec: FieldSpec, read: str) -> JudgedText:
    """A text with what is wrong with it; what was said around it is cut off."""
    answer = text
    if spec.kind == "text":
        answer = without_chatter(text)
    elif spec.kind == "reading":
        answer = _read_alone(text, read)
    if not answer and spec.kind == "text":
        return _nothing(EMPTY, f"the answer is no more than {text[:80]!r}")
    cut = [TRIMMED] if answer != text else []
    return JudgedText(answer, (*cut, *_find_faults(answer, language, spec, read)))


def _read_alone(text: str, read: str) -> str:
    """What stands on the sticker without the words that announce it: "The text reads: ..."."""
    announced = unwrapped(re.split("[:：]", text, maxsplit=1)[-1])
    alone = announced and stands_in(announced, read) and not stands_in(text, read)
    return announced if alone else text


def _find_faults(text: str, language: str, spec: FieldSpec, read: str) -> list[str]:
    if spec.kind == "class":
        return [] if text in spec.classes else [UNKNOWN_CLASS]
    if spec.kind == "yes_no":
        return [] if text in ("yes", "no") else [UNPARSED]
    if spec.kind == "reading":
        if stands_in(text, read):
            return []
        return [REFUSAL] if is_refusal(text) else [UNREAD_QUOTE]
    if is_refusal(text):
        return [REFUSAL]
    faults = [] if speaks(text, language) else [WRONG_LANGUAGE]
    if not spec.speech and unread_quotes(text, read):
        faults.append(UNREAD_QUOTE)
    return [*faults, *find_chatter(text, speech=spec.speech)]
