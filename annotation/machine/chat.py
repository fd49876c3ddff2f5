"""What a conversation with a model is made of, whoever answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

Role = Literal["system", "user", "assistant"]
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Picture:
    """A picture that a model sees: JPEG, and when it is shown; None for a still."""

    jpeg: bytes
    start_ms: int | None = None

    @cached_property
    def sha256(self) -> str:
        """Digest of the bytes, in hex."""
        return hashlib.sha256(self.jpeg).hexdigest()


@dataclass(frozen=True)
class Message:
    """One message; its pictures come before its text, each behind the time it is shown at."""

    role: Role
    text: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Question:
    """One request: the conversation so far, and what the answer must look like.

    ``schema`` is a JSON schema of an object, None for plain text. ``attempt`` is 0 at first and
    rises each time that the same is asked again, so that a model can answer otherwise.
    """

    messages: tuple[Message, ...]
    schema: Schema | None
    max_tokens: int
    attempt: int = 0

    @cached_property
    def digest(self) -> str:
        """sha256 of all that is asked, pictures included; the attempt is left out."""
        shown = [
            [
                message.role,
                message.text,
                [[picture.sha256, picture.start_ms] for picture in message.pictures],
            ]
            for message in self.messages
        ]
        text = json.dumps([shown, self.schema, self.max_tokens], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def frame_label(start_ms: int) -> str:
    """What stands before a frame of an animation; a number would come back in the answer."""
    return f"At {start_ms / 1000:.2f} s:"


def schema_in_words(schema: Schema) -> str:
    """What to add to a prompt, so that a model knows what the schema wants."""
    return (
        "Answer with one JSON object and nothing else. It must follow this JSON schema: "
        + json.dumps(schema, ensure_ascii=False)
    )


@dataclass(frozen=True)
class Answer:
    """What came back. ``error`` says why there is no text; ``refused`` that the server said so.

    ``finish`` is stop, length (cut off at ``max_tokens``) or what else the model gives.
    """

    text: str | None
    finish: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float = 0.0
    refused: bool = False
    error: str | None = None


@dataclass(frozen=True)
class Model:
    """Which model answers: its name, and its revision or digest as far as that is known."""

    name: str
    revision: str | None = None

    @property
    def title(self) -> str:
        """Name and revision in one."""
        return f"{self.name}@{self.revision}" if self.revision else self.name


class Chat(Protocol):
    """A model that answers; opened in the event loop that asks, closed at the end.

    ``in_flight`` says how many questions are worth having open at once. ``ask`` returns an Answer
    with an ``error`` where this question can't be answered, and raises StickerworksError where no
    question can (no such model, a key refused, a server that is gone).
    """

    @property
    def in_flight(self) -> int: ...

    async def ask(self, question: Question) -> Answer: ...

    async def close(self) -> None: ...
