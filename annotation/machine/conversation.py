"""One sticker through one prompt set: what is asked, in which order, and what the answers say.

A conversation shows its pictures in its first message, which every later request repeats since
servers remember nothing: a request holds each picture once. Pictures come before all words and the
system message is the same in all of our sets, so that a server which keeps the beginnings of
prompts (prefix caching) looks at them once a sticker. A turn that stands alone has neither: it
is about a text, and a system message that speaks of a picture would have a model miss it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.machine.captioner import Caption, CaptionInput, Cost
from annotation.machine.chat import Answer, Message, Picture, Question
from annotation.machine.hints import hints_about
from annotation.machine.judging import JudgedText, judge
from annotation.machine.parsing import without_thought
from annotation.machine.prompt_set import PLACE, FieldSpec, PromptSet, Turn


@dataclass(frozen=True)
class Asked:
    """An answer, the digest of its question, and what it took."""

    answer: Answer
    digest: str
    cost: Cost


@dataclass(frozen=True)
class Request:
    """A question and where in which prompt set it stands."""

    question: Question
    prompt: str
    turn: str
    language: str
    alone: bool = False


Ask = Callable[[Request], Awaitable[Asked]]


async def converse(
    sticker: CaptionInput, prompts: PromptSet, languages: tuple[str, ...], ask: Ask
) -> list[Caption]:
    """Ask the turns of a prompt set about a sticker; every field ends with a text or a reason."""
    talk = _Talk(sticker, prompts, prompts.spoken(languages), ask)
    for turn in prompts.turns:
        for language in _languages(turn, talk.languages):
            await talk.take_turn(turn, language)
    return talk.captions


def _languages(turn: Turn, spoken: Sequence[str]) -> Sequence[str]:
    return {"first": spoken[:1], "others": spoken[1:], "each": spoken}[turn.languages]


@dataclass
class _Talk:
    sticker: CaptionInput
    prompts: PromptSet
    languages: tuple[str, ...]
    ask: Ask
    captions: list[Caption] = field(default_factory=list)
    values: dict[tuple[str, str], str] = field(default_factory=dict)
    said: list[tuple[str, str]] = field(default_factory=list)

    async def take_turn(self, turn: Turn, language: str) -> None:
        """Ask one turn in one language, or say why it isn't asked."""
        why_not, otherwise = self._hinders(turn, language)
        if why_not is not None:
            self._add(
                Caption(name, code, otherwise[name])
                if name in otherwise
                else Caption(name, code, None, error=f"not asked: {why_not}")
                for name, code, _ in self._fields(turn, language)
            )
            return
        prompt = self._fill(turn, language)
        question = Question(
            self._messages(turn, prompt), _schema(turn, self.languages), turn.max_tokens
        )
        request = Request(question, self.prompts.title, turn.name, language, turn.alone)
        asked = await self.ask(request)
        found = [
            self._judge(asked, turn, name, code, spec)
            for name, code, spec in self._fields(turn, language)
        ]
        self._add(found)
        if not turn.alone and asked.answer.text and any(map(_is_useful, found)):
            # An answer that says nothing would only lead the next one astray.
            self.said.append((prompt, without_thought(asked.answer.text)))

    def _hinders(self, turn: Turn, language: str) -> tuple[str | None, Mapping[str, str]]:
        """Why a turn isn't asked, None where it is; and what its fields are all the same."""
        if not turn.alone and not self.sticker.pictures:
            return "there is no picture to look at", {}
        if language not in turn.prompt:
            return f"{turn.name} has no prompt in {language}", {}
        for name in (*turn.places, *turn.when):
            if self._value(name, language) is None:
                return f"there is no usable {name}", {}
        for name, value in turn.when.items():
            if self._value(name, language) != value:
                return f"{name} is not {value}", turn.otherwise
        return None, {}

    def _add(self, captions: Iterable[Caption]) -> None:
        for caption in captions:
            self.captions.append(caption)
            if caption.text is not None and _is_useful(caption):
                self.values[caption.field, caption.language] = caption.text

    def _value(self, name: str, language: str) -> str | None:
        first = self.languages[0]
        return self.values.get((name, language), self.values.get((name, first)))

    def _fill(self, turn: Turn, language: str) -> str:
        prompt: str = turn.prompt[language]  # type: ignore[index]
        # In one pass: a text that holds braces itself is put in as it is.
        return PLACE.sub(lambda place: self._value(place[1], language) or "", prompt)

    def _messages(self, turn: Turn, prompt: str) -> tuple[Message, ...]:
        if turn.alone:
            return (Message("user", prompt),)
        messages = [Message("system", self.prompts.system)] if self.prompts.system else []
        pictures: tuple[Picture, ...] = self.sticker.pictures
        hints = hints_about(self.sticker, self.prompts.hints)
        before = f"{hints}\n\n" if hints else ""
        for earlier, reply in self.said:
            messages += [Message("user", before + earlier, pictures), Message("assistant", reply)]
            before, pictures = "", ()
        return (*messages, Message("user", before + prompt, pictures))

    def _fields(self, turn: Turn, language: str) -> list[tuple[str, str, FieldSpec]]:
        return [
            (name, code, spec)
            for name, spec in turn.fields.items()
            for code in (self.languages if spec.each_language else (language,))
        ]

    def _judge(
        self, asked: Asked, turn: Turn, name: str, language: str, spec: FieldSpec
    ) -> Caption:
        key = None if turn.plain else _key(name, language, spec)
        judged = judge(asked.answer, key, language, spec, self.sticker.text)
        return Caption(
            name,
            language,
            judged.text,
            judged.flags,
            judged.error,
            turn.name,
            asked.cost,
            asked.digest,
        )


def _is_useful(caption: Caption) -> bool:
    return JudgedText(caption.text, caption.flags, caption.error).useful


def _key(name: str, language: str, spec: FieldSpec) -> str:
    key = spec.key or name
    return f"{key}_{language}" if spec.each_language else key


def _schema(turn: Turn, languages: Sequence[str]) -> dict[str, Any] | None:
    """JSON schema of a turn's answer; None where it is the text itself."""
    if turn.plain:
        return None
    properties: dict[str, Any] = {}
    for name, spec in turn.fields.items():
        for code in languages if spec.each_language else languages[:1]:
            kind: Mapping[str, Any] = {"type": "string"}
            if spec.kind == "class":
                kind = {"type": "string", "enum": list(spec.classes)}
            elif spec.kind == "yes_no":
                kind = {"type": "string", "enum": ["yes", "no"]}
            elif spec.each_language:
                kind = {"type": "string", "description": _IN[code]}
            properties[_key(name, code, spec)] = kind
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_IN = {"en": "in English", "zh": "in Chinese (用中文)"}
