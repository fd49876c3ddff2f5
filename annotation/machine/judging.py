"""What an answer says about one field, and what may be wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from annotation.machine.chat import Answer
from annotation.machine.checks import (
    CUT_OFF,
    EMPTY,
    REFUSAL,
    UNKNOWN_CLASS,
    UNPARSED,
    UNREAD_QUOTE,
    USELESS,
    WRONG_LANGUAGE,
    is_refusal,
    speaks,
    stands_in,
    unread_quotes,
)
from annotation.machine.parsing import read_class, read_object, read_yes_no, take, without_thought
from annotation.machine.prompt_set import FieldSpec


@dataclass(frozen=True)
class Judged:
    """A field's text, flags, and error where there is no text."""

    text: str | None
    flags: tuple[str, ...] = ()
    error: str | None = None

    @property
    def useful(self) -> bool:
        """Whether later turns of a conversation may build on it."""
        return self.text is not None and not USELESS & set(self.flags)


def judge(answer: Answer, key: str | None, language: str, spec: FieldSpec, read: str) -> Judged:
    """One field of an answer; it has a text, or an error that says why not.

    ``key`` is the field's name in the answer's JSON, None where the answer is the text itself;
    ``read`` is what OCR read on the sticker.
    """
    if answer.error is not None:
        return Judged(None, (), answer.error)
    said = without_thought(answer.text or "")
    if not said:
        reason = "the model refused" if answer.refused else "the answer is empty"
        return Judged(None, (REFUSAL if answer.refused else EMPTY,), reason)
    if answer.refused:
        return Judged(said, (REFUSAL,))
    found = _read_plain(said, spec) if key is None else _read_member(said, key, spec)
    if found.text is not None and not found.flags:
        found = replace(found, flags=tuple(_find_faults(found.text, language, spec, read)))
    if answer.finish == "length" and found.text:
        found = replace(found, flags=(*found.flags, CUT_OFF))
    return found


def _read_plain(said: str, spec: FieldSpec) -> Judged:
    if spec.kind != "yes_no":
        return Judged(said)
    word = read_yes_no(said)
    if word is not None:
        return Judged(word)
    return Judged(said, (REFUSAL if is_refusal(said) else UNPARSED,))


def _read_member(said: str, key: str, spec: FieldSpec) -> Judged:
    found = read_object(said)
    if found is None:
        if is_refusal(said):
            return Judged(said, (REFUSAL,))
        return Judged(None, (UNPARSED,), f"the answer is no JSON object: {said[:80]!r}")
    text = (take(found, key) or "").strip()
    if not text:
        return Judged(None, (EMPTY,), f"the answer has no {key}")
    if spec.kind == "class":
        return Judged(read_class(text, spec.classes) or text)
    if spec.kind == "yes_no":
        return Judged(read_yes_no(text) or text)
    return Judged(text)


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
    return [*faults, UNREAD_QUOTE] if unread_quotes(text, read) else faults
